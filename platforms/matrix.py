"""The support matrix of two documents, from support.json: writes it, or fails where it is another one.

matrix.py [--check] SUPPORT DOCUMENT README: all of it for the document, what fits a screen for the README.
"""

import json
import pathlib
import sys

BEGIN = "<!-- platforms/matrix.py writes from here -->\n"
END = "<!-- to here -->\n"


def table(rows: dict[str, dict[str, object]]) -> str:
    lines = ["| platform | needs | built | tested, and by what |", "|---|---|---|---|"]
    for platform, row in rows.items():
        built, tested = row["built"], row["tested"]
        assert isinstance(built, list) and isinstance(tested, list)
        how = f"{'; '.join(tested)}: {row['tested by']}" if tested else f"nothing: {row['tested by']}"
        lines.append(f"| `//platforms:{platform}` | {row['needs']} | {', '.join(built) or 'nothing'} | {how} |")
    return "\n".join(lines) + "\n"


def short(rows: dict[str, dict[str, object]]) -> str:
    things = ["shared library", "static library", "Go agent", "Python wheel"]
    lines = [f"| | {' | '.join(things)} | tested |", "|---" * (len(things) + 2) + "|"]
    for platform, row in rows.items():
        built = row["built"]
        assert isinstance(built, list)
        there = " | ".join("yes" if thing in built else "–" for thing in things)
        lines.append(f"| {platform.replace('_', '-')} | {there} | {row['where']} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    check = sys.argv[1] == "--check"
    support, document, readme = map(pathlib.Path, sys.argv[-3:])
    rows = json.loads(support.read_text(encoding="utf-8"))
    for file, matrix in [(document, table(rows)), (readme, short(rows))]:
        text = file.read_text(encoding="utf-8")
        before, rest = text.split(BEGIN)
        _, after = rest.split(END)
        wanted = before + BEGIN + matrix + END + after
        if not check:
            file.write_text(wanted, encoding="utf-8")
        elif wanted != text:
            sys.exit(f"{file} has another matrix than {support}; run tools/generate")


if __name__ == "__main__":
    main()
