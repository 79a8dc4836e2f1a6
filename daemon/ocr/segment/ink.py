"""Ink: what is darker than its surroundings (lighter, where they are dark), and its rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from daemon.core.records import Pixels

_SIDE = 1800  # lines are looked for on a page shrunk to this many pixels
_WINDOW = 41  # pixels; the surroundings that ink is compared with
_CONTRAST = 12  # gray levels by which ink differs from its surroundings
DARK = 110  # gray level below which a ground may be dark on purpose
_BLACK = 50  # and below which no shadow makes paper so dark
_ACROSS, _DOWN = 100, 80  # pixels; straight ink longer than this is a rule, not a stroke
_RULE_WIDTH = 8  # and not thicker than this


@dataclass(frozen=True, slots=True)
class Ink:
    """What is drawn on a page: `all` of it, and its level and upright rules, each 0 or 255.

    `scale` is pixels of the clean page per pixel of these masks.
    """

    all: Pixels
    across: Pixels
    down: Pixels
    scale: float

    @classmethod
    def of(cls, gray: Pixels, enlarged: float = 1.0) -> Ink:
        """Return the ink of a page that is shrunk to `_SIDE` for it, and then perhaps enlarged."""
        height, width = gray.shape
        scale = max(1.0, max(gray.shape) / _SIDE) / enlarged
        size = (max(1, round(width / scale)), max(1, round(height / scale)))
        how = cv2.INTER_AREA if scale > 1.0 else cv2.INTER_LINEAR
        small = gray if scale == 1.0 else cv2.resize(gray, size, interpolation=how)
        drawn = _drawn(_light_ground(np.asarray(small, np.uint8)))
        return cls(drawn, _straight(drawn, (1, _ACROSS)), _straight(drawn, (_DOWN, 1)), scale)

    @property
    def text(self) -> Pixels:
        """The ink less the rules and their ragged edges."""
        edges = cv2.max(
            cv2.dilate(self.across, np.ones((3, 1), np.uint8)),
            cv2.dilate(self.down, np.ones((1, 3), np.uint8)),
        )
        return np.asarray(cv2.subtract(self.all, edges), np.uint8)


def _drawn(gray: Pixels) -> Pixels:
    """Return what is darker than its surroundings."""
    how, kind = cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV
    return np.asarray(cv2.adaptiveThreshold(gray, 255, how, kind, _WINDOW, _CONTRAST), np.uint8)


def is_none(gray: Pixels) -> bool:
    """Tell whether nothing as large as a stroke differs from the rest of `gray` as ink does.

    The grain of paper and single specks do not count: most pages without text are backs of others.
    """
    size = (max(1, gray.shape[1] // 4), max(1, gray.shape[0] // 4))
    even = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
    darkest, lightest = np.percentile(even, (0.1, 99.9))
    return bool(lightest - darkest <= _CONTRAST)


def _light_ground(gray: Pixels) -> Pixels:
    """Return the page with its dark grounds (a bar, a photograph) turned over."""
    dark = _dark_grounds(gray)
    if not dark.any():
        return gray
    mask = cv2.resize(
        dark.astype(np.uint8), gray.shape[::-1], interpolation=cv2.INTER_NEAREST
    ).astype(bool)
    return np.where(mask, 255 - gray, gray)


def _dark_grounds(gray: Pixels) -> NDArray[np.bool_]:
    """Return where the ground is dark, on a page of an eighth: paper in shadow is none.

    What is written on a dark ground is lighter than it, what is written in a shadow darker.
    """
    size = (max(1, gray.shape[1] // 8), max(1, gray.shape[0] // 8))
    ground = np.asarray(cv2.medianBlur(cv2.resize(gray, size), 15), np.uint8)
    dark = ground < DARK
    if not dark.any():
        return dark
    square = np.ones((_WINDOW, _WINDOW), np.uint8)
    lightest, darkest = (
        cv2.resize(extreme(gray, square), size, interpolation=cv2.INTER_NEAREST).astype(np.int16)
        for extreme in (cv2.dilate, cv2.erode)
    )
    lit = 2 * ground.astype(np.int16) < lightest + darkest
    return np.asarray(dark & (lit | (ground < _BLACK)), bool)


def _straight(drawn: Pixels, shape: tuple[int, int]) -> Pixels:
    """Return the runs of ink of at least `shape` and at most `_RULE_WIDTH` thick."""
    runs = cv2.morphologyEx(drawn, cv2.MORPH_OPEN, np.ones(shape, np.uint8))
    thick = np.ones((_RULE_WIDTH + 1, _RULE_WIDTH + 1), np.uint8)
    return np.asarray(cv2.subtract(runs, cv2.morphologyEx(runs, cv2.MORPH_OPEN, thick)), np.uint8)
