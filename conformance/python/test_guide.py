"""Runs those examples of docs/python.md that use the conformance service."""

import os
import pathlib
import re
import subprocess
import sys

_GUIDE = pathlib.Path(__file__).absolute().parents[2] / "docs" / "python.md"


def test_the_examples_run() -> None:
    examples = re.findall(r"```python\n(.*?)```", _GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    outputs = []
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(path for path in sys.path if path))
    for example in examples:
        if "conformance_api" in example:
            done = subprocess.run(
                [sys.executable, "-c", example], env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
            outputs.append(done.stdout)
    assert outputs == ["2\n4\n6\nthe source is gone\n", "7\n"]
