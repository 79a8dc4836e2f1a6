"""Fuzzing of what parses untrusted files: `make fuzz MINUTES=15`.

The targets are three of our packages, `pages`, `completeness` and `replies` (of workers), and two
decoders in C and C++, `heif` and `jbig2`. Each has a `check(path)` that raises when a guarantee is
violated; it may have a `mutate` that keeps the structure of its format. The saved inputs in
corpus/<target>/ once violated a guarantee or reach deep code; the test suite checks them all.
"""

from __future__ import annotations

from pathlib import Path

TARGETS = ("completeness", "pages", "heif", "jbig2", "replies")
CORPUS = Path(__file__).parent / "corpus"
# inputs that a decoder of others does not stand: tests/system/test_fuzz_findings.py
FINDINGS = CORPUS.with_name("findings")
