"""From readings to a page as published: boxes in original pixels, words, text as a person reads it.

A word is a run of characters without white space, broken where Chinese, Japanese or Korean script
meets another; punctuation stays with what stands before it. A line's confidence is its reading's,
a word's likewise the geometric mean of its characters'; a page's is the mean of its lines weighted
by their characters.
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from daemon.records import SAG_GRID, Block, Box, Failure, PageText, TextLine, Word

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from daemon.records import (
        Character,
        CleanPage,
        Corners,
        Line,
        Page,
        Reading,
        Sag,
        TextSource,
    )

_LEGIBLE = 0.7  # confidence below which a reading is taken for a picture, a stain, a rule
_ALONG = 9  # points along each edge of a line that was bent
_SAME_ROW = 0.5  # of the lower one's height that two pieces of one row share
_CJK_NAMES = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC", "FULLWIDTH")


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
    blocks: Sequence[Sequence[int]],
) -> PageText:
    """Return the page as published; `readings` answer `lines`, `blocks` index both in order."""
    frame = _Frame(page, clean)
    published = tuple(
        Block(tuple(_text_line(lines[k], readings[k], frame) for k in block)) for block in blocks
    )
    text = "\n\n".join(
        _joined([(lines[k].box, readings[k].text) for k in block]) for block in blocks
    )
    return replace(
        _published(page, "ocr", text, published), skew=clean.skew, orientation=clean.orientation
    )


def page_from_text_layer(page: Page) -> PageText:
    """Return the page as its text layer has it; there must be one."""
    blocks = page.text_layer or ()
    text = "\n\n".join(_joined([(line.box, line.text) for line in b.lines]) for b in blocks)
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


def _joined(pieces: Sequence[tuple[Box, str]]) -> str:
    """Return the pieces as text: those of one row on one line, joined with a space."""
    text = ""
    before: Box | None = None
    for box, piece in pieces:
        if before is not None:
            text += " " if _same_row(before, box) else "\n"
        text += piece
        before = box
    return text


def _same_row(left: Box, right: Box) -> bool:
    low = min(left.bottom - left.top, right.bottom - right.top)
    shared = min(left.bottom, right.bottom) - max(left.top, right.top)
    return right.left > left.left and shared >= _SAME_ROW * low


class _Frame:
    """The way from the clean frame of one page to its original pixels."""

    def __init__(self, page: Page, clean: CleanPage) -> None:
        self.to_original = clean.to_page / page.scale
        self.sag = clean.sag
        self.width, self.height = page.width, page.height

    def box(self, corners: Corners) -> Box:
        """Return the smallest upright box around a clean quadrangle, 4,2, clipped to the page."""
        mapped = self._unbent(corners) @ self.to_original[:, :2].T + self.to_original[:, 2]
        low, high = np.round(mapped.min(axis=0), 3), np.round(mapped.max(axis=0), 3)
        x = min(max(0, math.floor(low[0])), self.width - 1)
        y = min(max(0, math.floor(low[1])), self.height - 1)
        return Box(
            left=x,
            top=y,
            right=max(x + 1, min(self.width, math.ceil(high[0]))),
            bottom=max(y + 1, min(self.height, math.ceil(high[1]))),
        )

    def _unbent(self, corners: Corners) -> Corners:
        """Return points along the edges of a quadrangle where they were before straightening."""
        if self.sag is None:
            return corners
        shares = np.linspace(0, 1, _ALONG)[:, None, None]
        edges = (corners * (1 - shares) + np.roll(corners, -1, axis=0) * shares).reshape(-1, 2)
        return edges + np.column_stack([np.zeros(len(edges)), _interpolated(self.sag, edges)])


def _interpolated(sag: Sag, points: Corners) -> NDArray[np.float64]:
    """Return the sag at each of the points, N,2, between those of its grid."""
    limit = np.array(sag.shape[::-1]) - 1.001
    place = np.clip(points / SAG_GRID, 0, np.maximum(limit, 0))
    x, y = place.astype(np.intp).T
    across, down = (place % 1).T
    upper = sag[y, x] * (1 - across) + sag[y, x + 1] * across
    lower = sag[y + 1, x] * (1 - across) + sag[y + 1, x + 1] * across
    return np.asarray(upper * (1 - down) + lower * down, np.float64)


def _text_line(line: Line, reading: Reading, frame: _Frame) -> TextLine:
    corners = _corners(line)
    words = tuple(
        Word(
            text="".join(character.text for character in run),
            confidence=_geometric_mean([character.confidence for character in run]),
            box=frame.box(_part(corners, run[0].left, run[-1].right)),
        )
        for run in _runs(_reaching(reading.characters))
    )
    return TextLine(
        text=reading.text, confidence=reading.confidence, box=frame.box(corners), words=words
    )


def _corners(line: Line) -> Corners:
    """Return the corners of a line in the clean frame, 4,2, from the upper left one clockwise."""
    if line.corners is not None:
        return line.corners
    box = line.box
    left, top, right, bottom = box.left, box.top, box.right, box.bottom
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float64)


def _part(corners: Corners, left: float, right: float) -> Corners:
    """Return the corners of what lies between two shares, 0..1, of a line's length."""
    upper, lower = corners[:2], corners[[3, 2]]
    along = np.array([[1 - left, left], [1 - right, right]])
    return np.concatenate([along @ upper, (along @ lower)[::-1]])


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
        its = _is_cjk(character.text)
        if run and its is not None and script is not None and its != script:
            yield run
            run = []
        run.append(character)
        script = script if its is None else its
    if run:
        yield run


def _is_cjk(text: str) -> bool | None:
    """Say whether a character is of a script without word spaces; None for punctuation."""
    if not text[:1].isalnum():
        return None
    return unicodedata.name(text[0], "").startswith(_CJK_NAMES)
