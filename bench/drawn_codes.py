"""Drawn pages with barcodes and matrix codes: turned, torn, faint, folded, noisy.

A page is drawn clean first; `damaged` is what a scanner may make of it. Random numbers come from
the seed alone, so a page can be drawn again.
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
import zxingcpp
from PIL import Image

from bench.drawn_pages import DrawnPage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from daemon.core.records import Pixels

PAPER: Final = 250
INK: Final = 35
DPI: Final = 200
SIZE: Final = (1654, 2339)  # A4 at DPI
DAMAGES: Final = (
    "none", "turned", "quarter turn", "skewed", "faint", "torn", "folded", "noisy", "blurred",
    "low resolution", "light on dark",
)  # fmt: skip
_DIGITS: Final = {"EAN13": 12, "EAN8": 7, "UPCA": 11, "ITF": 14}
FORMATS: Final = (
    "QRCode", "DataMatrix", "Aztec", "PDF417", "Code128", "Code39", "Code93", "EAN13", "EAN8",
    "UPCA", "ITF", "Codabar",
)  # fmt: skip
_MATRIX: Final = ("QRCode", "DataMatrix", "Aztec")
_WORDS: Final = [
    "invoice", "delivery", "total", "quantity", "amount", "page", "number", "customer", "street",
    "account", "reference", "order", "harbour", "lane", "bookbinders", "quay", "paper", "thread",
    "linen", "board", "glue", "press", "ink", "folder", "sheet", "copy",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class CodePage:
    """A page with one code: `clean` and `damaged` are H,W gray; `text` is that of the code."""

    clean: Pixels
    damaged: Pixels
    format: str
    damage: str
    text: str


def draw(seed: int, damage: str | None = None) -> CodePage:
    """Return page `seed`, with the code of one format and one kind of damage."""
    rng = np.random.default_rng(seed)
    form = FORMATS[seed % len(FORMATS)]
    damage = damage or DAMAGES[(seed // len(FORMATS)) % len(DAMAGES)]
    text = _text(form, rng)
    code, text = _code(form, text, rng)
    page = text_page(rng)
    angle = _angle(damage, rng)
    plain = _placed(page, code, 0.0, rng.integers(2**31))
    turned = _placed(page, code, angle, rng.integers(2**31)) if angle else plain
    return CodePage(plain[0], _damaged(*turned, damage, form, rng), form, damage, text)


def text_page(rng: np.random.Generator, lines: int = 24) -> Pixels:
    """Return a page of text in its upper half, H,W gray."""
    page = DrawnPage(SIZE)
    for number in range(lines):
        words = " ".join(rng.choice(_WORDS, 9))
        page.write(150, 150 + 42 * number, words.capitalize(), size=int(rng.integers(24, 34)))
    gray = np.asarray(page.image.convert("L")).astype(np.float32)
    return np.asarray(INK + gray / 255 * (PAPER - INK), np.uint8)


def code_image(form: str, text: str, module: int, height: int | None = None) -> Pixels:
    """Return a code, H,W gray with its quiet zone; `module` is the width of a module in pixels."""
    made = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat[form])
    image = np.asarray(zxingcpp.write_barcode_to_image(made, scale=module), np.uint8)
    if height is not None and form not in (*_MATRIX, "PDF417"):
        row = image[image.shape[0] // 2]
        bars = np.repeat(row[None], height, axis=0)
        image = cv2.copyMakeBorder(bars, 10, 10, 0, 0, cv2.BORDER_CONSTANT, value=(255,))
    return np.asarray(INK + image.astype(np.float32) / 255 * (PAPER - INK), np.uint8)


def noisy(image: Pixels, rng: np.random.Generator, sigma: float) -> Pixels:
    """Return the image with Gaussian noise of `sigma` gray levels."""
    noise = rng.normal(0, sigma, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def as_jpeg(image: Pixels, quality: int = 75) -> Pixels:
    """Return the image as JPEG compression leaves it."""
    _, content = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(content, cv2.IMREAD_GRAYSCALE), np.uint8)


def _text(form: str, rng: np.random.Generator) -> str:
    if form in _DIGITS:
        return "".join(map(str, rng.integers(0, 10, _DIGITS[form])))
    if form == "Codabar":
        return "A" + "".join(map(str, rng.integers(0, 10, 9))) + "B"
    letters = string.ascii_uppercase + string.digits
    length = int(rng.integers(6, 13 if form in ("Code39", "Code93", "Code128") else 40))
    return "".join(letters[k] for k in rng.integers(0, len(letters), length))


def _code(form: str, text: str, rng: np.random.Generator) -> tuple[Pixels, str]:
    """Return the drawing and the text that zxing's own reader finds in it."""
    linear = form not in (*_MATRIX, "PDF417")
    module = int(rng.integers(3, 5)) if linear else int(rng.integers(4, 8))
    image = code_image(form, text, module, int(rng.integers(100, 200)))
    (found,) = zxingcpp.read_barcodes(np.pad(image, 40, constant_values=PAPER))
    return image, found.text


def _angle(damage: str, rng: np.random.Generator) -> float:
    match damage:
        case "turned":
            return float(rng.uniform(10, 350))
        case "quarter turn":
            return float(rng.choice([90, 180, 270]))
        case "skewed":
            return float(rng.choice([-1, 1]) * rng.uniform(2, 9))
    return 0.0


def _placed(
    page: Pixels, code: Pixels, angle: float, seed: int
) -> tuple[Pixels, NDArray[np.float32]]:
    """Return the page with the code in its lower half, and the corners of the code."""
    rng = np.random.default_rng(seed)
    height, width = code.shape
    side = int(np.hypot(height, width)) + 4
    low, high = page.shape[0] // 2 + side // 2, page.shape[0] - side // 2 - 40
    x = int(rng.integers(side // 2 + 40, page.shape[1] - side // 2 - 40))
    y = int(rng.integers(low, max(low + 1, high)))
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
    turn[:, 2] += (x - width / 2, y - height / 2)
    placed = cv2.warpAffine(
        code, turn, page.shape[::-1], flags=cv2.INTER_AREA, borderValue=(PAPER,)
    )
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    return np.minimum(page, np.asarray(placed, np.uint8)), cv2.transform(corners[None], turn)[0]


def _damaged(
    page: Pixels,
    corners: NDArray[np.float32],
    damage: str,
    form: str,
    rng: np.random.Generator,
) -> Pixels:
    """Return the page as scanned: slightly blurred and noisy, and with its damage."""
    page = page.copy()
    match damage:
        case "faint":  # toner low: 35 to 70 gray levels between ink and paper
            contrast = float(rng.uniform(35, 70))
            page = (PAPER - (PAPER - page.astype(np.float32)) * contrast / (PAPER - INK)).astype(
                np.uint8
            )
        case "torn":
            _tear(page, corners, form, rng)
        case "folded":
            _fold(page, corners, rng)
        case "noisy":
            page = _specks(noisy(page, rng, 22), rng, 1500)
        case "blurred":
            page = np.asarray(cv2.GaussianBlur(page, (0, 0), 1.6), np.uint8)
        case "low resolution":
            small = cv2.resize(page, None, fx=0.65, fy=0.65, interpolation=cv2.INTER_AREA)
            page = np.asarray(cv2.resize(small, page.shape[::-1]), np.uint8)
        case "light on dark":
            left, top = corners.min(axis=0).astype(int)
            right, bottom = corners.max(axis=0).astype(int)
            part = page[top:bottom, left:right].astype(np.int16)
            page[top:bottom, left:right] = np.clip(PAPER + INK - part, 0, 255)
    page = np.asarray(cv2.GaussianBlur(page, (0, 0), 0.7), np.uint8)
    return as_jpeg(noisy(page, rng, 3))


def _tear(page: Pixels, corners: NDArray[np.float32], form: str, rng: np.random.Generator) -> None:
    """Tear a part away: up to 60 % of the height of bars, a corner of a matrix code."""
    left, top = corners.min(axis=0)
    right, bottom = corners.max(axis=0)
    share = 0.1 if form in (*_MATRIX, "PDF417") else float(rng.uniform(0.2, 0.6))
    edge = np.linspace(left - 20, right + 20, 12)
    height = bottom - share * (bottom - top) + rng.uniform(-6, 6, 12)
    if form in (*_MATRIX, "PDF417"):  # the corner without a finder pattern, at the lower right
        height = np.linspace(bottom + 4, bottom - 0.16 * (bottom - top), 12)
    if form == "DataMatrix":  # or at the upper right
        height = np.linspace(top - 4, top + 0.16 * (bottom - top), 12)
        bottom = top - 60
    points = np.stack([edge, height], 1)
    below = np.array([[right + 20, bottom + 30], [left - 20, bottom + 30]])
    cv2.fillPoly(page, [np.concatenate([points, below]).astype(np.int32)], (PAPER,))


def _fold(page: Pixels, corners: NDArray[np.float32], rng: np.random.Generator) -> None:
    """Draw a fold through the code: a shadow of 1 mm, in which toner has come off for 0.25 mm."""
    left, top = corners.min(axis=0)
    right, bottom = corners.max(axis=0)
    y1, y2 = rng.uniform(top, bottom, 2)
    ends = ((int(left) - 300, int(y1)), (int(right) + 300, int(y2)))
    shadow = np.full_like(page, 255)
    cv2.line(shadow, *ends, (195,), 8)
    cv2.line(page, *ends, (PAPER,), 2)
    page[:] = page * (cv2.GaussianBlur(shadow, (0, 0), 2).astype(np.float32) / 255)


def _specks(page: Pixels, rng: np.random.Generator, count: int) -> Pixels:
    ys, xs = rng.integers(0, page.shape[0], count), rng.integers(0, page.shape[1], count)
    for y, x in zip(ys.tolist(), xs.tolist(), strict=True):
        cv2.circle(page, (x, y), int(rng.integers(1, 3)), (int(rng.integers(0, 120)),), -1)
    return page


def save(page: Pixels, path: str) -> None:
    """Write a page as an image of DPI dots per inch."""
    Image.fromarray(page).save(path, dpi=(DPI, DPI))
