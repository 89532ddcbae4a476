"""Outside Bazel, the package is beside its tests."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).absolute().parent))
