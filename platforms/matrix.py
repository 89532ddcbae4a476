"""The support matrix of a document, from support.json: writes it, or fails where it is another one.

matrix.py [--check] SUPPORT DOCUMENT
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


def main() -> None:
    check = sys.argv[1] == "--check"
    support, document = map(pathlib.Path, sys.argv[-2:])
    text = document.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    wanted = before + BEGIN + table(json.loads(support.read_text(encoding="utf-8"))) + END + after
    if not check:
        document.write_text(wanted, encoding="utf-8")
    elif wanted != text:
        sys.exit(f"{document} has another matrix than {support}; run tools/generate")


if __name__ == "__main__":
    main()
