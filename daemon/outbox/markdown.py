"""Markdown of an answer: headings, paragraphs and tables (GitHub Flavored Markdown)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

# what would be markup within a line, and at the start of one
_INLINE = re.compile(r"[\\`*_\[\]<>~|&]")
_START = re.compile(r"^(\s*)([#+=-]|\d{1,9}(?=[.)](?:\s|$)))")


def render(pages: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Return the pages of a sidecar one by one; a comment with its number precedes each page."""
    for index, page in enumerate(pages):
        blocks = [_block(block) for block in page["blocks"]]
        state = ": not read" if page.get("status") == "failed" else ""
        parts = [f"<!-- page {page['number']}{state} -->", *filter(None, blocks)]
        yield "\n" * bool(index) + "\n\n".join(parts) + "\n"


def _block(block: Mapping[str, Any]) -> str:
    lines = [line["text"] for line in block["lines"]]
    match block.get("kind"):
        case "table" if block.get("cells"):
            return _table(block)
        case "heading":
            return f"## {_escaped(' '.join(lines))}"
        case "seal":
            return "\n".join(f"> {_escaped(line)}" for line in lines)
        case _:
            return "\n".join(_escaped(line) for line in lines)


def _table(block: Mapping[str, Any]) -> str:
    """Return a table; its first row is the header, and a cell that spans others has the text."""
    rows = [[""] * block["columns"] for _ in range(block["rows"])]
    for cell in block["cells"]:
        text = "<br>".join(_inline(line) for line in cell["text"].splitlines())
        rows[cell["row"]][cell["column"]] = text
    header, *others = rows
    return "\n".join(map(_row, [header, ["---"] * len(header), *others]))


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(line: str) -> str:
    """Return a line of text that Markdown shows as it is."""
    line = _inline(line)
    start = _START.match(line)
    if start is None:
        return line
    space, mark = start.groups()
    rest = line[start.end() :]
    return f"{space}{mark}\\{rest}" if mark.isdigit() else f"{space}\\{mark}{rest}"


def _inline(text: str) -> str:
    return _INLINE.sub(r"\\\g<0>", text.replace("\n", " "))
