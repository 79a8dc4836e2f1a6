"""What a command found, for people and for programs, and messages that several commands print."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from daemon.config.settings import Config
from daemon.core.logs import escape_controls


@dataclass(frozen=True, slots=True)
class Report:
    """What a command found: lines for people, the same as values of JSON, and whether it is good.

    Names of files in `values` are Unicode.
    """

    text: str
    values: Mapping[str, object]
    is_good: bool = True

    @property
    def json(self) -> str:
        """The values as one JSON object, indented; ASCII, so that every terminal prints it."""
        return json.dumps(self.values, indent=1)


def no_ledger(config: Config) -> Report:
    """Return the report on a state folder without a ledger."""
    text = f"nothing has been read: no daemon has used {config.folders.state} yet"
    return Report(text, {"ledger": None, "message": text})


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines, without control characters; all columns but the last are aligned."""
    escaped = [[escape_controls(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*escaped, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False))
        + ("  " if len(row) > 1 else "")
        + row[-1]
        for row in escaped
    ]
