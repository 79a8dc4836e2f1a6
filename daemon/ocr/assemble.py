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

from daemon.ocr.frame import Frame, corners_of
from daemon.records import Block, Box, Failure, PageText, TextLine, Word

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from daemon.records import Character, CleanPage, Corners, Line, Page, Reading, TextSource

_LEGIBLE = 0.7  # confidence below which a reading is taken for a picture, a stain, a rule
_LEGIBLE_IN_PICTURES = 0.9  # photos and drawings yield marks up to here, screenshots read better
_SAME_ROW = 0.5  # of the lower one's height that two pieces of one row share
_CJK_NAMES = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC", "FULLWIDTH")


def legible(readings: Sequence[Reading], layer: Sequence[TextLine] = ()) -> list[int]:
    """Return the indexes of the readings worth publishing: not empty and not guesswork.

    Beside as much text from a `layer`, they come from pictures and must be surer.
    """
    kept = [k for k, reading in enumerate(readings) if _is_legible(reading, _LEGIBLE)]
    if sum(len(readings[k].text) for k in kept) > sum(len(line.text) for line in layer):
        return kept
    return [
        k
        for k in kept
        if _is_legible(readings[k], _LEGIBLE_IN_PICTURES)
        and any(map(str.isalnum, readings[k].text))
    ]


def _is_legible(reading: Reading, confidence: float) -> bool:
    return bool(reading.text.strip()) and reading.confidence >= confidence


def layer_lines(page: Page) -> list[TextLine]:
    """Return the lines of the page's text layer in their order."""
    return [line for block in page.text_layer or () for line in block.lines]


def places(page: Page, clean: CleanPage, lines: Sequence[Line]) -> list[Box]:
    """Return where `lines` and then those of the text layer stand, all in one frame.

    That is the clean one where the page was turned to be read, or where most of them were found;
    else the original one, in which lines of the layer are as low as they were set.
    """
    frame, layer = Frame(page, clean), layer_lines(page)
    if clean.orientation or len(layer) < len(lines):
        return [*(line.box for line in lines), *(frame.back(line.box) for line in layer)]
    return [*(frame.around(line.box) for line in lines), *(line.box for line in layer)]


def page_text(
    page: Page,
    clean: CleanPage,
    lines: Sequence[Line],
    readings: Sequence[Reading],
    blocks: Sequence[Sequence[int]],
) -> PageText:
    """Return the page as published; `readings` answer `lines`.

    `blocks` index, in order, the lines and after them those of the page's text layer.
    """
    if page.text_layer and not lines:
        return page_from_text_layer(page)
    frame, boxes = Frame(page, clean), places(page, clean, lines)
    read = (_text_line(line, r, frame) for line, r in zip(lines, readings, strict=True))
    known = [*read, *layer_lines(page)]
    published = tuple(Block(tuple(known[k] for k in block)) for block in blocks)
    text = "\n\n".join(_joined([(boxes[k], known[k].text) for k in block]) for block in blocks)
    source: TextSource = "mixed" if page.text_layer else "ocr"
    return replace(
        _published(page, source, text, published), skew=clean.skew, orientation=clean.orientation
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


def _text_line(line: Line, reading: Reading, frame: Frame) -> TextLine:
    corners = corners_of(line.box) if line.corners is None else line.corners
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
