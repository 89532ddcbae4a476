"""What the benchmark compares Strongroom with: the same stages in Python alone, of its best libraries.

    python3 pypipeline.py backup --repo R PATH...
    python3 pypipeline.py restore --repo R --target T

The libraries release the interpreter's lock while they chunk, hash, compress and seal, so threads keep all cores busy.
"""

import argparse
import json
import sys

from backup import backup
from restore import restore


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="pypipeline")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("backup")
    command.add_argument("--repo", required=True)
    command.add_argument("paths", nargs="+", metavar="PATH")
    command = commands.add_parser("restore")
    command.add_argument("--repo", required=True)
    command.add_argument("--target", required=True)
    options = parser.parse_args(arguments)
    try:
        if options.command == "backup":
            result = backup(options.repo, options.paths)
        else:
            result = restore(options.repo, options.target)
    except (OSError, ValueError) as error:
        print(f"pypipeline: {error}", file=sys.stderr)
        return 1
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
