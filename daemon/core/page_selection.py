"""A selection of the pages of a document, as in a print dialog: `1-3,7,10-`."""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_PAGE = 10**6
MAX_CHARACTERS = 200  # of the text of a selection

_RANGE = re.compile(r"(\d{1,7})?\s*(-)?\s*(\d{1,7})?", re.ASCII)
_REMEDY = "write page numbers and ranges, such as 1-3,7,10-"


@dataclass(frozen=True, slots=True)
class PageSelection:
    """Ranges of pages, 1-based and inclusive, in order, without overlaps.

    The end of the last range may be `MAX_PAGE`, which stands for the last page of the document.
    """

    ranges: tuple[tuple[int, int], ...]

    @classmethod
    def parse(cls, text: str) -> PageSelection:
        """Return the selection that a text describes; ValueError with the remedy."""
        if len(text) > MAX_CHARACTERS:
            raise ValueError(f"has more than {MAX_CHARACTERS} characters; select fewer ranges")
        ranges = sorted(_parsed(part.strip()) for part in text.split(","))
        merged = ranges[:1]
        for first, last in ranges[1:]:
            before_first, before_last = merged[-1]
            if first > before_last + 1:
                merged.append((first, last))
            else:
                merged[-1] = (before_first, max(last, before_last))
        return cls(tuple(merged))

    def within(self, page_count: int) -> list[tuple[int, int]]:
        """Return the selected ranges of a document with so many pages; none if it is too short."""
        return [
            (first, min(last, page_count)) for first, last in self.ranges if first <= page_count
        ]

    def __str__(self) -> str:
        """Return the shortest text that describes the same pages."""
        return ",".join(
            f"{first}-" if last == MAX_PAGE else f"{first}" if first == last else f"{first}-{last}"
            for first, last in self.ranges
        )


def _parsed(part: str) -> tuple[int, int]:
    found = _RANGE.fullmatch(part)
    if found is None or not (found[1] or (found[2] and found[3])):
        raise ValueError(f"{_REMEDY}; {part[:40]!r} is neither")
    first = int(found[1] or 1)
    last = int(found[3] or MAX_PAGE) if found[2] else first
    if found[3] and not found[2]:
        raise ValueError(f"{_REMEDY}; {part[:40]!r} is neither")
    if not 1 <= first <= last <= MAX_PAGE:
        raise ValueError(f"{_REMEDY}; {part[:40]!r} is no range from 1 to {MAX_PAGE}")
    return first, last
