"""Overlays: a picture of a page with its blocks, cells, lines and low-confidence words marked.

Regions that look like text and were not read are dashed, with the reason above them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from daemon.core.records import Box

if TYPE_CHECKING:
    from collections.abc import Iterable

    from daemon.core.records import Block, Page, PageText, Pixels, UnreadRegion, Word

LOW_CONFIDENCE: Final = 0.9  # confidence below which a word is highlighted
_SIDE: Final = 2000  # pixels of the longer side of a picture, at most
_BLOCK_COLOURS: Final = {  # BGR, as all colours here
    "text": (160, 160, 160),
    "heading": (0, 0, 220),
    "table": (200, 160, 0),
    "header": (0, 160, 220),
    "footer": (0, 160, 220),
    "seal": (150, 60, 220),
}
_LINE_COLOURS: Final = ((0, 140, 0), (190, 90, 0))  # consecutive blocks alternate
_NUMBER_COLOUR: Final = (200, 0, 200)
_LOW_CONFIDENCE_COLOUR: Final = (0, 170, 255)
_UNREAD_COLOUR: Final = (60, 0, 200)
_DASH: Final = 8  # in thicknesses of a line: the length of a dash, and of the gap after it


def draw(page: Page, text: PageText) -> Pixels:
    """Return the page, H,W,3, with the recognised layout and text marked in colour."""
    scale = page.image.shape[1] / text.width
    image = page.image.copy()
    _highlight(image, [w.box for w in _low_confidence_words(text)], scale)
    thickness = 1 + max(image.shape) // 1500
    number = 0
    for index, block in enumerate(text.blocks):
        _draw_block(image, block, scale, thickness)
        for line in block.lines:
            number += 1
            left, top, *_ = _draw_box(image, line.box, scale, _LINE_COLOURS[index % 2], thickness)
            origin = (max(0, left - 2 * thickness), top + 4 * thickness)
            cv2.putText(
                image,
                str(number),
                origin,
                0,
                0.4 * thickness,
                _NUMBER_COLOUR,
                thickness,
                cv2.LINE_AA,
            )
    for region in text.unread:
        _draw_unread(image, region, scale, thickness)
    shrinkage = min(1.0, _SIDE / max(image.shape))
    shrunk = cv2.resize(image, None, fx=shrinkage, fy=shrinkage, interpolation=cv2.INTER_AREA)
    return np.asarray(shrunk, np.uint8)


def _draw_block(image: Pixels, block: Block, scale: float, thickness: int) -> None:
    """Draw a block in the colour of its kind, a table with its cells."""
    colour = _BLOCK_COLOURS[block.kind]
    for cell in block.table.cells if block.table else ():
        _draw_box(image, cell.box, scale, colour, 2 * thickness, -2 * thickness)
    around = Box.around(line.box for line in block.lines)
    _draw_box(image, around, scale, colour, thickness, 3 * thickness)
    if block.kind != "text":
        left, top, *_ = _scaled(around, scale)
        origin = (left, max(0, top - 6 * thickness))
        cv2.putText(image, block.kind, origin, 0, 0.5 * thickness, colour, thickness, cv2.LINE_AA)


def _draw_unread(image: Pixels, region: UnreadRegion, scale: float, thickness: int) -> None:
    left, top, right, bottom = _scaled(region.box, scale)
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    for start, end in zip(corners, (*corners[1:], corners[0]), strict=True):
        _draw_dashes(image, start, end, 2 * thickness)
    size, above = 0.4 * thickness, max(10 * thickness, top - 3 * thickness)
    cv2.putText(
        image, region.reason, (left, above), 0, size, _UNREAD_COLOUR, thickness, cv2.LINE_AA
    )


def _draw_dashes(
    image: Pixels, start: tuple[int, int], end: tuple[int, int], thickness: int
) -> None:
    """Draw a dashed line; a short one is a single dash."""
    vector = np.subtract(end, start)
    length = float(np.hypot(*vector))
    dash = _DASH * thickness
    for at in np.arange(0.0, max(length, 1.0), 2 * dash):
        ends = [
            np.add(start, vector * min(1.0, each / max(length, 1.0))) for each in (at, at + dash)
        ]
        first, last = ((round(float(x)), round(float(y))) for x, y in ends)
        cv2.line(image, first, last, _UNREAD_COLOUR, thickness)


def png(page: Page, text: PageText) -> bytes:
    """Return the same as PNG bytes."""
    _, content = cv2.imencode(".png", draw(page, text))
    return content.tobytes()


def _low_confidence_words(text: PageText) -> Iterable[Word]:
    words = (word for block in text.blocks for line in block.lines for word in line.words)
    return (
        word for word in words if word.confidence is not None and word.confidence < LOW_CONFIDENCE
    )


def _highlight(image: Pixels, boxes: Iterable[Box], scale: float) -> None:
    """Tint the boxes so that their content stays legible."""
    for box in boxes:
        left, top, right, bottom = _scaled(box, scale)
        part = image[top:bottom, left:right]
        np.minimum(part, np.array(_LOW_CONFIDENCE_COLOUR, np.uint8), out=part)


def _draw_box(
    image: Pixels,
    box: Box,
    scale: float,
    colour: tuple[int, int, int],
    thickness: int,
    margin: int = 0,
) -> tuple[int, int, int, int]:
    left, top, right, bottom = _scaled(box, scale)
    corner, opposite = (left - margin, top - margin), (right + margin, bottom + margin)
    cv2.rectangle(image, corner, opposite, colour, thickness)
    return left, top, right, bottom


def _scaled(box: Box, scale: float) -> tuple[int, int, int, int]:
    left, top, right, bottom = (
        round(side * scale) for side in (box.left, box.top, box.right, box.bottom)
    )
    return left, top, right, bottom
