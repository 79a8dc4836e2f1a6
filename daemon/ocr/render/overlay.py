"""What was seen of a page, to be looked at: blocks by kind, cells, lines, doubtful words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from daemon.core.records import Box

if TYPE_CHECKING:
    from collections.abc import Iterable

    from daemon.core.records import Block, Page, PageText, Pixels, Word

DOUBTFUL: Final = 0.9  # confidence below which a word is marked
_SIDE: Final = 2000  # pixels of a picture's longer side at most
_BLOCKS: Final = {  # BGR, as all colours here
    "text": (160, 160, 160),
    "heading": (0, 0, 220),
    "table": (200, 160, 0),
    "header": (0, 160, 220),
    "footer": (0, 160, 220),
}
_LINES: Final = ((0, 140, 0), (190, 90, 0))  # blocks take turns
_NUMBER: Final = (200, 0, 200)
_DOUBT: Final = (0, 170, 255)


def picture(page: Page, text: PageText) -> Pixels:
    """Return the page, H,W,3, with what was read of it marked in colour."""
    scale = page.image.shape[1] / text.width
    image = page.image.copy()
    _shade(image, [w.box for w in _doubtful(text)], scale)
    thick = 1 + max(image.shape) // 1500
    number = 0
    for place, block in enumerate(text.blocks):
        _outline(image, block, scale, thick)
        for line in block.lines:
            number += 1
            left, top, *_ = _frame(image, line.box, scale, _LINES[place % 2], thick)
            spot = (max(0, left - 2 * thick), top + 4 * thick)
            cv2.putText(image, str(number), spot, 0, 0.4 * thick, _NUMBER, thick, cv2.LINE_AA)
    share = min(1.0, _SIDE / max(image.shape))
    shrunk = cv2.resize(image, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    return np.asarray(shrunk, np.uint8)


def _outline(image: Pixels, block: Block, scale: float, thick: int) -> None:
    """Draw a block in the colour of its kind, a table with its cells."""
    colour = _BLOCKS[block.kind]
    for cell in block.table.cells if block.table else ():
        _frame(image, cell.box, scale, colour, 2 * thick, -2 * thick)
    around = Box.around(line.box for line in block.lines)
    _frame(image, around, scale, colour, thick, 3 * thick)
    if block.kind != "text":
        left, top, *_ = _scaled(around, scale)
        spot = (left, max(0, top - 6 * thick))
        cv2.putText(image, block.kind, spot, 0, 0.5 * thick, colour, thick, cv2.LINE_AA)


def png(page: Page, text: PageText) -> bytes:
    """Return the same as the bytes of a PNG."""
    _, content = cv2.imencode(".png", picture(page, text))
    return content.tobytes()


def _doubtful(text: PageText) -> Iterable[Word]:
    words = (word for block in text.blocks for line in block.lines for word in line.words)
    return (word for word in words if word.confidence is not None and word.confidence < DOUBTFUL)


def _shade(image: Pixels, boxes: Iterable[Box], scale: float) -> None:
    """Lay a colour over what is in the boxes, so that it can still be read."""
    for box in boxes:
        left, top, right, bottom = _scaled(box, scale)
        part = image[top:bottom, left:right]
        np.minimum(part, np.array(_DOUBT, np.uint8), out=part)


def _frame(
    image: Pixels, box: Box, scale: float, colour: tuple[int, int, int], thick: int, out: int = 0
) -> tuple[int, int, int, int]:
    left, top, right, bottom = _scaled(box, scale)
    corner, opposite = (left - out, top - out), (right + out, bottom + out)
    cv2.rectangle(image, corner, opposite, colour, thick)
    return left, top, right, bottom


def _scaled(box: Box, scale: float) -> tuple[int, int, int, int]:
    left, top, right, bottom = (
        round(side * scale) for side in (box.left, box.top, box.right, box.bottom)
    )
    return left, top, right, bottom
