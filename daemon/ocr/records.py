"""Records that the stages of a page exchange inside a worker; nothing here computes.

Coordinate systems ("frames") are those of `daemon.core.records`, and one more: `clean` is the page
after preprocessing (perhaps rotated by the skew, perhaps dewarped).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from daemon.core.records import BlockKind, Box, Direction, Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from daemon.core.records import Pixels

    Affine = NDArray[np.float64]
    Corners = NDArray[np.float64]
    CurvatureMap = NDArray[np.float32]

TALL = 1.7
"""How many times as high as wide a crop is at least that is no horizontal line."""

SINGLE_CHARACTER = 3.5
"""How many times as high as wide a single upright character is at most: 1, I, !"""

CURVATURE_GRID = 32
"""Spacing of the grid of `CleanPage.curvature`, in pixels of the clean page."""


@dataclass(frozen=True, slots=True)
class CleanPage:
    """A preprocessed page, ready for line segmentation.

    `gray` is H,W; `to_page` is the affine map 2,3 from clean to page pixels.

    On a dewarped page, `curvature` holds the vertical displacement in pixels, sampled on a grid of
    CURVATURE_GRID pixels: a point was seen that much lower before dewarping. It is added to y
    before `to_page` is applied. `orientation` is the rotation in quarter turns, in degrees
    clockwise, that made the page upright; `skew` is the angle that was left after it.
    """

    gray: Pixels
    to_page: Affine
    skew: float
    orientation: int = 0
    curvature: CurvatureMap | None = None


@dataclass(frozen=True, slots=True)
class LineCrop:
    """The image of one text line: its box in the clean frame and its crop, H,W gray.

    Where the crop is not an upright part of the page, `corners` (4,2) are the points of the clean
    frame that the corners of the crop show: from the upper left one, clockwise. `direction` is how
    the text runs on the clean page; the crop shows it upright. Where that is not known yet
    (`is_tall`), the crop is higher than wide.

    The crop of a vertical line shows its characters in a row, `corners` run down the column, and
    `stops` (K,2, ascending) pair positions along the crop with those along the column, both 0..1.
    """

    box: Box
    image: Pixels
    corners: Corners | None = None
    direction: Direction = "horizontal"
    stops: Corners | None = None

    @property
    def quad(self) -> Corners:
        """The corners of the line, 4,2: those of its box where the crop is an upright part."""
        if self.corners is not None:
            return self.corners
        left, top, right, bottom = self.box.left, self.box.top, self.box.right, self.box.bottom
        return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float64)

    @property
    def is_tall(self) -> bool:
        """Whether the crop is clearly higher than wide, so that it is no line as it stands."""
        height, width = self.image.shape
        return bool(height >= TALL * width)


@dataclass(frozen=True, slots=True)
class Seal:
    """A round or oval stamp in coloured ink, taken off the page before it became gray.

    `box` is in pixels of the page as decoded; `ink` is the stamp alone, H,W, dark on light.
    `centre` (x, y) and the semi-axes `axes` of its outer edge are pixels of `ink`; the first axis
    is turned clockwise by `angle` radians from the x axis.
    """

    box: Box
    ink: Pixels
    centre: tuple[float, float]
    axes: tuple[float, float]
    angle: float


@dataclass(frozen=True, slots=True)
class RulingLines:
    """The ruling lines of a page that may separate table cells, as boxes in the clean frame."""

    horizontal: tuple[Box, ...] = ()
    vertical: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True)
class LayoutBlock:
    """A block found by layout analysis: its kind and the indexes of its lines in reading order."""

    lines: tuple[int, ...]
    kind: BlockKind = "text"
    table: Table | None = None


@dataclass(frozen=True, slots=True)
class RecognizedCharacter:
    """A recognised character and its extent along the crop, 0..1 from left to right."""

    text: str
    confidence: float
    left: float
    right: float


@dataclass(frozen=True, slots=True)
class RecognizedLine:
    """What the recogniser read in one line; an empty text has confidence 0."""

    text: str
    confidence: float
    characters: tuple[RecognizedCharacter, ...]
