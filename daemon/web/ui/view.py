"""What the document view shows of one page of an answer: lines and words, ready for a template.

A sidecar is our own, validated before it was published; boxes stay pixels of the page as shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

# Below these a word is marked. The geometric mean over a word's characters is above 0.97 in nearly
# all that is read rightly; of a bad fax the words below 0.95 were those with a wrong character.
UNSURE, DOUBTFUL = 0.95, 0.8
_NUMBER = re.compile(r"[-+(]?[$€£¥￥]?\s?\d[\d.,\s']*\s?[%元)]?")
_SAME_ROW = 0.5  # of the lower line's height: what overlaps by more stands beside, not below


def percent(confidence: float) -> int:
    """Return a confidence in percent, rounded down: 99.6 is not 100."""
    return int(100 * confidence)


def doubt(confidence: float) -> str:
    """Return how much a reading is to be doubted, as a class of the style sheet."""
    return "" if confidence >= UNSURE else "unsure" if confidence >= DOUBTFUL else "doubtful"


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a line: a word with its key (which its box has too), or what stands between."""

    text: str
    key: str
    box: tuple[int, int, int, int]
    confidence: float | None

    @property
    def doubt(self) -> str:
        """Return how much it is to be doubted, as a class of the style sheet."""
        return "" if self.confidence is None else doubt(self.confidence)

    @property
    def percent(self) -> int:
        """Return how sure the reading is, in percent."""
        return percent(self.confidence or 0.0)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of text: its words in order with what stands between them."""

    key: str
    number: int  # counted from 1 over the page
    text: str
    box: tuple[int, int, int, int]
    spans: tuple[Span, ...]

    @property
    def words(self) -> tuple[Span, ...]:
        """Return the spans that have a box."""
        return tuple(span for span in self.spans if span.key)


@dataclass(frozen=True, slots=True)
class Square:
    """A cell of a table."""

    row_span: int
    column_span: int
    text: str
    rows: tuple[Row, ...]

    @property
    def is_number(self) -> bool:
        """Tell whether it holds an amount, which stands at the right of its column."""
        return bool(_NUMBER.fullmatch(self.text.strip()))


@dataclass(frozen=True, slots=True)
class Part:
    """A block: its kind, its lines, and the cells of a table row by row."""

    kind: str
    rows: tuple[Row, ...]
    beside: tuple[tuple[Row, ...], ...] = ()  # the same, those that stand side by side together
    table: tuple[tuple[Square, ...], ...] = ()
    columns: int = 0


@dataclass(frozen=True, slots=True)
class Sheet:
    """One page."""

    number: int
    width: int
    height: int
    status: str
    text: str
    text_source: str
    confidence: float | None
    error: str
    error_class: str
    parts: tuple[Part, ...]

    @property
    def rows(self) -> tuple[Row, ...]:
        """Return every line of the page in reading order."""
        return tuple(row for part in self.parts for row in part.rows)

    @property
    def doubts(self) -> tuple[Span, ...]:
        """Return the words that are marked."""
        return tuple(word for row in self.rows for word in row.words if word.doubt)


def sheet(page: dict[str, Any]) -> Sheet:
    """Return what is shown of a page of a sidecar."""
    return Sheet(
        number=page["number"],
        width=max(1, page["width"]),
        height=max(1, page["height"]),
        status=page["status"],
        text=page["text"],
        text_source=page["text_source"],
        confidence=page["confidence"],
        error=page.get("error", {}).get("message", ""),
        error_class=page.get("error", {}).get("class", ""),
        parts=tuple(_parts(page["blocks"])),
    )


def _parts(blocks: Sequence[dict[str, Any]]) -> Iterator[Part]:
    before = 0
    for place, block in enumerate(blocks):
        rows = tuple(
            _row(f"{place}-{index}", before + index + 1, line)
            for index, line in enumerate(block["lines"])
        )
        before += len(rows)
        table = _table(block["cells"], rows) if block["kind"] == "table" else ()
        yield Part(block["kind"], rows, tuple(_beside(rows)), table, block.get("columns", 0))


def _beside(rows: Sequence[Row]) -> Iterator[tuple[Row, ...]]:
    """Put lines together that stand beside one another, as a name and its value in a form do."""
    together: list[Row] = []
    for row in rows:
        if together and not _follows(together[-1], row):
            yield tuple(together)
            together = []
        together.append(row)
    if together:
        yield tuple(together)


def _follows(before: Row, row: Row) -> bool:
    (left, top, width, height), (x, y, _, high) = before.box, row.box
    common = min(top + height, y + high) - max(top, y)
    return x >= left + width // 2 and common > _SAME_ROW * min(height, high)


def _table(cells: Sequence[dict[str, Any]], rows: Sequence[Row]) -> tuple[tuple[Square, ...], ...]:
    by_row: dict[int, list[Square]] = {}
    for cell in cells:
        inside = tuple(rows[index] for index in cell["lines"] if index < len(rows))
        square = Square(cell["row_span"], cell["column_span"], cell["text"], inside)
        by_row.setdefault(cell["row"], []).append(square)
    return tuple(tuple(by_row.get(row, ())) for row in range(max(by_row, default=-1) + 1))


def _row(key: str, number: int, line: dict[str, Any]) -> Row:
    return Row(key, number, line["text"], _box(line), tuple(_spans(key, line)))


def _spans(key: str, line: dict[str, Any]) -> Iterator[Span]:
    """Find the words in the text of their line; what they do not make up stands between them."""
    text, at = line["text"], 0
    for index, word in enumerate(line["words"]):
        found = text.find(word["text"], at)
        if found < 0:
            continue  # spelt together otherwise: its box stays that of the line
        if found > at:
            yield Span(text[at:found], "", (0, 0, 0, 0), None)
        at = found + len(word["text"])
        yield Span(word["text"], f"{key}-{index}", _box(word), word["confidence"])
    if at < len(text):
        yield Span(text[at:], "", (0, 0, 0, 0), None)


def _box(thing: dict[str, Any]) -> tuple[int, int, int, int]:
    left, top, right, bottom = thing["box"]
    return left, top, max(0, right - left), max(0, bottom - top)  # as SVG has it
