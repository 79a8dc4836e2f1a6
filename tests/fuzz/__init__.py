"""Fuzzing of the two modules that parse untrusted files: `make fuzz MINUTES=15`.

The targets `pages` and `completeness` each have a `check(path)` that raises when a guarantee is
violated. The saved inputs in corpus/<target>/ once violated one or reach deep code; the test suite
checks them all.
"""

from __future__ import annotations

from pathlib import Path

TARGETS = ("completeness", "pages")
CORPUS = Path(__file__).parent / "corpus"
