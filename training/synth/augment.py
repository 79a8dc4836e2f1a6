"""Augmentation: the damage that printing, faxing, copying, scanning and photographing do to a line.

Every function takes an H,W gray image (dark on light) and a random generator, and returns a new
image of the same shape and type; its docstring names the real cause that it imitates. `damaged`
applies them with the probabilities of the table, `rescaled` alone changes the size.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator
    from numpy.typing import NDArray

    from daemon.core.records import Pixels

    Damage = Callable[[Pixels, Generator], Pixels]

cv2.setNumThreads(1)

MILD = {"en": 0.25, "latin": 0.3, "zh": 0.55, "zh-Hant": 0.55}  # shares of lines with little damage
FAX = {"en": 0.24, "latin": 0.15, "zh": 0.10, "zh-Hant": 0.10}
MIN_CORRELATION = 0.45  # with the undamaged line; below it a person begins to guess
_BANK = 1 << 22  # numbers; the largest line, enlarged, fits


# --- resolution ---------------------------------------------------------------------------------


def rescaled(image: Pixels, height: int) -> Pixels:
    """Scan at a resolution at which the line has `height` rows."""
    width = max(2, round(image.shape[1] * height / image.shape[0]))
    how = cv2.INTER_AREA if height < image.shape[0] else cv2.INTER_LINEAR
    return _pixels(cv2.resize(image, (width, height), interpolation=how))


def faxed(image: Pixels, rng: Generator) -> Pixels:
    """A fax or a bilevel scan: black and white at 1.5 to 2.6 times the size, then averaged."""
    height, width = image.shape
    scale = rng.uniform(1.5, 2.6)
    large = cv2.resize(image, (round(width * scale), round(height * scale)))
    if rng.random() < 0.4:
        large = cv2.add(large, _noise(large.shape, rng, 25), dtype=cv2.CV_8U)
    hard = _binarised(_pixels(large), rng)
    return _pixels(cv2.resize(hard, (width, height), interpolation=cv2.INTER_AREA))


def coarse(image: Pixels, rng: Generator) -> Pixels:
    """Fax resolution: 8 to 12 pixels per x-height, enlarged again when stored."""
    height, width = image.shape
    rows = min(height, int(rng.integers(17, 25)))
    small = cv2.resize(image, (max(2, width * rows // height), rows), interpolation=cv2.INTER_AREA)
    if rng.random() < 0.5:
        small = _binarised(_pixels(small), rng)
    how = (cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC)[int(rng.integers(3))]
    return _pixels(cv2.resize(small, (width, height), interpolation=how))


# --- ink ----------------------------------------------------------------------------------------


def bold(image: Pixels, rng: Generator) -> Pixels:
    """Spread ink, a fresh ribbon, a dark copy."""
    share = rng.uniform(0.3, 0.9)
    fat = cv2.erode(image, np.ones((2, 2), np.uint8))
    return _pixels(cv2.addWeighted(fat, share, image, 1 - share, 0))


def thin(image: Pixels, rng: Generator) -> Pixels:
    """Ink missing at the edges: a worn ribbon, a light copy."""
    share = rng.uniform(0.15, 0.5)
    lean = cv2.dilate(image, np.ones((2, 2), np.uint8))
    return _pixels(cv2.addWeighted(lean, share, image, 1 - share, 0))


def broken(image: Pixels, rng: Generator) -> Pixels:
    """Strokes with holes: rough paper, a dry ribbon, flaking toner."""
    spots = cv2.GaussianBlur(_noise(image.shape, rng, 40), (3, 3), 0)
    holes = (spots > rng.uniform(20, 30)).astype(np.uint8) * np.uint8(rng.integers(90, 190))
    return _pixels(cv2.add(image, holes))


def faded(image: Pixels, rng: Generator) -> Pixels:
    """Weak dots of a thermal printer and old receipts: ink fades along the line and by rows."""
    height, width = image.shape
    across = _wave(width, rng) * rng.uniform(0.2, 0.62)
    down = _wave(height, rng)[:, None] * rng.uniform(0.0, 0.3)
    lost = np.minimum(across[None] + down, 0.72).astype(np.float32)
    if rng.random() < 0.4:
        rows = rng.integers(0, height, int(rng.integers(1, 3)))
        lost[rows] = 0.85  # dead dots of the print head
    return _pixels(255 - (255 - image) * (1 - lost))


def striped(image: Pixels, rng: Generator) -> Pixels:
    """A dot-matrix or thermal print head: light rows between the rows of dots."""
    period = int(rng.integers(2, 5))
    weak = image.copy()
    part = weak[int(rng.integers(period)) :: period]
    np.add(part // 2, 127 - int(rng.integers(0, 60)), out=part, casting="unsafe")
    np.maximum(weak, image, out=weak)
    return weak


# --- paper --------------------------------------------------------------------------------------


def toned(image: Pixels, rng: Generator) -> Pixels:
    """Gray ink on paper that is not white: coloured forms, newsprint, a dim lamp."""
    paper = 255 - min(rng.exponential(35), 110)
    ink = rng.uniform(0, min(110.0, paper - 100))
    table = np.linspace(ink, paper, 256).astype(np.uint8)
    return _pixels(cv2.LUT(image, table))


def shaded(image: Pixels, rng: Generator) -> Pixels:
    """Uneven light: the shadow of a hand, a fold, the edge of a scanner lid."""
    height, width = image.shape
    across = 1 - _wave(width, rng) * rng.uniform(0.1, 0.5)
    down = np.linspace(1, rng.uniform(0.75, 1.0), height)
    light = (across[None] * down[:, None]).astype(np.float32)
    return _pixels(image * light)


def textured(image: Pixels, rng: Generator) -> Pixels:
    """Paper with a grain, or the pattern of a security form."""
    grain = cv2.GaussianBlur(_noise(image.shape, rng, 36), (5, 5), 0)
    return _pixels(cv2.add(image, grain - 10, dtype=cv2.CV_8U))


def show_through(image: Pixels, rng: Generator) -> Pixels:
    """The reverse side of the sheet shows through: mirrored, faint, blurred."""
    back = cv2.blur(np.roll(image[::-1, ::-1], int(rng.integers(9, 99)), axis=1), (3, 3))
    share = rng.uniform(0.05, 0.17)
    faint = cv2.addWeighted(back, share, np.full_like(image, 255), 1 - share, 0)
    return _pixels(np.minimum(image, faint))


def inverted(image: Pixels, rng: Generator) -> Pixels:
    """Light text on a dark bar: headings of tables, shop signs."""
    dark = int(rng.integers(0, 90))
    return _pixels(np.clip(255 - image, dark, 255))


# --- camera and scanner -------------------------------------------------------------------------


def blurred(image: Pixels, rng: Generator) -> Pixels:
    """A lens out of focus."""
    return _pixels(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 0.028 * image.shape[0] + 0.4)))


def motion_blurred(image: Pixels, rng: Generator) -> Pixels:
    """Motion of the camera or the sheet."""
    long = max(2, round(rng.uniform(0.05, 0.1) * image.shape[0]))
    shape = (long, 1) if rng.random() < 0.6 else (1, long)
    return _pixels(cv2.blur(image, shape))


def noisy(image: Pixels, rng: Generator) -> Pixels:
    """The noise of a sensor in poor light."""
    return _pixels(cv2.add(image, _noise(image.shape, rng, rng.uniform(3, 22)), dtype=cv2.CV_8U))


def speckled(image: Pixels, rng: Generator) -> Pixels:
    """Dust, toner and errors of a fax line: black and white specks."""
    height, width = image.shape
    many = int(image.size * rng.uniform(0.0005, 0.008)) + 1
    spots = image.copy()
    places = rng.integers(0, height, many), rng.integers(0, width, many)
    spots[places] = np.where(rng.random(many) < 0.6, 0, 255)
    return spots


def thresholded(image: Pixels, rng: Generator) -> Pixels:
    """Binarised with a slightly wrong threshold."""
    return _binarised(image, rng)


def compressed(image: Pixels, rng: Generator) -> Pixels:
    """JPEG compression, as by scanners and phones."""
    quality = int(rng.integers(22, 85))
    _, packed = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, quality))
    return _pixels(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE))


def contrasted(image: Pixels, rng: Generator) -> Pixels:
    """Gamma and contrast of a scanner set by hand."""
    table = 255 * np.linspace(0, 1, 256) ** np.exp(rng.uniform(-0.6, 0.4))
    return _pixels(cv2.LUT(image, _pixels(table)))


# --- the table ----------------------------------------------------------------------------------

# in the order in which they happen; shares of harsh Latin, harsh Chinese and mild lines
DAMAGES: dict[Damage, tuple[float, float, float]] = {
    bold: (0.16, 0.10, 0.08),
    thin: (0.12, 0.06, 0.05),
    broken: (0.14, 0.10, 0.0),
    striped: (0.04, 0.02, 0.0),
    faded: (0.22, 0.20, 0.02),
    coarse: (0.12, 0.03, 0.0),
    toned: (0.40, 0.45, 0.20),
    show_through: (0.06, 0.06, 0.02),
    textured: (0.12, 0.14, 0.03),
    shaded: (0.30, 0.32, 0.10),
    blurred: (0.25, 0.25, 0.10),
    motion_blurred: (0.06, 0.06, 0.0),
    noisy: (0.45, 0.45, 0.20),
    speckled: (0.12, 0.08, 0.0),
    contrasted: (0.25, 0.25, 0.10),
    inverted: (0.05, 0.07, 0.03),
    thresholded: (0.10, 0.06, 0.02),
    compressed: (0.55, 0.55, 0.30),
}
_SHARES = np.array(list(DAMAGES.values()))


def damaged(image: Pixels, language: str, mild: bool, rng: Generator) -> Pixels:
    """Damage `image` with the probabilities of the table; `mild` lines only a little."""
    column = 2 if mild else int(language.startswith("zh"))
    selected = rng.random(len(DAMAGES)) < _SHARES[:, column]
    result = image
    for damage, is_selected in zip(DAMAGES, selected, strict=True):
        if is_selected:
            result = damage(result, rng)
    return result if legible(image, result) else compressed(image, rng)


def legible(before: Pixels, after: Pixels) -> bool:
    """Return whether enough of `before` is visible in `after`, light on dark or dark on light."""
    one, other = (image[::2, ::2].astype(np.float32).ravel() for image in (before, after))
    one -= one.mean()
    other -= other.mean()
    norm = float(np.sqrt((one @ one) * (other @ other)))
    return abs(float(one @ other)) > MIN_CORRELATION * norm


def _pixels(image: object) -> Pixels:
    """Return `image` clipped to 8-bit gray."""
    array = np.asarray(image)
    limited = array if array.dtype == np.uint8 else np.clip(array, 0, 255)
    return limited.astype(np.uint8, copy=False)


def _binarised(image: Pixels, rng: Generator) -> Pixels:
    """Return `image` in black and white, split a little off the best level, more often too dark.

    Fixed levels would remove thin strokes entirely.
    """
    best, _ = cv2.threshold(image, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    level = best + rng.uniform(-0.18, 0.36) * min(best, 255 - best)
    return _pixels(cv2.threshold(image, level, 255, cv2.THRESH_BINARY)[1])


@lru_cache(1)
def _bank() -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal(_BANK, np.float32)


def _noise(shape: tuple[int, ...], rng: Generator, strength: float) -> NDArray[np.float32]:
    """Return H,W normal noise cut from a precomputed bank: drawing it costs more than the rest."""
    height, width = shape
    start = int(rng.integers(0, _BANK - height * width))
    cut = _bank()[start : start + height * width].reshape(height, width)
    return np.asarray(cut * np.float32(strength), np.float32)


def _wave(length: int, rng: Generator) -> NDArray[np.float32]:
    """Return a smooth random curve in 0..1 of `length`."""
    knots = rng.random(int(rng.integers(2, 9)), np.float32)[None]
    return np.asarray(cv2.resize(knots, (length, 1)), np.float32).ravel()
