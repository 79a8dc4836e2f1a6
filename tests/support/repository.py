"""Where the repository is, and the data that lies beside it where the project is developed."""

from __future__ import annotations

from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
SHARED = REPOSITORY.parent / "shared"  # tests that use it skip where it is absent
