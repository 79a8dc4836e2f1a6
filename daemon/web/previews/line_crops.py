"""Cuts lines out of one page of an untrusted file, in a sandboxed process of its own.

`crop_lines` starts `python -m daemon.web.previews.line_crops`.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemon.core import private
from daemon.web.previews import isolated_page
from daemon.web.previews.isolated_page import PageRequest

if TYPE_CHECKING:
    from daemon.core.records import Pixels

QUALITY = 95  # of the JPEG: it is trained on
MARGIN = 0.1  # of the height of a line, added around its box
MIN_SKEW = 0.15  # degrees; a smaller one is not corrected
_LENGTH = struct.Struct(">I")  # before each image in the draft


@dataclass(frozen=True, slots=True)
class LineBox:
    """A line: left, top, right, bottom on a page of `width` x `height` pixels as shown.

    `turn` degrees clockwise (0, 90, 180, 270) make it upright, then `skew` degrees make it level.
    """

    box: tuple[int, int, int, int]
    width: int
    height: int
    turn: int = 0
    skew: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CropRequest(PageRequest):
    """Lines of a page to be written as JPEG, one after the other."""

    lines: tuple[LineBox, ...]


def crop_lines(request: CropRequest) -> list[bytes]:
    """Return each line as JPEG; LookupError with a sentence if the page cannot be rendered."""
    if reason := isolated_page.run("daemon.web.previews.line_crops", request):
        raise LookupError(reason)
    try:
        content = request.draft.read_bytes()
    except OSError as error:
        raise LookupError("the lines could not be cut out of the page") from error
    crops, at = list[bytes](), 0
    while at + _LENGTH.size <= len(content):
        (length,) = _LENGTH.unpack_from(content, at)
        at += _LENGTH.size
        crops.append(content[at : at + length])
        at += length
    if len(crops) != len(request.lines):
        raise LookupError("the lines could not be cut out of the page")
    return crops


def crop(image: Pixels, line: LineBox) -> Pixels:
    """Return one line of a page, upright and level, with a small margin; H,W or H,W,3."""
    import cv2
    import numpy as np

    across, down = image.shape[1] / line.width, image.shape[0] / line.height
    left, top, right, bottom = line.box
    edges = left * across, top * down, right * across, bottom * down
    margin = MARGIN * min(edges[2] - edges[0], edges[3] - edges[1])
    x, y = max(0, math.floor(edges[0] - margin)), max(0, math.floor(edges[1] - margin))
    x2, y2 = math.ceil(edges[2] + margin), math.ceil(edges[3] + margin)
    piece = np.rot90(image[y : max(y + 1, y2), x : max(x + 1, x2)], k=-line.turn // 90)
    if abs(line.skew) < MIN_SKEW:
        return np.ascontiguousarray(piece)
    height, width = piece.shape[:2]
    cosine, sine = math.cos(math.radians(line.skew)), math.sin(math.radians(abs(line.skew)))
    level = cv2.warpAffine(
        np.ascontiguousarray(piece),
        cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -line.skew, 1.0),
        (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    # the box around a level line of height h and width w that is turned: H = h cos + w sin, ...
    own = (height * cosine - width * sine) / (cosine**2 - sine**2)
    rows = min(height, max(8, round(own)))
    first = (height - rows) // 2
    return np.ascontiguousarray(level[first : first + rows].astype(np.uint8))


def _crop(request: CropRequest, image: Pixels) -> None:
    import cv2

    private.create_file(request.draft)
    with request.draft.open("wb") as draft:
        for line in request.lines:
            quality = (cv2.IMWRITE_JPEG_QUALITY, QUALITY)
            _, content = cv2.imencode(".jpg", crop(image, line), quality)
            draft.write(_LENGTH.pack(len(content)) + content.tobytes())


if __name__ == "__main__":
    isolated_page.main(_crop)
