"""Fuzzing of the two targets that read strangers' bytes: `make fuzz MINUTES=15`.

`pages` and `completeness` each have a `check(path)` that raises where a promise is broken. The kept
inputs, corpus/<target>/, once broke one or lead far in; the ordinary suite checks them all.
"""

from __future__ import annotations

from pathlib import Path

TARGETS = ("completeness", "pages")
CORPUS = Path(__file__).parent / "corpus"
