"""Markdown of a document: headings, paragraphs, lists and tables (CommonMark, GFM tables).

A line of running text that goes on in the next one is joined to it; other line ends are hard
breaks. Every character that Markdown could take for markup is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, assert_never

from daemon.core.records import PageText, Table
from daemon.core.structure import (
    Element,
    Heading,
    HeadingLevels,
    ListItem,
    Paragraph,
    elements,
    texts_of,
)

# what would be markup within a line, and at the start of one
_INLINE: Final = re.compile(r"[\\`*_\[\]<>~|&]")
_START: Final = re.compile(r"^([#+=-]|\d{1,9}(?=[.)](?:\s|$)))")
_WHITE_SPACE: Final = re.compile(r"[^\S\n]+")
_BREAK: Final = "\\\n"
_NEW_LIST: Final = "<!-- -->"  # two lists that follow each other would be one


def render(pages: Iterable[PageText], levels: HeadingLevels) -> Iterator[str]:
    """Yield the pages one by one; a comment with its number precedes each page.

    `levels` are those of the headings of the whole document.
    """
    for index, page in enumerate(pages):
        state = ": not read" if page.status == "failed" else ""
        parts = [f"<!-- page {page.number}{state} -->", *_parts(elements(page, levels))]
        yield "\n" * bool(index) + "\n\n".join(parts) + "\n"


def _parts(found: Sequence[Element]) -> Iterator[str]:
    """Yield what blank lines separate; the items of a list are one part."""
    items: list[ListItem] = []
    for element in found:
        if isinstance(element, ListItem):
            items.append(element)
            continue
        if items:
            yield _list(items)
            items = []
        if text := _element(element):
            yield text
    if items:
        yield _list(items)


def _element(element: Heading | Paragraph | Table) -> str:
    match element:
        case Heading():
            return f"{'#' * element.level} {_heading_text(element.text)}"
        case Paragraph(kind="seal"):
            return _indented(_text(element.text), "> ", "> ")
        case Paragraph():
            return _text(element.text)
        case Table():
            return _table(element)
        case _:
            assert_never(element)


def _list(items: Sequence[ListItem]) -> str:
    """Return the items of a list; each lies below the text of the one that it belongs to."""
    lines: list[str] = []
    indents: list[str] = []  # of the texts of the items around, outermost first
    numbers: list[int | None] = []  # of the last item of each depth
    for item in items:
        depth = min(item.depth, len(indents))
        indent = indents[depth - 1] if depth else ""
        if depth < len(numbers) and not _continues(numbers[depth], item.number):
            lines += ["", f"{indent}{_NEW_LIST}", ""]
        mark = "- " if item.number is None else f"{item.number}. "
        indents[depth:], numbers[depth:] = [indent + " " * len(mark)], [item.number]
        lines.append(_indented(_text(item.text), indent + mark, indents[depth]))
    return "\n".join(lines)


def _continues(before: int | None, number: int | None) -> bool:
    """Tell whether a reader numbers an item as it was numbered: Markdown counts by itself."""
    if before is None or number is None:
        return before is None and number is None
    return number == before + 1


def _indented(text: str, first: str, others: str) -> str:
    return first + text.replace("\n", f"\n{others}")


def _table(table: Table) -> str:
    """Return a table; its first row is the header, and a cell that spans others has the text."""
    header, *others = ([_cell(text) for text in row] for row in texts_of(table))
    return "\n".join(map(_row, [header, ["---"] * len(header), *others]))


def _cell(text: str) -> str:
    return "<br>".join(_inline(line).strip() for line in text.splitlines())


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _heading_text(text: str) -> str:
    """Return the text of a heading: a # at its end would close it."""
    text = _text(text.replace("\n", " "))
    return re.sub(r"(#+)$", r"\\\1", text)


def _text(text: str) -> str:
    """Return a text, whose newlines are line breaks, so that Markdown shows it as it is."""
    lines = [_escaped(line) for line in text.splitlines()]
    return _BREAK.join(filter(None, lines))


def _escaped(line: str) -> str:
    line = _inline(line).strip()
    start = _START.match(line)
    if start is None:
        return line
    mark, rest = start[1], line[start.end() :]
    return f"{mark}\\{rest}" if mark.isdigit() else f"\\{mark}{rest}"


def _inline(text: str) -> str:
    return _INLINE.sub(r"\\\g<0>", _WHITE_SPACE.sub(" ", text))
