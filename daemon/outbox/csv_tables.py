"""CSV of the tables of a document: one file for each (RFC 4180, UTF-8 with a byte order mark).

Without the mark, Excel takes the file for one in the code page of the machine and shows Chinese as
garbage. A scan may come from anybody: a cell that a spreadsheet would take for a formula begins
with an apostrophe, which spreadsheets use for that and do not show.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from typing import Final

from daemon.core.records import PageText, Table
from daemon.core.structure import tables, texts_of

MAX_TABLES: Final = 1000
"""Files of one document at most: each is created, synced and listed in the sidecar."""

_FORMULA: Final = re.compile(r"[=＝@＠\t\r]|[+＋\-−－](?![\d\s.,%/()+-]*$)")


def render(pages: Iterable[PageText]) -> Iterator[bytes]:
    """Yield a file for each table of a document, in reading order."""
    for _, table in tables(pages):
        yield _file(table)


def _file(table: Table) -> bytes:
    file = io.StringIO(newline="")
    csv.writer(file).writerows([_inert(text) for text in row] for row in texts_of(table))
    return file.getvalue().encode("utf-8-sig", "replace")


def _inert(text: str) -> str:
    """Return a text that no spreadsheet runs as a formula; numbers with a sign stay as they are."""
    return f"'{text}" if _FORMULA.match(text) else text
