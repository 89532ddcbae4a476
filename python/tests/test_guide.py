"""Runs the examples of docs/python.md, one after the other, in a folder with something to save."""

import os
import pathlib
import re
import subprocess
import sys

_GUIDE = pathlib.Path(__file__).absolute().parents[2] / "docs" / "python.md"


def test_the_examples_run(tmp_path: pathlib.Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "file").write_bytes(b"content")
    examples = re.findall(r"```python\n(.*?)```", _GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    # The others are run by conformance/python/test_guide.py.
    examples = [example for example in examples if "conformance_api" not in example]
    assert len(examples) == 6
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(path for path in sys.path if path))
    for example in examples:
        text = re.sub(r'"/(srv|home/me)/', f'"{tmp_path}/', example)
        done = subprocess.run(
            [sys.executable, "-c", text], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
