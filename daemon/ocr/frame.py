"""The way from the clean frame of one page to its original pixels, and back."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from daemon.records import Box

if TYPE_CHECKING:
    from daemon.records import Affine, CleanPage, Page


class Frame:
    """How the clean page lies in the page as a viewer shows it."""

    def __init__(self, page: Page, clean: CleanPage) -> None:
        self.to_original = clean.to_page / page.scale
        self.width, self.height = page.width, page.height

    def around(self, box: Box) -> Box:
        """Return the box in original pixels around one of the clean frame."""
        return self.box(box.left, box.top, box.right, box.bottom)

    def box(self, left: float, top: float, right: float, bottom: float) -> Box:
        """Return the smallest upright box around the clean rectangle, clipped to the page."""
        mapped = _corners(left, top, right, bottom) @ self.to_original[:, :2].T
        mapped += self.to_original[:, 2]
        low, high = np.round(mapped.min(axis=0), 3), np.round(mapped.max(axis=0), 3)
        x = min(max(0, math.floor(low[0])), self.width - 1)
        y = min(max(0, math.floor(low[1])), self.height - 1)
        return Box(
            left=x,
            top=y,
            right=max(x + 1, min(self.width, math.ceil(high[0]))),
            bottom=max(y + 1, min(self.height, math.ceil(high[1]))),
        )

    def back(self, box: Box) -> Box:
        """Return the smallest upright box of the clean frame around one in original pixels."""
        corners = _corners(box.left, box.top, box.right, box.bottom) - self.to_original[:, 2]
        mapped = np.linalg.solve(self.to_original[:, :2], corners.T).T
        low, high = np.round(mapped.min(axis=0), 3), np.round(mapped.max(axis=0), 3)
        return Box(*map(math.floor, low), *map(math.ceil, high))


def _corners(left: float, top: float, right: float, bottom: float) -> Affine:
    """Return 4,2: x and y of each corner."""
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float64)
