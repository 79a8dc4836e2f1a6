"""Records of a release: what to build, and what was built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from training.evaluate.error_rate import LabelledLine


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseSpec:
    """What to build: the checkpoints of `runs` (folders), with `share` of `start` blended in."""

    runs: Sequence[Path]
    start: Path
    share: float
    name: str
    into: Path
    supplies: Path
    checkpoint: Literal["best", "last"] = "best"
    int8: bool = False
    heldout: int = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseResult:
    """The written files and the calibration on `heldout`, drawn lines.

    `losses` is the rise of CER on them in each precision.
    """

    files: Sequence[Path]
    temperature: float
    losses: Mapping[str, float]
    heldout: Sequence[LabelledLine]
