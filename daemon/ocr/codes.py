"""Barcodes and matrix codes of a page, read by zxing-cpp, and patch codes.

zxing-cpp reads matrix codes at any angle and barcodes along rows and columns. Where parallel bars
lie at another angle, or bars were seen and nothing was read, the place is cut out, turned level and
read again; what is no barcode there may be a patch code.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, get_args

import cv2
import numpy as np
import zxingcpp

from daemon.core.options import CodeChoice
from daemon.core.records import MAX_CODES, Box, Code, CodeFormat
from daemon.ocr import patch_codes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from daemon.core.records import Page, Pixels

    Affine = NDArray[np.float64]

MAX_TEXT: Final = 8000  # characters of a code: a QR code has 7 089 digits at most
_MAX_PIXELS: Final = 40e6  # of what is searched: A4 at 600 dpi; a larger page is scaled down
_IDS: Final[dict[CodeFormat, str]] = {
    "Aztec": "Aztec", "Codabar": "Codabar", "Code 128": "Code128", "Code 39": "Code39",
    "Code 93": "Code93", "Data Matrix": "DataMatrix", "DataBar": "DataBar", "EAN-13": "EAN13",
    "EAN-8": "EAN8", "ITF": "ITF", "MaxiCode": "MaxiCode", "Micro QR Code": "MicroQRCode",
    "MicroPDF417": "MicroPDF417", "PDF417": "PDF417", "QR Code": "QRCode",
    "rMQR Code": "RMQRCode", "Telepen": "Telepen", "UPC-A": "UPCA", "UPC-E": "UPCE",
}  # fmt: skip
_OF_BARS: Final[tuple[CodeFormat, ...]] = (
    "Codabar", "Code 128", "Code 39", "Code 93", "DataBar", "EAN-13", "EAN-8", "ITF", "MicroPDF417",
    "PDF417", "Telepen", "UPC-A", "UPC-E",
)  # fmt: skip
# Those without a check digit are read as well in a part of a code, or in a table: the most
# characters that such a reading has. Each must have more.
_MAX_ACCIDENTAL: Final[dict[CodeFormat, int]] = {"ITF": 5, "Codabar": 4, "Telepen": 3, "Code 39": 2}

# --- places with parallel bars
_SIDE: Final = 1200  # pixels of the longer side at which bars are looked for
_WINDOW: Final = 21  # pixels of it, over which the direction of edges is averaged
_MIN_COHERENCE: Final = 0.5  # of the directions: 1 is parallel bars, text has 0.1 to 0.4
_GAP: Final = 25  # pixels of it between parts of a PDF417, whose rows are uneven
_MIN_ENERGY: Final = 30.0  # gray levels a pixel, root mean square: bars of faint print have 80
_MIN_PLACE: Final = (50, 14)  # pixels along and across: a smaller place is no barcode
_MAX_PLACES: Final = 6
_MARGIN: Final = 0.25  # of the length of a place, cut out around it: bars at its ends are uneven
_SAME_PLACE: Final = 0.5  # of the smaller box that two boxes share


@dataclass(frozen=True, slots=True)
class _BarPlace:
    """Where parallel bars are: centre and size in pixels of the page, angle of the code's baseline.

    `size` is along the baseline and across it, `angle` in degrees clockwise, -90..90.
    """

    centre: tuple[float, float]
    size: tuple[float, float]
    angle: float

    def level(self) -> tuple[Affine, tuple[int, int]]:
        """Return the map from the page to a picture where the bars are upright, and its size."""
        margin = _MARGIN * self.size[0]
        width, height = (max(8, math.ceil(side + 2 * margin)) for side in self.size)
        turn = cv2.getRotationMatrix2D(self.centre, self.angle, 1.0)
        turn[:, 2] += np.array([width / 2 - self.centre[0], height / 2 - self.centre[1]])
        return np.asarray(turn, np.float64), (width, height)


def find(page: Page, formats: Sequence[CodeChoice]) -> tuple[Code, ...]:
    """Return the codes of these formats on a page, from top to bottom; MAX_CODES at most."""
    gray, scales = _searched(page)
    wanted = [name for name in get_args(CodeFormat) if name in formats or "any" in formats]
    found = _read(gray, wanted, np.eye(2, 3))
    of_bars = [name for name in wanted if name in _OF_BARS]
    if all(code.format in _OF_BARS for code, _ in found):
        found += _read_damaged(gray, [name for name in wanted if name not in _OF_BARS])
    read = [corners for _, corners in found]
    for place in _bar_places(gray, read) if of_bars or "Patch Code" in wanted else ():
        if any(_holds(corners, place.centre) for _, corners in found):
            continue
        found += _read_place(gray, place, of_bars)
        if "Patch Code" in wanted:
            found += _read_patch(gray, place)
    codes = _without_parts([(code, corners / scales) for code, corners in found])
    published = [_placed(code, corners, page) for code, corners in codes]
    return tuple(sorted(published, key=lambda code: (code.box.top, code.box.left)))[:MAX_CODES]


_Found = tuple[Code, "NDArray[np.float64]"]
"""A code without its place, and its corners, 4,2: x and y."""


def _searched(page: Page) -> tuple[Pixels, NDArray[np.float64]]:
    """Return the page in gray with square pixels, and its scales across and down."""
    shown = page.shown
    gray = shown if shown.ndim == 2 else cv2.cvtColor(shown, cv2.COLOR_BGR2GRAY)
    height, width = gray.shape
    across, down = max(1.0, 1 / page.pixel_height), max(1.0, page.pixel_height)
    shrinkage = min(1.0, math.sqrt(_MAX_PIXELS / (height * down * width * across)))
    size = (max(1, round(width * across * shrinkage)), max(1, round(height * down * shrinkage)))
    if size != (width, height):
        how = cv2.INTER_AREA if shrinkage < 1 else cv2.INTER_LINEAR
        gray = cv2.resize(gray, size, interpolation=how)
    return np.ascontiguousarray(gray, np.uint8), np.array([size[0] / width, size[1] / height])


def _read(gray: Pixels, formats: Sequence[CodeFormat], from_page: Affine) -> list[_Found]:
    """Return the codes in a picture, with their corners on the page that it was cut out of."""
    formats = [name for name in formats if name in _IDS]
    if not formats:  # zxing-cpp would look for all of them
        return []
    ids = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat[_IDS[name]] for name in formats])
    found = []
    back = cv2.invertAffineTransform(from_page)
    for each in zxingcpp.read_barcodes(gray, formats=ids):
        code = _code(each)
        if code is not None:
            at = each.position
            points = [at.top_left, at.top_right, at.bottom_right, at.bottom_left]
            corners = np.array([[point.x, point.y, 1.0] for point in points]) @ back.T
            found.append((code, np.asarray(corners, np.float64)))
    return found


def _read_damaged(gray: Pixels, formats: Sequence[CodeFormat]) -> list[_Found]:
    """Return the matrix codes that show when edges are sharper, or noise and folds are softer."""
    for picture in (_sharpened(gray), np.asarray(cv2.GaussianBlur(gray, (0, 0), 1.5), np.uint8)):
        if found := _read(picture, formats, np.eye(2, 3)):
            return found
    return []


def _sharpened(gray: Pixels) -> Pixels:
    """Return a picture as it would be without a blur of about 2.5 pixels (unsharp masking)."""
    blurred = cv2.GaussianBlur(gray, (0, 0), 2.5)
    return np.asarray(cv2.addWeighted(gray, 2.5, blurred, -1.5, 0), np.uint8)


def _code(found: zxingcpp.Barcode) -> Code | None:
    """Return what was read, without its place; None for what is no code, or too long."""
    name = _format(found)
    if name is None or len(found.text) <= _MAX_ACCIDENTAL.get(name, 0):
        return None
    is_text = found.content_type in (zxingcpp.ContentType.Text, zxingcpp.ContentType.GS1)
    text = found.text if is_text else base64.b64encode(found.bytes).decode()
    nowhere = Box(0, 0, 0, 0)
    return Code(text, name, nowhere, not is_text) if len(text) <= MAX_TEXT else None


def _format(found: zxingcpp.Barcode) -> CodeFormat | None:
    """Return the name of the format; that of a variant is the format that it is a variant of."""
    by_id = {zxingcpp.BarcodeFormat[each]: name for name, each in _IDS.items()}
    return by_id.get(found.format) or by_id.get(found.symbology)


def _bar_places(gray: Pixels, read: Sequence[NDArray[np.float64]]) -> Iterator[_BarPlace]:
    """Yield the largest places where edges of one direction are dense: barcodes at any angle.

    `read` are the corners of codes that are read already: their neighbours are places of their own.
    """
    shrinkage = min(1.0, _SIDE / max(gray.shape))
    size = (max(1, round(gray.shape[1] * shrinkage)), max(1, round(gray.shape[0] * shrinkage)))
    small = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
    across = cv2.Sobel(small, cv2.CV_32F, 1, 0)
    down = cv2.Sobel(small, cv2.CV_32F, 0, 1)
    window = (_WINDOW, _WINDOW)
    horizontal = cv2.blur(across * across, window)
    vertical = cv2.blur(down * down, window)
    mixed = cv2.blur(across * down, window)
    energy = horizontal + vertical
    parallel = np.hypot(horizontal - vertical, 2 * mixed) / np.maximum(energy, 1e-6)
    mask = np.asarray((parallel > _MIN_COHERENCE) & (energy > _MIN_ENERGY**2), np.uint8)
    for corners in read:
        left, top, right, bottom = (round(shrinkage * side) for side in _bounds(corners))
        reach = _WINDOW // 2 + 1  # as far as its edges are seen
        mask[max(0, top - reach) : bottom + reach, max(0, left - reach) : right + reach] = 0
    closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((_GAP, _GAP), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    order = 1 + np.argsort(-stats[1:count, cv2.CC_STAT_AREA], kind="stable")[:_MAX_PLACES]
    for label in order:
        ys, xs = np.nonzero(labels == label)
        angle = 0.5 * math.degrees(
            math.atan2(
                2 * float(mixed[ys, xs].sum()),
                float(horizontal[ys, xs].sum() - vertical[ys, xs].sum()),
            )
        )
        place = _place(xs, ys, angle)
        if place.size[0] >= _MIN_PLACE[0] and place.size[1] >= _MIN_PLACE[1]:
            centre = (place.centre[0] / shrinkage, place.centre[1] / shrinkage)
            sides = (place.size[0] / shrinkage, place.size[1] / shrinkage)
            yield _BarPlace(centre, sides, place.angle)


def _place(xs: NDArray[np.int64], ys: NDArray[np.int64], angle: float) -> _BarPlace:
    """Return the rectangle around points of which the baseline has an angle."""
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    along, across = xs * cos + ys * sin, ys * cos - xs * sin
    middle = ((along.min() + along.max()) / 2, (across.min() + across.max()) / 2)
    centre = (middle[0] * cos - middle[1] * sin, middle[0] * sin + middle[1] * cos)
    size = (float(np.ptp(along)) + 1, float(np.ptp(across)) + 1)
    return _BarPlace((float(centre[0]), float(centre[1])), size, angle)


def _read_place(gray: Pixels, place: _BarPlace, formats: Sequence[CodeFormat]) -> list[_Found]:
    """Return the barcodes at a place that is turned level, from the first picture that has any."""
    turn, size = place.level()
    level = cv2.warpAffine(gray, turn, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    for picture, scale in _variants(np.asarray(level, np.uint8)):
        if found := _read(picture, formats, np.diag([scale, scale, 1.0])[:2] @ _square(turn)):
            return found
    return []


def _read_patch(gray: Pixels, place: _BarPlace) -> list[_Found]:
    """Return the patch code at a place that is turned level, if there is one."""
    turn, size = place.level()
    level = cv2.warpAffine(
        gray, turn, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    found = patch_codes.read(np.asarray(level, np.uint8), max(gray.shape))
    if found is None:
        return []
    order, (left, top, right, bottom) = found
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    corners = np.column_stack([corners, np.ones(4)]) @ cv2.invertAffineTransform(turn).T
    start, end = corners[[0, 3]].mean(axis=0), corners[[1, 2]].mean(axis=0)
    text = patch_codes.text_of(order, start, end, gray.shape[1], gray.shape[0])
    return [(Code(text, "Patch Code", Box(0, 0, 0, 0)), np.asarray(corners, np.float64))]


def _variants(level: Pixels) -> Iterator[tuple[Pixels, float]]:
    """Yield pictures of a place in which bars are upright, and how they are enlarged."""
    yield level, 1.0
    yield np.asarray(255 - level, np.uint8), 1.0  # light bars on dark
    yield _sharpened(level), 1.0
    # what is printed faintly or noisily is clearer as a mean along the bars
    yield np.asarray(cv2.blur(level, (1, 15)), np.uint8), 1.0
    larger = cv2.resize(level, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    yield np.asarray(cv2.blur(larger, (1, 31)), np.uint8), 2.0


def _square(matrix: Affine) -> Affine:
    return np.vstack([matrix, [0.0, 0.0, 1.0]])


def _without_parts(found: Sequence[_Found]) -> list[_Found]:
    """Return the codes less those read in a part of another one: the longest text counts."""
    kept: list[_Found] = []
    ordered = sorted(found, key=lambda each: (-len(each[0].text), -_area(_bounds(each[1]))))
    for code, corners in ordered:
        box = _bounds(corners)
        if not any(_overlap(box, _bounds(other)) > _SAME_PLACE for _, other in kept):
            kept.append((code, corners))
    return kept


_Bounds = tuple[float, float, float, float]


def _bounds(corners: NDArray[np.float64]) -> _Bounds:
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    return float(left), float(top), float(right) + 1, float(bottom) + 1


def _area(box: _Bounds) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def _overlap(box: _Bounds, other: _Bounds) -> float:
    """Return the share of the smaller box that both cover."""
    shared = (*np.maximum(box[:2], other[:2]), *np.minimum(box[2:], other[2:]))
    return _area(shared) / max(1.0, min(_area(box), _area(other)))


def _holds(corners: NDArray[np.float64], point: tuple[float, float]) -> bool:
    """Tell whether a point is in the box of a code."""
    left, top, right, bottom = _bounds(corners)
    return left <= point[0] <= right and top <= point[1] <= bottom


def _placed(code: Code, corners: NDArray[np.float64], page: Page) -> Code:
    """Return the code with its box in original pixels; `corners` are pixels of the page."""
    left, top, right, bottom = (side / page.scale for side in _bounds(corners))
    box = Box(
        min(page.width, max(0, math.floor(left))),
        min(page.height, max(0, math.floor(top))),
        min(page.width, max(0, math.ceil(right))),
        min(page.height, max(0, math.ceil(bottom))),
    )
    return Code(code.text, code.format, box, code.is_base64)
