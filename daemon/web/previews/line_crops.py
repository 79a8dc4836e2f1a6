"""Cuts lines out of one page of an untrusted file, in a sandboxed process of its own.

`crop_lines` starts `python -m daemon.web.previews.line_crops`.
"""

from __future__ import annotations

import contextlib
import math
import pickle
import resource
import struct
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.core import private
from daemon.core.errors import Deferred, Rejected
from daemon.engine.isolated import run_isolated

if TYPE_CHECKING:
    from daemon.core.options import Limits, Rendering
    from daemon.core.records import Pixels

MAX_MEMORY_BYTES = 3_000_000_000  # of address space
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


@dataclass(frozen=True, slots=True)
class CropRequest:
    """Lines of page `number` (from 1) of the file `path`, to be written as JPEG to `draft`.

    In a sandbox the process can open this file, write in that folder, and do nothing else.
    """

    path: Path
    number: int
    limits: Limits
    rendering: Rendering
    draft: Path
    lines: tuple[LineBox, ...]
    in_sandbox: bool = True


def crop_lines(request: CropRequest) -> list[bytes]:
    """Return each line as JPEG; LookupError with a sentence if the page cannot be rendered."""
    seconds = request.limits.page_seconds
    try:
        code, message = run_isolated("daemon.web.previews.line_crops", request, seconds)
        content = b"" if code else request.draft.read_bytes()
    except TimeoutError as error:
        raise LookupError(f"the page could not be rendered within {seconds:.0f} s") from error
    except OSError as error:
        raise LookupError("the lines could not be cut out of the page") from error
    if code:
        is_ours = code == 1 and message and "Error" not in message
        raise LookupError(message if is_ours else "the page could not be rendered")
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


def _crop_here(request: CropRequest) -> None:
    import cv2

    from daemon.engine import sandbox
    from daemon.ocr import pages

    with contextlib.suppress(OSError, ValueError):  # a lower limit is already in force
        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    if request.in_sandbox:
        sandbox.enter([request.path], [request.draft.parent])
    rendering = replace(request.rendering, text_layer="never")
    with pages.open_document(request.path, request.limits, rendering) as source:
        if not 1 <= request.number <= source.page_count:
            raise Rejected("no_page", f"the document has {source.page_count} pages")
        image = source.page(request.number).image
    private.create_file(request.draft)
    with request.draft.open("wb") as draft:
        for line in request.lines:
            _, content = cv2.imencode(
                ".jpg", crop(image, line), (cv2.IMWRITE_JPEG_QUALITY, QUALITY)
            )
            draft.write(_LENGTH.pack(len(content)) + content.tobytes())


if __name__ == "__main__":
    try:
        _crop_here(pickle.load(sys.stdin.buffer))  # noqa: S301  # from our own parent
    except (Rejected, Deferred) as error:
        sys.exit(str(error))
