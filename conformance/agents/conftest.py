"""The harness of the agents' tests is that of the Python agent."""

import pathlib
import runpy
import sys

_TESTS = pathlib.Path(__file__).absolute().parents[2] / "python" / "tests"
sys.path.insert(0, str(_TESTS))
runpy.run_path(str(_TESTS / "conftest.py"))
