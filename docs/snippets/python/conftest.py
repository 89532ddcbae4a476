"""Finds the library: in Bazel it is beside the package, elsewhere it is where cargo and build_native.py leave it."""

import os
import pathlib
import sys

import pytest

_ROOT = pathlib.Path(__file__).absolute().parents[3]
sys.path.insert(0, str(_ROOT / "python"))


def _prepare() -> None:
    if "TEST_SRCDIR" in os.environ:
        return
    import build_native

    build_native.build()
    if "STRONGROOM_LIBRARY" not in os.environ:
        target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", _ROOT / "target"))
        built = [path for path in target.glob("*/libstrongroom.so") if path.parent.name in ("release", "debug")]
        if not built:
            pytest.exit("build the library first: cargo build --release -p strongroom", 2)
        os.environ["STRONGROOM_LIBRARY"] = str(max(built, key=lambda path: path.stat().st_mtime))


_prepare()
