"""Drawn backs of sheets as scanners send them: blank ones, and ones on which little is written.

A blank back may show the other side through the paper, and have punch holes, dust, shadows at its
edges, folds and streaks of the scanner. A written one has the same, and one thing that must not be
lost: a faint note, a signature, a stamp, a page number and so on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from PIL import Image, ImageDraw

from bench.drawn_codes import as_jpeg, text_page
from bench.drawn_pages import font_face

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from daemon.core.records import Pixels

    Ink = NDArray[np.float32]

DPI: Final = 200
SIZE: Final = (1654, 2339)  # A4 at DPI
_MM: Final = DPI / 25.4
WRITTEN: Final = (
    "pencil note", "signature", "stamp", "round stamp", "page number", "one line", "faint line",
    "small print", "tick", "one character", "empty form", "drawing", "coloured note", "full page",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DrawnBack:
    """A scan, H,W,3 BGR or H,W; `written` is what is on it, None where it is blank."""

    image: Pixels
    written: str | None
    defects: tuple[str, ...]
    dpi: int = DPI


def blank(seed: int) -> DrawnBack:
    """Return blank back `seed`."""
    rng = np.random.default_rng([seed, 1])
    return _scan(rng, np.zeros(SIZE[::-1], np.float32), None)


def written(seed: int) -> DrawnBack:
    """Return back `seed` with one of WRITTEN on it."""
    rng = np.random.default_rng([seed, 2])
    kind = WRITTEN[seed % len(WRITTEN)]
    return _scan(rng, _ink(kind, rng), kind)


def _scan(rng: np.random.Generator, ink: Ink, kind: str | None) -> DrawnBack:
    """Return the scan of a page with `ink`, in gray levels that it is darker than the paper."""
    defects = []
    page = np.full(SIZE[::-1], rng.uniform(228, 252), np.float32)
    page *= np.linspace(1, rng.uniform(0.94, 1), page.shape[1], dtype=np.float32)
    if rng.random() < 0.8:
        defects.append("show-through")
        page -= _show_through(rng)
    page -= ink
    for name, chance, draw in (
        ("fold", 0.3, _fold), ("dust", 0.7, _dust), ("punch holes", 0.5, _holes),
        ("edge shadow", 0.6, _edge_shadow), ("streak", 0.15, _streak),
    ):  # fmt: skip
        if rng.random() < chance:
            defects.append(name)
            draw(page, rng)
    page = cv2.GaussianBlur(page, (0, 0), 0.6)
    image = np.clip(page + rng.normal(0, rng.uniform(1, 4), page.shape), 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        tint = np.array([rng.uniform(0.88, 1), rng.uniform(0.95, 1), 1.0])
        image = np.clip(image[..., None] * tint, 0, 255).astype(np.uint8)
        if kind == "coloured note":
            image[..., 2] = np.maximum(image[..., 2], image[..., 0])
    elif kind == "coloured note":
        blue = np.clip(image.astype(np.float32) + 0.7 * ink, 0, 255)
        image = np.dstack([blue.astype(np.uint8), image, image])
    quality = int(rng.integers(60, 92))
    if image.ndim == 2:
        return DrawnBack(as_jpeg(image, quality), kind, tuple(defects))
    _, content = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return DrawnBack(np.asarray(cv2.imdecode(content, 1), np.uint8), kind, tuple(defects))


def _show_through(rng: np.random.Generator) -> Ink:
    """Return the other side as it shines through: mirrored, blurred by the paper, and light."""
    front = text_page(rng, int(rng.integers(10, 50)))[:, ::-1].astype(np.float32)
    if rng.random() < 0.4:  # a dark picture or a bold heading
        top, left = int(rng.integers(200, 1500)), int(rng.integers(100, 900))
        front[top : top + int(rng.integers(60, 500)), left : left + 500] = rng.uniform(30, 120)
    darkness = cv2.GaussianBlur((250 - front) / 215, (0, 0), rng.uniform(1.7, 3.2))
    return np.asarray(darkness * rng.uniform(8, 48), np.float32)


def _ink(kind: str, rng: np.random.Generator) -> Ink:  # noqa: C901 -- a list of kinds
    picture = Image.new("L", SIZE, 0)
    draw = ImageDraw.Draw(picture)
    x, y = int(rng.integers(200, 900)), int(rng.integers(250, 1900))
    level = 210
    match kind:
        case "pencil note":
            level = int(rng.integers(14, 45))
            _handwriting(draw, rng, x, y, int(rng.integers(3, 9)), width=3)
        case "signature":
            level = int(rng.integers(90, 200))
            _handwriting(draw, rng, x, y, 5, width=4)
        case "stamp":
            level = int(rng.integers(60, 140))
            draw.rectangle((x, y, x + 330, y + 110), outline=255, width=6)
            draw.text(
                (x + 165, y + 55), "RECEIVED", 255, font_face("Liberation Sans:bold", 52), "mm"
            )
        case "round stamp":
            level = int(rng.integers(60, 140))
            draw.ellipse((x, y, x + 250, y + 250), outline=255, width=6)
            draw.text((x + 125, y + 125), "PAID", 255, font_face("Liberation Sans:bold", 60), "mm")
        case "page number":
            number = str(rng.integers(1, 400))
            draw.text((827, 2230), number, 255, font_face("Liberation Serif", 30), "mm")
        case "one line":
            text = "This page is intentionally left blank."
            draw.text((x, y), text, 255, font_face("Liberation Serif", 34))
        case "faint line":
            level = int(rng.integers(14, 40))
            text = "continued from page 7, second copy"
            draw.text((x, y), text, 255, font_face("Liberation Sans", 36))
        case "small print":
            text = "Errors and omissions excepted. E. & O. E."
            draw.text((x, y), text, 255, font_face("Liberation Sans", 16))
        case "tick":
            level = int(rng.integers(60, 200))
            draw.line((x, y, x + 20, y + 26, x + 62, y - 40), 255, 5)
        case "one character":
            draw.text(
                (x, y), str(rng.choice(list("両X7是?"))), 255, font_face("Noto Serif CJK SC", 44)
            )
        case "empty form":
            for k in range(5):
                draw.line((200, 400 + 90 * k, 1400, 400 + 90 * k), 255, 2)
            draw.rectangle((200, 400, 1400, 760), outline=255, width=2)
        case "drawing":
            level = int(rng.integers(50, 200))
            points = [(x + int(v), y + int(w)) for v, w in rng.integers(0, 300, (7, 2))]
            draw.line(points, 255, 4)
        case "coloured note":
            level = int(rng.integers(60, 140))
            _handwriting(draw, rng, x, y, 5, width=4)
        case _:
            front = text_page(rng, 40)
            return np.asarray(250 - front.astype(np.float32), np.float32)
    return np.asarray(picture, np.float32) / 255 * level


def _handwriting(
    draw: ImageDraw.ImageDraw, rng: np.random.Generator, x: int, y: int, letters: int, width: int
) -> None:
    """Draw loops that run on like joined letters, 4 to 8 mm high."""
    height = rng.uniform(30, 62)
    steps = np.linspace(0, letters * 2 * np.pi, letters * 24)
    wobble = rng.uniform(0.5, 1.0, letters + 1)[(steps / (2 * np.pi)).astype(int)]
    xs = x + steps * height / 9 + np.sin(steps) * height * 0.3 * wobble
    ys = y + np.cos(steps * rng.uniform(0.9, 1.1)) * height / 2 * wobble
    draw.line(list(zip(xs.tolist(), ys.tolist(), strict=True)), 255, width, joint="curve")


def _dust(page: Ink, rng: np.random.Generator) -> None:
    for _ in range(int(rng.integers(5, 120))):
        y, x = int(rng.integers(0, page.shape[0])), int(rng.integers(0, page.shape[1]))
        radius = float(rng.uniform(0.5, 2.0))
        cv2.ellipse(
            page, ((x, y), (2 * radius, radius * rng.uniform(1, 2)), float(rng.uniform(0, 180))),
            (float(rng.uniform(20, 170)),), -1,
        )  # fmt: skip


def _holes(page: Ink, rng: np.random.Generator) -> None:
    """Punch 2 or 4 holes at the left or right edge, 80 mm apart, with a dark or gray backing."""
    count, level = int(rng.choice([2, 4])), float(rng.choice([20, 60, 150]))
    x = 12 * _MM if rng.random() < 0.5 else page.shape[1] - 12 * _MM
    middle = page.shape[0] / 2 + rng.uniform(-3, 3) * _MM
    for k in range(count):
        centre = (round(x), round(middle + (k - (count - 1) / 2) * 80 * _MM))
        cv2.circle(page, centre, round(rng.uniform(2.6, 3.1) * _MM), (level,), -1, cv2.LINE_AA)


def _edge_shadow(page: Ink, rng: np.random.Generator) -> None:
    """Darken one or two edges; a page that lies askew has a wedge."""
    for side in rng.choice(4, int(rng.integers(1, 3)), replace=False).tolist():
        view = np.rot90(page, side)
        near, far = rng.uniform(0.5, 7, 2) * _MM
        depth = np.linspace(near, far, view.shape[0])[:, None]
        place = np.arange(view.shape[1])[None]
        level = rng.uniform(20, 170)
        softness = rng.uniform(1, 8)
        share = 1 / (1 + np.exp(np.clip((place - depth) / softness, -50, 50)))
        view[:] = view * (1 - share) + level * share


def _fold(page: Ink, rng: np.random.Generator) -> None:
    """Draw a fold from edge to edge: a soft shadow."""
    shadow = np.zeros_like(page)
    if rng.random() < 0.5:
        y = int(page.shape[0] * rng.uniform(0.25, 0.75))
        ends = ((0, y), (page.shape[1], y + int(rng.integers(-12, 12))))
    else:
        x = int(page.shape[1] * rng.uniform(0.3, 0.7))
        ends = ((x, 0), (x + int(rng.integers(-12, 12)), page.shape[0]))
    cv2.line(shadow, *ends, (float(rng.uniform(10, 40)),), int(rng.integers(3, 8)))
    page -= cv2.GaussianBlur(shadow, (0, 0), 2)


def _streak(page: Ink, rng: np.random.Generator) -> None:
    """Draw a line along the feed, of dirt on the scanner's glass."""
    x = int(rng.integers(100, page.shape[1] - 100))
    page[:, x : x + int(rng.integers(1, 3))] -= rng.uniform(20, 120)
