"""The structure of a page for derived outputs: headings, paragraphs, lists, tables, in order.

Layout analysis has found blocks, tables and the largest headings. What is added here needs nothing
but the lines and their boxes: smaller headings, list items, and which line ends are line breaks.
Heights are those of words, which no skew of the page stretches; geometry is that of the line as it
is read, whatever way it lies on the page.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median
from typing import Final

from daemon.core.line_text import reading_turn
from daemon.core.records import Block, Box, PageText, Table, TextLine

MAX_LEVEL: Final = 6  # of headings, in Markdown and in Word

# The height of a word box in sizes of its font, by whether a letter reaches below the base line:
# 33 and 29 pixels at 24 (bench/drawn_documents.py). A text layer has the height of the font.
_WITH_DESCENDERS: Final = 1.37
_WITHOUT_DESCENDERS: Final = 1.2
_DESCENDERS: Final = frozenset("gjpqyQ,;()[]{}|/\\_")

_MAX_HEADING_CHARACTERS: Final = 60
_MAX_HEADING_SHARE: Final = 0.75  # of the width of its block
_LARGER: Final = 1.06  # times the size of the body: a heading above its paragraph, at least
_MUCH_LARGER: Final = 1.12  # the same for a line that stands alone
_WIDER_GAP: Final = 1.15  # times the pitch of the rows: the gap below a heading, at least
_LEVEL_RATIO: Final = 0.87  # the next level is at most so large as the one above
_SENTENCE_ENDS: Final = tuple(".。!！?？:：;；,，、-…")
_PARAGRAPH_ENDS: Final = tuple('.。!！?？:：…”"')

_MAX_PLACES: Final = 200_000  # rows times columns of a table

_FULL_ROW: Final = 12.0  # sizes: a shorter row is no line of running text
_MIN_ROWS: Final = 5  # of text, for the size of its letters to be known
_INDENT: Final = 0.8  # sizes: a smaller difference of left edges is none
_SLACK: Final = 0.4  # sizes: by how much a word that did not fit may seem to

_BULLET: Final = re.compile(r"([•●○◦▪■□◆◇►▶‣⁃∙·])\s*(?=\S)|([-–—*+])\s+(?=\S)")
_NUMBER: Final = re.compile(r"[(（]?(\d{1,3})[.)）．、](?:\s+|(?=[^\W\d_]))(?=\S)")
_LONE_MARK: Final = re.compile(r"[•●○◦▪■□◆◇►▶‣⁃∙·*+–—-]")
# marks that Markdown cannot number by: the item keeps its mark and is a paragraph
_OTHER_MARK: Final = re.compile(
    r"[(（]?[a-zA-Z][.)）]\s+\S|[(（][ivx]{1,5}[)）]\s*\S|[①-⑳]|[(（]?[一二三四五六七八九十]{1,3}[、)）．]"
)


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading: `size` is its letters' in those of the body, `level` 1 the highest, 0 not set."""

    text: str
    size: float
    level: int = 0


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph; a newline in `text` is a line break that does not come from the margin.

    `kind` is that of its block: text, or what stands beside the text (header, footer, seal).
    """

    text: str
    kind: str = "text"


@dataclass(frozen=True, slots=True)
class ListItem:
    """An item of a list, without its mark; `number` is None for a bullet, `depth` 0 outermost."""

    text: str
    number: int | None
    depth: int = 0


Element = Heading | Paragraph | ListItem | Table


def elements(page: PageText, levels: HeadingLevels | None = None) -> list[Element]:
    """Return the elements of a page in reading order; headings get their level from `levels`."""
    found = _PageStructure(page).elements()
    if levels is None:
        return found
    return [
        replace(each, level=levels.of(each.size)) if isinstance(each, Heading) else each
        for each in found
    ]


class HeadingLevels:
    """The levels of the headings of a document, by the sizes of their letters."""

    def __init__(self, pages: Iterable[PageText]) -> None:
        """Look at all pages of a document, one at a time."""
        sizes = {
            round(each.size, 2)
            for page in pages
            for each in elements(page)
            if isinstance(each, Heading)
        }
        self._largest: list[float] = []  # of each level
        for size in sorted(sizes, reverse=True):
            if not self._largest or size <= _LEVEL_RATIO * self._largest[-1]:
                self._largest.append(size)

    def of(self, size: float) -> int:
        """Return the level of a heading, 1 to MAX_LEVEL."""
        level = sum(1 for largest in self._largest if round(size, 2) <= largest)
        return min(max(level, 1), MAX_LEVEL)


def tables(pages: Iterable[PageText]) -> Iterator[tuple[int, Table]]:
    """Yield the tables of a document in reading order, each with the number of its page."""
    for page in pages:
        for block in page.blocks:
            if block.table is not None and block.table.cells:
                yield page.number, regular(block.table)


def regular(table: Table) -> Table:
    """Return a table whose cells lie within it and share no place.

    One that a worker process got wrong, or that is larger than any page can be, becomes a table of
    one column with a row for each cell.
    """
    places: set[tuple[int, int]] = set()
    for cell in table.cells:
        rows = range(cell.row, cell.row + cell.row_span)
        columns = range(cell.column, cell.column + cell.column_span)
        is_within = 0 <= rows.start < rows.stop <= table.rows
        is_within &= 0 <= columns.start < columns.stop <= table.columns
        if not is_within or table.rows * table.columns > _MAX_PLACES:
            return _as_column(table)
        own = {(row, column) for row in rows for column in columns}
        if own & places:
            return _as_column(table)
        places |= own
    return table


def _as_column(table: Table) -> Table:
    cells = (
        replace(cell, row=row, column=0, row_span=1, column_span=1)
        for row, cell in enumerate(table.cells)
    )
    return Table(len(table.cells), 1, tuple(cells))


def texts_of(table: Table) -> list[list[str]]:
    """Return the texts of a regular table row by row; the first cell of a span has its text."""
    rows = [[""] * table.columns for _ in range(table.rows)]
    for cell in table.cells:
        rows[cell.row][cell.column] = cell.text
    return rows


def joined(first: str, second: str) -> str:
    """Return two rows of running text as one, with a space except between Chinese characters.

    A hyphen at the end of a row stays: nothing tells whether the word has one elsewhere.
    """
    is_chinese = _is_wide(first[-1:]) and _is_wide(second[:1])
    is_hyphenated = first[-1:] == "-" and first[-2:-1].isalpha() and second[:1].islower()
    return first + second if is_chinese or is_hyphenated else f"{first} {second}"


def _is_wide(character: str) -> bool:
    return bool(character) and unicodedata.east_asian_width(character) in "WF"


@dataclass(frozen=True, slots=True)
class _Row:
    """The lines beside each other, as they are read: text, box, letter size, width of word one."""

    text: str
    box: Box
    size: float
    first_width: float

    @property
    def width(self) -> int:
        return self.box.right - self.box.left


class _PageStructure:
    """Takes the blocks of one page apart."""

    def __init__(self, page: PageText) -> None:
        self._page = page
        self._rows = [_rows(block, page) for block in page.blocks]
        self._body = _body_size(
            [
                row
                for block, rows in zip(page.blocks, self._rows, strict=True)
                if block.kind == "text"
                for row in rows
            ],
            [row for rows in self._rows for row in rows],
        )
        self._lefts: list[int] = []  # of the marks of the list that goes on, outermost first
        self._found: list[Element] = []

    def elements(self) -> list[Element]:
        for number, (block, rows) in enumerate(zip(self._page.blocks, self._rows, strict=True)):
            if block.table is not None:
                self._found.append(regular(block.table))
            elif not rows:
                continue
            elif block.kind == "heading":
                self._heading(rows)
            elif block.kind == "text":
                self._text(rows, is_alone=self._stands_above_text(number))
            else:
                self._found.append(Paragraph("\n".join(row.text for row in rows), block.kind))
        return self._found

    def _heading(self, rows: Sequence[_Row]) -> None:
        text = rows[0].text
        for row in rows[1:]:
            text = joined(text, row.text)
        self._found.append(Heading(text, max(row.size for row in rows) / self._body))

    def _stands_above_text(self, number: int) -> bool:
        """Tell whether a block of one row is followed by a longer block of text or a table."""
        rows, following = self._rows[number], self._page.blocks[number + 1 : number + 2]
        if len(rows) != 1 or not following:
            return False
        next_rows = self._rows[number + 1]
        is_text = following[0].kind == "text" and any(
            row.width > rows[0].width for row in next_rows
        )
        return is_text or following[0].table is not None

    def _text(self, rows: list[_Row], *, is_alone: bool) -> None:
        if is_alone and rows[0].size >= _MUCH_LARGER * self._body and _reads_as_title(rows[0].text):
            self._heading(rows)
            return
        if self._has_heading(rows):
            self._heading(rows[:1])
            rows = rows[1:]
        edges = _Edges.of(rows)
        for part in _parts(rows, edges):
            self._part(part, edges)

    def _has_heading(self, rows: Sequence[_Row]) -> bool:
        """Tell whether the first row is the heading of the paragraph below it."""
        if len(rows) < 2 or not _reads_as_title(rows[0].text):
            return False
        first, body = rows[0], rows[1:]
        right = max(row.box.right for row in body)
        left = min(row.box.left for row in body)
        if first.box.right - left > _MAX_HEADING_SHARE * (right - left):
            return False
        if body[0].width < _FULL_ROW * body[0].size or _mark(body[0].text):
            return False
        is_larger = first.size >= _LARGER * median(row.size for row in body)
        pitches = [after.box.top - before.box.top for before, after in pairwise(body)]
        pitch = min(pitches, default=0) or 1.5 * body[0].size
        is_apart = body[0].box.top - first.box.top >= _WIDER_GAP * pitch
        return is_larger or is_apart

    def _part(self, part: _Part, edges: _Edges) -> None:
        """Append a paragraph or a list item."""
        length = part.mark.length if part.mark else 0
        text = part.rows[0].text[length:]
        for before, after in pairwise(part.rows):
            is_full = edges.is_full(before, after)
            text = joined(text, after.text) if is_full else f"{text}\n{after.text}"
        if part.mark is None:
            self._found.append(Paragraph(text))
        else:
            depth = self._depth(part.left, part.rows[0].size)
            self._found.append(ListItem(text, part.mark.number, depth))

    def _depth(self, left: int, size: float) -> int:
        """Return how deep an item lies whose mark begins at `left`, after the items before it."""
        if not self._found or not isinstance(self._found[-1], ListItem):
            self._lefts = []
        while self._lefts and left < self._lefts[-1] - _INDENT * size:
            self._lefts.pop()
        if not self._lefts or left > self._lefts[-1] + _INDENT * size:
            self._lefts.append(left)
        return len(self._lefts) - 1


@dataclass(frozen=True, slots=True)
class _Mark:
    """The mark of a list item: how many characters it takes, and its number."""

    length: int
    number: int | None


def _mark(text: str) -> _Mark | None:
    if found := _BULLET.match(text):
        return _Mark(found.end(), None)
    if found := _NUMBER.match(text):
        return _Mark(found.end(), int(found[1]))
    return None


@dataclass(frozen=True, slots=True)
class _Edges:
    """The left and right edge of a block of text."""

    left: float
    right: int

    @classmethod
    def of(cls, rows: Sequence[_Row]) -> _Edges:
        return cls(min(row.box.left for row in rows), max(row.box.right for row in rows))

    def is_full(self, row: _Row, following: _Row) -> bool:
        """Tell whether a row is as long as it could be: the next word had no place in it."""
        reach = row.box.right + following.first_width + 0.25 * row.size
        return row.width >= _FULL_ROW * row.size and reach > self.right - _SLACK * row.size


@dataclass(slots=True)
class _Part:
    """The rows of a paragraph, or of a list item with its mark, which begins at `left`."""

    rows: list[_Row]
    mark: _Mark | None
    left: int


def _parts(rows: Sequence[_Row], edges: _Edges) -> Iterator[_Part]:
    """Yield the paragraphs and list items of a block."""
    part: _Part | None = None
    for row, mark in zip(rows, _item_marks(rows), strict=True):
        begun = _begun(part, row, mark, edges)
        if begun is None:
            assert part is not None, "the first row begins a part"
            part.rows.append(row)
            continue
        if part is not None:
            yield part
        part = begun
    if part is not None:
        yield part


def _begun(part: _Part | None, row: _Row, mark: _Mark | None, edges: _Edges) -> _Part | None:
    """Return the part that a row begins, None where it goes on with `part`."""
    if mark is not None:
        return _Part([row], mark, row.box.left)
    if part is None or _begins_paragraph(part, row, edges):
        return _Part([row], None, row.box.left)
    is_bulleted = part.mark is not None and part.mark.number is None
    if is_bulleted and _ends_sentence(part.rows[-1], row, edges):  # its mark was not read
        return _Part([row], _Mark(0, None), part.left)
    return None


def _begins_paragraph(part: _Part, row: _Row, edges: _Edges) -> bool:
    """Tell whether a row without the mark of an item begins a paragraph."""
    previous = part.rows[-1]
    if _OTHER_MARK.match(row.text) or _NUMBER.match(row.text):
        return True
    if part.mark is not None:
        return row.box.left < part.left - _INDENT * row.size
    is_indented = row.box.left > previous.box.left + _INDENT * row.size
    if is_indented and previous.box.left <= edges.left + _INDENT * row.size:
        return not _begins_deeper(part.rows, row)
    return _ends_sentence(previous, row, edges)


def _ends_sentence(row: _Row, following: _Row, edges: _Edges) -> bool:
    """Tell whether a row ends a sentence, with room for the first word of the next row."""
    return row.text.rstrip().endswith(_PARAGRAPH_ENDS) and not edges.is_full(row, following)


def _begins_deeper(part: Sequence[_Row], row: _Row) -> bool:
    """Tell whether a row continues a hanging indent: the first row stands out to the left."""
    return (
        len(part) == 1
        and part[0].box.left < row.box.left
        and not part[0].text.rstrip().endswith(_PARAGRAPH_ENDS)
    )


def _item_marks(rows: Sequence[_Row]) -> list[_Mark | None]:
    """Return the mark of each row that begins a list item; others only look like one.

    A number needs its neighbour in the list, a dash another dash.
    """
    marks = [_mark(row.text) for row in rows]
    return [
        mark if mark and _is_item(place, mark, rows, marks) else None
        for place, mark in enumerate(marks)
    ]


def _is_item(place: int, mark: _Mark, rows: Sequence[_Row], marks: Sequence[_Mark | None]) -> bool:
    found = _BULLET.match(rows[place].text)
    if found and found[1]:
        return True
    if mark.number is None:
        return sum(other is not None and other.number is None for other in marks) > 1
    beside = {
        other.number
        for row, other in zip(rows, marks, strict=True)
        if other and abs(row.box.left - rows[place].box.left) <= _INDENT * row.size
    }
    return not beside.isdisjoint((mark.number - 1, mark.number + 1))


def _reads_as_title(text: str) -> bool:
    """Tell whether a text is short and complete, of words rather than numbers."""
    letters, digits = sum(c.isalpha() for c in text), sum(c.isdigit() for c in text)
    is_short = len(text) <= _MAX_HEADING_CHARACTERS and not text.rstrip().endswith(_SENTENCE_ENDS)
    begins = text[:1].isupper() or text[:1].isdigit() or _is_wide(text[:1])
    return is_short and begins and letters >= max(2, digits) and not _BULLET.match(text)


# --- rows ---------------------------------------------------------------------------------------


def _rows(block: Block, page: PageText) -> list[_Row]:
    """Return the rows of a block, with boxes as they are read."""
    rows: list[_Row] = []
    for line in block.lines:
        row = _row_of(line, page)
        if rows and rows[-1].box.precedes_in_row(row.box):
            rows[-1] = _beside(rows[-1], row)
        elif rows and _LONE_MARK.fullmatch(rows[-1].text) and _shares_height(rows[-1], row):
            rows[-1] = row if _mark(row.text) else _beside(rows[-1], row)
        else:
            rows.append(row)
    return rows


def _row_of(line: TextLine, page: PageText) -> _Row:
    turn = reading_turn(line, page)
    words = [_turned(word.box, turn, page) for word in line.words] or [
        _turned(line.box, turn, page)
    ]
    box = Box.around(words)
    height = median(word.bottom - word.top for word in words)
    factor = 1.0
    if line.confidence is not None:
        has_descenders = _DESCENDERS.intersection(line.text) or any(map(_is_wide, line.text))
        factor = _WITH_DESCENDERS if has_descenders else _WITHOUT_DESCENDERS
    size = max(height / factor, 1.0)
    first = size if _is_wide(line.text[:1]) else words[0].right - words[0].left
    return _Row(line.text.strip(), box, size, first)


def _body_size(text_rows: Sequence[_Row], all_rows: Sequence[_Row]) -> float:
    """Return the size of most letters of the text; of all letters, where there is little text."""
    rows = text_rows if len(text_rows) >= _MIN_ROWS else all_rows
    return median([row.size for row in rows for _ in range(1 + len(row.text) // 8)] or [1.0])


def _beside(row: _Row, other: _Row) -> _Row:
    text, box = f"{row.text} {other.text}", Box.around([row.box, other.box])
    return _Row(text, box, max(row.size, other.size), row.first_width)


def _shares_height(row: _Row, other: _Row) -> bool:
    shared = min(row.box.bottom, other.box.bottom) - max(row.box.top, other.box.top)
    return 2 * shared >= row.box.bottom - row.box.top


def _turned(box: Box, turn: int, page: PageText) -> Box:
    """Return a box on the page that was turned clockwise by `turn` degrees."""
    left, top, right, bottom = box.left, box.top, box.right, box.bottom
    match turn:
        case 90:
            return Box(page.height - bottom, left, page.height - top, right)
        case 180:
            return Box(
                page.width - right, page.height - bottom, page.width - left, page.height - top
            )
        case 270:
            return Box(top, page.width - right, bottom, page.width - left)
        case _:
            return box
