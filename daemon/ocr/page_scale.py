"""The side by which a page is scaled, whatever its proportions."""

from __future__ import annotations

# A page is at most twice as long as wide; what is longer (a receipt, a screenshot, a banner) is
# several pages in a row, whose letters must not shrink with its length.
_MAX_ASPECT = 2.0


def page_side(shape: tuple[int, ...]) -> float:
    """Return the side by which a page of H,W is scaled: the longer one, at most twice the other."""
    return min(max(shape[:2]), _MAX_ASPECT * min(shape[:2]))
