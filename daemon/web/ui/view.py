"""View models of one page of a sidecar: blocks, lines and words, ready for a template.

Sidecars are validated before they are published; boxes are pixels of the page as shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from daemon.web.index.corrections import Correction, by_line, corrected_text

# Words below these are highlighted. The confidence of a word, the geometric mean over its
# characters, is above 0.97 for nearly all words read correctly; on a bad fax the words below 0.95
# were those with a wrong character.
UNCERTAIN_BELOW, VERY_UNCERTAIN_BELOW = 0.95, 0.8
_NUMBER = re.compile(r"[-+(]?[$€£¥￥]?\s?\d[\d.,\s']*\s?[%元)]?")
_SAME_ROW_OVERLAP = 0.5  # of the lower line's height: lines that overlap more are side by side


def percent(confidence: float) -> int:
    """Return a confidence in percent, rounded down: 99.6 is not 100."""
    return int(100 * confidence)


def uncertainty(confidence: float) -> str:
    """Return the CSS class of a confidence, "" for a high one."""
    if confidence >= UNCERTAIN_BELOW:
        return ""
    return "uncertain" if confidence >= VERY_UNCERTAIN_BELOW else "very-uncertain"


@dataclass(frozen=True, slots=True)
class SpanView:
    """A part of a line: a word with the key of its box, or the text between two words."""

    text: str
    key: str
    box: tuple[int, int, int, int]
    confidence: float | None

    @property
    def uncertainty(self) -> str:
        """The CSS class of its confidence."""
        return "" if self.confidence is None else uncertainty(self.confidence)

    @property
    def percent(self) -> int:
        """Its confidence in percent."""
        return percent(self.confidence or 0.0)


@dataclass(frozen=True, slots=True)
class LineView:
    """A line of text: its words in order, and the text between them."""

    key: str
    number: int  # counted from 1 over the page
    text: str
    box: tuple[int, int, int, int]
    spans: tuple[SpanView, ...]
    direction: str = "horizontal"
    correction: str | None = None  # the text that a person has put in place of `text`

    @property
    def words(self) -> tuple[SpanView, ...]:
        """The spans that have a box."""
        return tuple(span for span in self.spans if span.key)


@dataclass(frozen=True, slots=True)
class CellView:
    """A cell of a table."""

    row_span: int
    column_span: int
    text: str
    lines: tuple[LineView, ...]

    @property
    def is_number(self) -> bool:
        """Whether it contains an amount, which is aligned to the right."""
        return bool(_NUMBER.fullmatch(self.text.strip()))


@dataclass(frozen=True, slots=True)
class BlockView:
    """A block: its kind, its lines, and the cells of a table row by row.

    `rows` are the same lines, grouped where they are side by side.
    """

    kind: str
    lines: tuple[LineView, ...]
    rows: tuple[tuple[LineView, ...], ...] = ()
    table: tuple[tuple[CellView, ...], ...] = ()
    columns: int = 0

    @property
    def is_vertical(self) -> bool:
        """Whether all its lines run from top to bottom: then it is shown so."""
        return all(line.direction == "vertical" for line in self.lines)


@dataclass(frozen=True, slots=True)
class RegionView:
    """A region that looks like text and was not read; `number` counts those of the page from 1."""

    number: int
    box: tuple[int, int, int, int]
    reason: str


@dataclass(frozen=True, slots=True)
class WarningView:
    """A warning on a page or on a document."""

    warning_class: str
    message: str


@dataclass(frozen=True, slots=True)
class PageView:
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
    blocks: tuple[BlockView, ...]
    unread: tuple[RegionView, ...] = ()
    warnings: tuple[WarningView, ...] = ()
    codes: tuple[tuple[str, str], ...] = ()  # format and text of each
    is_blank: bool = False
    corrected_text: str | None = None  # None without corrections

    @property
    def unread_by_reason(self) -> dict[str, list[RegionView]]:
        """The unread regions of each reason, in the order of their first ones."""
        found: dict[str, list[RegionView]] = {}
        for region in self.unread:
            found.setdefault(region.reason, []).append(region)
        return found

    @property
    def lines(self) -> tuple[LineView, ...]:
        """All lines of the page in reading order."""
        return tuple(line for block in self.blocks for line in block.lines)

    @property
    def uncertain_words(self) -> tuple[SpanView, ...]:
        """The words that are highlighted."""
        read = (line for line in self.lines if line.correction is None)
        return tuple(word for line in read for word in line.words if word.uncertainty)


def page_view(page: dict[str, Any], corrections: Iterable[Correction] = ()) -> PageView:
    """Return the view of a page of a sidecar; `corrections` are those of its document."""
    corrected = by_line(page, corrections)
    return PageView(
        number=page["number"],
        width=max(1, page["width"]),
        height=max(1, page["height"]),
        status=page["status"],
        text=page["text"],
        text_source=page["text_source"],
        confidence=page["confidence"],
        error=page.get("error", {}).get("message", ""),
        error_class=page.get("error", {}).get("class", ""),
        blocks=tuple(_block_views(page["blocks"], corrected)),
        unread=tuple(
            RegionView(number, _box(region), region["reason"])
            for number, region in enumerate(page["unread"], 1)
        ),
        warnings=warning_views(page["warnings"]),
        codes=tuple((code["format"], code["text"]) for code in page.get("codes", ())),
        is_blank=page.get("blank", False),
        corrected_text=corrected_text(page, corrected) if corrected else None,
    )


def warning_views(warnings: Iterable[dict[str, Any]]) -> tuple[WarningView, ...]:
    """Return the views of the warnings of a sidecar or of one of its pages."""
    return tuple(WarningView(each["class"], each["message"]) for each in warnings)


def _block_views(
    blocks: Sequence[dict[str, Any]], corrected: Mapping[str, Correction]
) -> Iterator[BlockView]:
    count = 0
    for place, block in enumerate(blocks):
        lines = tuple(
            _line_view(f"{place}-{index}", count + index + 1, line, corrected)
            for index, line in enumerate(block["lines"])
        )
        count += len(lines)
        table = _table(block["cells"], lines) if block["kind"] == "table" else ()
        rows = tuple(_rows(lines))
        yield BlockView(block["kind"], lines, rows, table, block.get("columns", 0))


def _rows(lines: Sequence[LineView]) -> Iterator[tuple[LineView, ...]]:
    """Group level lines that are side by side, such as a label and its value in a form."""
    row: list[LineView] = []
    for line in lines:
        if row and not _is_beside(row[-1], line):
            yield tuple(row)
            row = []
        row.append(line)
    if row:
        yield tuple(row)


def _is_beside(before: LineView, line: LineView) -> bool:
    (left, top, width, height), (x, y, _, line_height) = before.box, line.box
    if {before.direction, line.direction} != {"horizontal"}:
        return False
    common = min(top + height, y + line_height) - max(top, y)
    return x >= left + width // 2 and common > _SAME_ROW_OVERLAP * min(height, line_height)


def _table(
    cells: Sequence[dict[str, Any]], lines: Sequence[LineView]
) -> tuple[tuple[CellView, ...], ...]:
    by_row: dict[int, list[CellView]] = {}
    for cell in cells:
        inside = tuple(lines[index] for index in cell["lines"] if index < len(lines))
        view = CellView(cell["row_span"], cell["column_span"], cell["text"], inside)
        by_row.setdefault(cell["row"], []).append(view)
    return tuple(tuple(by_row.get(row, ())) for row in range(max(by_row, default=-1) + 1))


def _line_view(
    key: str, number: int, line: dict[str, Any], corrected: Mapping[str, Correction]
) -> LineView:
    spans = tuple(_spans(key, line))
    text = corrected[key].text if key in corrected else None
    return LineView(key, number, line["text"], _box(line), spans, line["direction"], text)


def _spans(key: str, line: dict[str, Any]) -> Iterator[SpanView]:
    """Find the words in the text of their line; the text between them becomes spans as well."""
    text, at = line["text"], 0
    for index, word in enumerate(line["words"]):
        found = text.find(word["text"], at)
        if found < 0:
            continue  # spelt differently in the line: only the line has a box
        if found > at:
            yield SpanView(text[at:found], "", (0, 0, 0, 0), None)
        at = found + len(word["text"])
        yield SpanView(word["text"], f"{key}-{index}", _box(word), word["confidence"])
    if at < len(text):
        yield SpanView(text[at:], "", (0, 0, 0, 0), None)


def _box(element: dict[str, Any]) -> tuple[int, int, int, int]:
    """Return left, top, width and height, as SVG expects them."""
    left, top, right, bottom = element["box"]
    return left, top, max(0, right - left), max(0, bottom - top)
