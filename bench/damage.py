"""Damage of photographed and folded pages, applied to an image and to points on it alike.

The geometry is known, so labelled boxes move with the page. Bent or turned pages lie on a gray or
dark background that is large enough to cut nothing off. Random choices (the direction of a slope,
the place of a shadow) come from a generator: equal seeds give equal pages. Images are H,W,3, points
...,2 as x and y; neither is changed in place.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.random import Generator
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]
    Points = NDArray[np.float64]
    Moved = tuple[Pixels, Points]

MARGIN = 0.04  # of the longer side, around bent or turned pages
BACKGROUND = (40, 140)  # gray levels
_GRAIN = 4.0  # standard deviation of the background in gray levels
_EDGE = 16  # points along each side of an outline: the corners of a bent line do not bound it


def outlines(quads: Points) -> Points:
    """Return points along the edges of quads, N,4,2, as N,64,2."""
    shares = np.arange(_EDGE)[:, None] / _EDGE
    following = np.roll(quads, -1, axis=1)
    edges = quads[:, :, None] * (1 - shares) + following[:, :, None] * shares
    return edges.reshape(len(quads), 4 * _EDGE, 2)


def bounds(points: Points) -> Points:
    """Return the upright boxes around points, N,P,2, as N,4: left, top, right, bottom."""
    return np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1)


def turned(image: Pixels, points: Points, degrees: int) -> Moved:
    """Turn clockwise by 0, 90, 180 or 270 degrees."""
    for _ in range(degrees // 90):
        points = np.stack([image.shape[0] - points[..., 1], points[..., 0]], axis=-1)
        image = np.rot90(image, -1)
    return np.ascontiguousarray(image), points


def skewed(image: Pixels, points: Points, rng: Generator, degrees: float) -> Moved:
    """Turn by `degrees`, clockwise or counter-clockwise."""
    height, width = image.shape[:2]
    lean = degrees * rng.choice((-1, 1))
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), lean, 1.0)
    return _projected(image, points, np.vstack([turn, (0, 0, 1)]), rng)


def photographed(image: Pixels, points: Points, rng: Generator, tilt: float) -> Moved:
    """Photograph the page from an angle: tilted by `tilt`, panned by half, rolled by an eighth.

    The camera is 1.5 times the longer side away; the scale in the middle of the page is kept.
    """
    height, width = image.shape[:2]
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    angles = np.radians([tilt, tilt / 2, tilt / 8]) * rng.choice((-1, 1), 3)
    turn = np.linalg.multi_dot([cv2.Rodrigues(axis)[0] for axis in np.diag(angles)])
    x, y, depth = turn @ np.vstack([(corners - (width / 2, height / 2)).T, np.zeros(4)])
    away = 1.5 * max(height, width)
    seen = np.stack([x, y], axis=1) * (away / (away + depth))[:, None]
    project = cv2.getPerspectiveTransform(corners, seen.astype(np.float32))
    return _projected(image, points, project, rng)


@dataclass(frozen=True)
class Cylinder:
    """A page bent to a part of an upright cylinder, and a camera over `eye`, `away` from its rim.

    `half` is half the width of the page, `steep` the slope at its left and right edge in radians.
    """

    eye: Points
    half: float
    steep: float
    away: float

    def project(self, flat: Points) -> Points:
        """Return the image of points of the flat page, relative to the eye."""
        along, down = np.moveaxis(flat - self.eye, -1, 0)
        return np.stack([self._across(along), down * self._scale(along)], axis=-1)

    def sources(self, columns: Points, rows: Points) -> Moved:
        """Return x and y, each H,W, on the flat page for columns and rows of the image."""
        knots = np.linspace(-self.half, self.half, 512)
        outside = {"left": -2 * self.half, "right": 2 * self.half}
        along = np.interp(columns, self._across(knots), knots, **outside)
        down = rows[:, None] / self._scale(along)
        return np.broadcast_to(along, down.shape) + self.eye[0], down + self.eye[1]

    def _across(self, along: Points) -> Points:
        radius = self.half / self.steep
        return radius * np.sin(along / radius) * self._scale(along)

    def _scale(self, along: Points) -> Points:
        radius = self.half / self.steep
        return self.away / (self.away - radius * (np.cos(along / radius) - np.cos(self.steep)))


def curled(image: Pixels, points: Points, rng: Generator, slope: float) -> Moved:
    """Bend the page to a part of an upright cylinder, `slope` degrees steep at its left and right.

    The camera is twice the longer side away, over the upper or the lower edge: rows bend with their
    distance from that edge.
    """
    height, width = image.shape[:2]
    side = max(height, width)
    eye = np.array((width / 2, rng.choice((0, height))))
    bent = Cylinder(eye, width / 2, np.radians(slope), 2.0 * side)
    background, origin = _background(bent.project(outlines(_corners(image)[None])), side, rng)
    rows, columns = (np.arange(size) for size in background.shape[:2])
    x, y = (s.astype(np.float32) for s in bent.sources(columns + origin[0], rows + origin[1]))
    cv2.remap(image, x, y, cv2.INTER_CUBIC, background, cv2.BORDER_TRANSPARENT)
    return background, bent.project(points) - origin


def shaded(image: Pixels, points: Points, rng: Generator) -> Moved:
    """Darken one side of the page, at any angle, by a soft shadow down to 0.4 of the light."""
    height, width = image.shape[:2]
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[-0.5 : 0.5 : height * 1j, -0.5 : 0.5 : width * 1j].astype(np.float32)
    depth = (x * np.cos(angle) + y * np.sin(angle) - rng.uniform(-0.15, 0.15)) / 0.12
    light = 1 - 0.6 / (1 + np.exp(-depth))
    return (image * light[..., None]).astype(np.uint8), points


def shrunk(image: Pixels, points: Points, _: Generator, share: float) -> Moved:
    """Scale the page to `share` of its width and height."""
    small = cv2.resize(image, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    sizes = np.array((small.shape[1], small.shape[0])) / (image.shape[1], image.shape[0])
    return np.asarray(small, np.uint8), points * sizes


def salted(image: Pixels, points: Points, rng: Generator, share: float) -> Moved:
    """Make `share` of the pixels white or black, half of them each."""
    noise = rng.random(image.shape[:2], np.float32)
    salted_image = image.copy()
    salted_image[noise < share / 2] = 0
    salted_image[noise > 1 - share / 2] = 255
    return salted_image, points


DAMAGES: Mapping[str, Callable[[Pixels, Points, Generator], Moved]] = {
    "skew-5": partial(skewed, degrees=5),
    "skew-10": partial(skewed, degrees=10),
    "skew-15": partial(skewed, degrees=15),
    "photo": partial(photographed, tilt=15),
    "photo-strong": partial(photographed, tilt=30),
    "curl": partial(curled, slope=35),
    "shadow": shaded,
    "small": partial(shrunk, share=0.5),
    "salt": partial(salted, share=0.02),
}


def _corners(image: Pixels) -> Points:
    height, width = image.shape[:2]
    return np.array([(0, 0), (width, 0), (width, height), (0, height)], float)


def _background(outline: Points, side: int, rng: Generator) -> tuple[Pixels, Points]:
    """Return a background, H,W,3, for the outline of a page, 1,P,2, and the place of its origin."""
    left, top, right, bottom = bounds(outline)[0]
    margin = MARGIN * side
    width, height = (int(size + 2 * margin) for size in (right - left, bottom - top))
    grain = rng.normal(rng.uniform(*BACKGROUND), _GRAIN, (height, width, 1))
    background = np.repeat(np.clip(grain, 0, 255).astype(np.uint8), 3, axis=2)
    return background, np.array((left - margin, top - margin))


def _projected(image: Pixels, points: Points, project: Points, rng: Generator) -> Moved:
    """Put the page, transformed by the 3,3 matrix `project`, on a background."""

    def moved(flat: Points) -> Points:
        pairs = flat.reshape(-1, 1, 2).astype(np.float64)
        return cv2.perspectiveTransform(pairs, project).reshape(flat.shape) if flat.size else flat

    background, origin = _background(moved(_corners(image)[None]), max(image.shape), rng)
    shift = np.array([(1, 0, -origin[0]), (0, 1, -origin[1]), (0, 0, 1)])
    size = background.shape[1], background.shape[0]
    options = {"flags": cv2.INTER_CUBIC, "borderMode": cv2.BORDER_TRANSPARENT}
    cv2.warpPerspective(image, shift @ project, size, background, **options)
    return background, moved(points) - origin
