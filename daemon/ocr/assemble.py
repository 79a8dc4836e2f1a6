"""From readings to a page as published: boxes in original pixels, words, text as a person reads it.

A word is a run of characters without white space, broken where Chinese, Japanese or Korean script
meets another; punctuation stays with what stands before it. A line's confidence is its reading's,
a word's likewise the geometric mean of its characters'; a page's is the mean of its lines weighted
by their characters.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from daemon.ocr.aloud import cell_text, is_cjk, lines_text, table_text
from daemon.records import Block, Box, Failure, PageText, Table, TextLine, Word

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from daemon.records import Character, CleanPage, Line, Page, Part, Reading, TextSource

_LEGIBLE = 0.7  # confidence below which a reading is taken for a picture, a stain, a rule


def legible(readings: Sequence[Reading]) -> list[int]:
    """Return the indexes of the readings worth publishing: not empty and not guesswork."""
    return [
        k
        for k, reading in enumerate(readings)
        if reading.text.strip() and reading.confidence >= _LEGIBLE
    ]


def page_text(
    page: Page,
    clean: CleanPage,
    lines: Sequence[Line],
    readings: Sequence[Reading],
    parts: Sequence[Part],
) -> PageText:
    """Return the page as published; `readings` answer `lines`, `parts` index both in order."""
    frame = _Frame(page, clean)
    blocks = []
    for part in parts:
        among = tuple(_text_line(lines[k].box, readings[k], frame) for k in part.lines)
        pieces = {k: (lines[k].box, readings[k].text) for k in part.lines}
        blocks.append(Block(among, part.kind, part.table and _table(part.table, pieces, frame)))
    # rows are told in the clean frame, where they lie level
    text = "\n\n".join(
        table_text(block.table)
        if block.table
        else lines_text([(lines[k].box, readings[k].text) for k in part.lines])
        for part, block in zip(parts, blocks, strict=True)
    )
    return replace(
        _published(page, "ocr", text, tuple(blocks)),
        skew=clean.skew,
        orientation=clean.orientation,
    )


def _table(table: Table, pieces: Mapping[int, tuple[Box, str]], frame: _Frame) -> Table:
    """Return the table as published; `pieces` are its lines, by place, in their order."""
    place = {k: number for number, k in enumerate(pieces)}
    cells = (
        replace(
            cell,
            box=frame.box(cell.box.left, cell.box.top, cell.box.right, cell.box.bottom),
            lines=tuple(place[k] for k in cell.lines),
            text=cell_text([pieces[k][1] for k in cell.lines]),
        )
        for cell in table.cells
    )
    return replace(table, cells=tuple(cells))


def page_from_text_layer(page: Page) -> PageText:
    """Return the page as its text layer has it; there must be one."""
    blocks = page.text_layer or ()
    text = "\n\n".join(lines_text([(line.box, line.text) for line in b.lines]) for b in blocks)
    return _published(page, "text_layer", text, blocks)


def _published(page: Page, source: TextSource, text: str, blocks: tuple[Block, ...]) -> PageText:
    return PageText(
        number=page.number,
        width=page.width,
        height=page.height,
        dpi=page.dpi,
        rotation=page.rotation,
        skew=0.0,
        text_source=source,
        status="partial" if page.defect else "done",
        text=text,
        confidence=_mean_confidence(blocks),
        blocks=blocks,
        failure=Failure("damaged", page.defect) if page.defect else None,
    )


def _mean_confidence(blocks: Sequence[Block]) -> float | None:
    """Return the mean of the lines' confidences weighted by their characters, None without any."""
    lines = [line for block in blocks for line in block.lines]
    known = [(line.confidence, len(line.text)) for line in lines if line.confidence is not None]
    characters = sum(count for _, count in known)
    return sum(value * count for value, count in known) / characters if characters else None


class _Frame:
    """The way from the clean frame of one page to its original pixels."""

    def __init__(self, page: Page, clean: CleanPage) -> None:
        self.to_original = clean.to_page / page.scale
        self.width, self.height = page.width, page.height

    def box(self, left: float, top: float, right: float, bottom: float) -> Box:
        """Return the smallest upright box around the clean rectangle, clipped to the page."""
        corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
        mapped = corners @ self.to_original[:, :2].T + self.to_original[:, 2]
        low, high = np.round(mapped.min(axis=0), 3), np.round(mapped.max(axis=0), 3)
        x = min(max(0, math.floor(low[0])), self.width - 1)
        y = min(max(0, math.floor(low[1])), self.height - 1)
        return Box(
            left=x,
            top=y,
            right=max(x + 1, min(self.width, math.ceil(high[0]))),
            bottom=max(y + 1, min(self.height, math.ceil(high[1]))),
        )


def _text_line(box: Box, reading: Reading, frame: _Frame) -> TextLine:
    width = box.right - box.left
    words = tuple(
        Word(
            text="".join(character.text for character in run),
            confidence=_geometric_mean([character.confidence for character in run]),
            box=frame.box(
                box.left + run[0].left * width,
                box.top,
                box.left + run[-1].right * width,
                box.bottom,
            ),
        )
        for run in _runs(_reaching(reading.characters))
    )
    line = frame.box(box.left, box.top, box.right, box.bottom)
    return TextLine(text=reading.text, confidence=reading.confidence, box=line, words=words)


def _reaching(characters: Sequence[Character]) -> list[Character]:
    """Return the characters each reaching to where the next begins, the last to the line's end.

    CTC names a character where it begins and falls silent before it ends: on rendered lines the
    left edges were off by 2 pixels and the right edges short by half a character.
    """
    ends = [*(after.left for after in characters[1:]), 1.0]
    return [
        replace(character, right=max(character.right, end))
        for character, end in zip(characters, ends, strict=True)
    ]


def _geometric_mean(confidences: Sequence[float]) -> float:
    return math.exp(math.fsum(math.log(max(c, 1e-9)) for c in confidences) / len(confidences))


def _runs(characters: Sequence[Character]) -> Iterator[list[Character]]:
    """Yield the characters word by word."""
    run: list[Character] = []
    script: bool | None = None
    for character in characters:
        if character.text.isspace():
            if run:
                yield run
            run, script = [], None
            continue
        its = is_cjk(character.text)
        if run and its is not None and script is not None and its != script:
            yield run
            run = []
        run.append(character)
        script = script if its is None else its
    if run:
        yield run
