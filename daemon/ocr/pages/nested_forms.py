"""Forms that draw forms: ten levels of ten calls are ten thousand million drawings in 2 kB.

MuPDF would execute them for hours and cannot be interrupted. The calls are counted in the content
streams, each of which is read once. What hides its calls from that (a comment within a call) ends
by the deadline of the page.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Final

import pymupdf

from daemon.core.errors import Rejected

_MAX_CALLS: Final = 2_000_000  # of forms on a page: about 20 s; a map has some thousands
_MIN_NESTED: Final = 3  # forms that are called by forms; fewer cannot multiply to much
_MAX_STREAM: Final = 4_000_000  # bytes of a stream in which calls are counted
_CALL: Final = re.compile(rb"/([^\s/<>\[\](){}%]+)\s+Do(?![^\s/<>\[\](){}%])")
_ESCAPE: Final = re.compile(r"#([0-9A-Fa-f]{2})")
_ENTRY: Final = re.compile(r"/([^\s/<>\[\](){}%]+)\s+(\d+)\s+\d+\s+R")


def refuse_explosions(page: pymupdf.Page) -> None:
    """Raise Rejected (too_large) where forms call each other too many times to be drawn."""
    forms = page.get_xobjects()
    if sum(caller != 0 for _, _, caller, *_ in forms) < _MIN_NESTED:
        return
    calls = _Calls(page.parent)
    count = calls.in_content(page.read_contents(), _resources(page.parent, page.xref))
    if count > _MAX_CALLS:
        drawn = f"page {page.number + 1} draws forms within forms {count:.2g} times"
        raise Rejected("too_large", f"{drawn}; print it to a new PDF")


class _Calls:
    """Counts how many forms a content stream draws, with those that they draw in turn."""

    def __init__(self, document: pymupdf.Document) -> None:
        self._document = document
        self._totals: dict[int, int] = {}

    def in_content(self, content: bytes, resources: Mapping[str, int]) -> int:
        """Return the number of drawings of a content stream with these forms, by name."""
        found = _CALL.findall(content[:_MAX_STREAM])
        names = Counter(_name(name.decode("latin-1")) for name in found)
        return sum(
            count * (1 + self._in_form(resources[name]))
            for name, count in names.items()
            if name in resources
        )

    def _in_form(self, xref: int) -> int:
        """Return the number of drawings of a form; a form that calls itself is cut by MuPDF."""
        if xref not in self._totals:
            self._totals[xref] = 0
            if self._document.xref_get_key(xref, "Subtype")[1] == "/Form":
                content = self._document.xref_stream(xref) or b""
                self._totals[xref] = self.in_content(content, _resources(self._document, xref))
        return self._totals[xref]


def _resources(document: pymupdf.Document, xref: int) -> dict[str, int]:
    """Return the numbers of the objects that a page or form may draw, by name."""
    kind, value = document.xref_get_key(xref, "Resources/XObject")
    if kind == "xref":
        value = document.xref_object(int(value.split()[0]))
    elif kind != "dict":
        return {}
    return {_name(name): int(number) for name, number in _ENTRY.findall(value)}


def _name(written: str) -> str:
    """Return a name without its escapes: `#46` is F."""
    return _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), written)
