"""The surroundings of a line on a page: rules, underlines, fields to fill in, neighbouring lines.

Every function takes an H,W gray image (black on white), the place of the text and a random
generator, and draws into the image. Nothing of it is part of the label.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.random import Generator

    from daemon.core.records import Box, Pixels


def underline(image: Pixels, ink: Box, band: tuple[int, int], rng: Generator) -> None:
    """A solid or dotted rule under the text; it may touch the letters, as in forms."""
    tall = band[1] - band[0]
    y = int(ink.bottom + rng.uniform(-0.04, 0.18) * tall)
    left = int(ink.left - rng.uniform(-0.3, 0.6) * tall)
    right = int(ink.right + rng.uniform(-0.3, 0.6) * tall)
    _rule(image, (left, y), (max(right, left + tall), y), rng)


def table(image: Pixels, ink: Box, band: tuple[int, int], rng: Generator) -> None:
    """Rules above, below and at the ends: the borders of a table cell."""
    tall = band[1] - band[0]
    height, width = image.shape
    gaps = rng.uniform(0.12, 0.5, 4) * tall
    for side in np.flatnonzero(rng.random(4) < 0.5):
        if side < 2:
            y = int(band[0] - gaps[0]) if side == 0 else int(ink.bottom + gaps[1])
            _rule(image, (0, y), (width, y), rng, dots=False)
        else:
            x = int(ink.left - gaps[2] - 2) if side == 2 else int(ink.right + gaps[3] + 2)
            _rule(image, (x, 0), (x, height), rng, dots=False)


def fill_in_line(image: Pixels, ink: Box, band: tuple[int, int], rng: Generator) -> None:
    """The field to fill in after the label of a form: a rule or dots."""
    tall = band[1] - band[0]
    y = int(band[1] - rng.uniform(0.0, 0.25) * tall)
    left = int(ink.right + rng.uniform(0.3, 0.6) * tall)
    _rule(image, (left, y), (image.shape[1], y), rng)


def neighbours(image: Pixels, ink: Box, band: tuple[int, int], rng: Generator) -> None:
    """The bottom of the line above and the top of the line below, where the crop includes them.

    They are shifted copies of the line itself, so that face and size agree.
    """
    tall = band[1] - band[0]
    own = image[ink.top : ink.bottom, ink.left : ink.right]
    for below in np.flatnonzero(rng.random(2) < 0.65):
        other = np.roll(own, int(rng.integers(tall, max(tall + 1, own.shape[1]))), axis=1)
        if rng.random() < 0.25:
            other = other[:, : max(4, int(own.shape[1] * rng.uniform(0.2, 0.9)))]
        gap = int(rng.uniform(0.08, 0.3) * tall)
        top = ink.bottom + gap if below else ink.top - gap - own.shape[0]
        stop = min(image.shape[0], top + own.shape[0])
        start = max(0, top)
        if stop > start:
            target = image[start:stop, ink.left : ink.left + other.shape[1]]
            np.minimum(target, other[start - top : stop - top], out=target)


def stamp(image: Pixels, ink: Box, band: tuple[int, int], rng: Generator) -> None:
    """The arc of a round or square seal across the text, lighter than the ink (red, scanned)."""
    tall = band[1] - band[0]
    shade = int(rng.integers(130, 205))
    over = np.full_like(image, 255)
    x = int(rng.uniform(ink.left, ink.right))
    radius = int(rng.uniform(0.8, 2.5) * tall)
    y = int(band[0] + rng.uniform(-1.0, 2.0) * tall)
    thick = max(1, tall // 14)
    cv2.circle(over, (x, y), radius, shade, thick, cv2.LINE_AA)
    if rng.random() < 0.5:
        cv2.circle(over, (x, y), max(2, int(radius * 0.85)), shade, max(1, thick // 2), cv2.LINE_AA)
    np.minimum(image, over, out=image)


def _rule(
    image: Pixels, a: tuple[int, int], b: tuple[int, int], rng: Generator, dots: bool = True
) -> None:
    thick = int(rng.choice((1, 1, 2, 2, 3)))
    shade = int(rng.integers(0, 110))
    if not dots or rng.random() < 0.75:
        cv2.line(image, a, b, shade, thick)
        return
    step = int(rng.integers(4, 12))
    long = int(rng.integers(1, max(2, step - 2)))
    for x in range(max(0, a[0]), min(b[0], image.shape[1]), step):
        cv2.line(image, (x, a[1]), (x + long - 1, a[1]), shade, thick)
