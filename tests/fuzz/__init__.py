"""Fuzzing of the two rooms that read strangers' bytes: `make fuzz MINUTES=15`.

`pages` and `completeness` each have a `check(path)` that raises where a promise is broken. The kept
inputs, kept/<room>/, once broke one or lead far in; the ordinary suite checks them all.
"""

from __future__ import annotations

from pathlib import Path

ROOMS = ("completeness", "pages")
KEPT = Path(__file__).parent / "kept"
