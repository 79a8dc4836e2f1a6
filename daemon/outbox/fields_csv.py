"""Derived output `fields_csv`: a line of the names of the fields, one of the values (RFC 4180).

The first column is the file. So the files of many documents of one profile make one table.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daemon.core.records import Document


def render(document: Document, name: str) -> bytes:
    """Return the fields of the document in the file `name` as CSV; a missing value is empty."""
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["file", *(each.name for each in document.fields)])
    values = (each.found.value if each.found else "" for each in document.fields)
    writer.writerow([name, *values])
    return table.getvalue().encode("utf-8", "replace")
