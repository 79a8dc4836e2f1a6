"""What the modules of layout share: strips of a region."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence, Set

    from daemon.records import Box


def strips_of(
    boxes: Sequence[Box], which: Sequence[int], solid: Set[int] = frozenset()
) -> list[list[int]]:
    """Return `which` cut at every height that no middle half of a box crosses, top to bottom.

    Of those in `solid` no part may be crossed.
    """
    strips: list[list[int]] = []
    reach = float("-inf")
    middles = {k: _middle(boxes[k], 0 if k in solid else 4) for k in which}
    for k in sorted(which, key=lambda k: (middles[k], k)):
        top, bottom = middles[k]
        if top >= reach:
            strips.append([])
        strips[-1].append(k)
        reach = max(reach, bottom)
    return strips


def _middle(box: Box, parts: int) -> tuple[float, float]:
    """Return where a box begins and ends less a share of it, one of `parts`, on both sides."""
    margin = (box.bottom - box.top) / parts if parts else 0
    return box.top + margin, box.bottom - margin
