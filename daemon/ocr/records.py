"""The nouns that travel between the rooms of a worker; nothing here computes.

Besides the frames of `daemon.core.records`, `clean` is the page after preprocessing (perhaps turned
by the skew, its rows perhaps straightened).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemon.core.records import BlockKind, Box, Table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from daemon.core.records import Pixels

    Affine = NDArray[np.float64]
    Corners = NDArray[np.float64]
    CurvatureMap = NDArray[np.float32]

CURVATURE_GRID = 32
"""Pixels of the clean page from one value of `CleanPage.curvature` to the next."""


@dataclass(frozen=True, slots=True)
class CleanPage:
    """A page ready for line finding: `gray` is H,W; `to_page` is 2,3, clean to page pixels.

    Where rows were bent, `curvature` says by how many pixels each spot was seen lower before they
    were straightened, on a grid of CURVATURE_GRID pixels; it is added to y before `to_page`.
    `orientation` is the quarter turns, in degrees clockwise, that made it stand; `skew` what was
    left to turn then.
    """

    gray: Pixels
    to_page: Affine
    skew: float
    orientation: int = 0
    curvature: CurvatureMap | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A line to be read: its box in the clean frame and its crop, H,W gray.

    Where the crop is no upright part of the page, `corners` (4,2) are the points of the clean frame
    that its own corners show: from the upper left one, clockwise.
    """

    box: Box
    image: Pixels
    corners: Corners | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """The drawn lines of a page that may part cells, each as a box in the clean frame."""

    across: tuple[Box, ...] = ()
    down: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """A block as laid out: the places of its lines in reading order, and its kind."""

    lines: tuple[int, ...]
    kind: BlockKind = "text"
    table: Table | None = None


@dataclass(frozen=True, slots=True)
class Character:
    """A character of a reading with its span along the crop, 0..1 from left to right."""

    text: str
    confidence: float
    left: float
    right: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What the recogniser says of one line; an empty text has confidence 0."""

    text: str
    confidence: float
    characters: tuple[Character, ...]
