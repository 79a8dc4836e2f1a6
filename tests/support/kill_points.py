"""Where a process is killed: some of the steps in the suite, every step with `make kills`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

EVERY = 3  # one in so many steps is in the suite


def kill_points(steps: Sequence[T]) -> Sequence[T]:
    """Return every step if EVERY_STEP is set, else a third of them, the first among them."""
    return steps if os.environ.get("EVERY_STEP") else steps[::EVERY]
