"""Makes the site once more, in another folder and with sets in another order, and compares all files."""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile


def files(folder: pathlib.Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def main() -> int:
    options = argparse.ArgumentParser()
    options.add_argument("--site", type=pathlib.Path, required=True)
    options.add_argument("--reference", required=True)
    options.add_argument("--sources", nargs="*", required=True)
    options.add_argument("--pages", nargs="+", required=True)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as again:
        command = [
            sys.executable,
            str(pathlib.Path(__file__).parent / "build.py"),
            "--out",
            again,
            "--reference",
            given.reference,
        ]
        for source in given.sources:
            command += ["--source", source]
        path = os.pathsep.join(path for path in sys.path if path)
        environment = dict(os.environ, PYTHONPATH=path, PYTHONHASHSEED="7", SOURCE_DATE_EPOCH="0")
        subprocess.run(command + given.pages, env=environment, check=True)
        first, second = files(given.site), files(pathlib.Path(again))
    if "index.html" not in first:
        sys.exit(f"{given.site} has no first page")
    different = sorted(name for name in first.keys() | second.keys() if first.get(name) != second.get(name))
    print("\n".join(f"{name} is not the same when it is made again" for name in different))
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
