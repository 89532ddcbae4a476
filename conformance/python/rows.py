"""The rows of the table: which of them a runner runs, and which of those are known to fail."""

import dataclasses
from typing import Any

Row = dict[str, Any]

# Whose runners read the table.
LANGUAGES = ("rust", "c", "go", "python")


@dataclasses.dataclass(frozen=True)
class Plan:
    """`run` have to hold, `gaps` have to fail, and what is skipped is of what the language does not have by nature."""

    run: list[Row]
    gaps: list[Row]
    skipped: int


def _known(language: str) -> str:
    if language not in LANGUAGES:
        raise ValueError(f"there is no runner of {language!r}")
    return language


def plan(rows: list[Row], gaps: list[dict[str, str]], language: str) -> Plan:
    """Sorts the rows. Raises ValueError where the tables name what is not there."""
    names: set[str] = set()
    for row in rows:
        if row["name"] in names:
            raise ValueError(f"two rows have the name {row['name']!r}")
        names.add(row["name"])
    found: set[str] = set()
    for gap in gaps:
        if gap["row"] not in names:
            raise ValueError(f"the gap {gap['row']!r} names no row")
        if not gap.get("why"):
            raise ValueError(f"the gap {gap['row']!r} does not say why")
        if _known(gap["language"]) == language:
            found.add(gap["row"])
    made = Plan([], [], 0)
    for row in rows:
        concerns = "languages" not in row or language in [_known(one) for one in row["languages"]]
        if not concerns and row["name"] in found:
            raise ValueError(f"the gap {row['name']!r} is of a row that is not for {language}")
        if concerns:
            (made.gaps if row["name"] in found else made.run).append(row)
    return dataclasses.replace(made, skipped=len(rows) - len(made.run) - len(made.gaps))
