"""The word list of the speller (`daemon/ocr/spelling.py`): American and British English."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_LISTS = ("wamerican/**/american-english", "wbritish/**/british-english")
_WORD = re.compile(r"[a-z]{4,}")


def words_of(texts: Path) -> list[str]:
    """Return the words of four letters and more of SCOWL's lists in `texts`, lower case, sorted.

    Raises FileNotFoundError when a list is missing.
    """
    words: set[str] = set()
    for pattern in _LISTS:
        lists = list(texts.glob(pattern))
        if not lists:
            raise FileNotFoundError(f"no {pattern} in {texts}; run `make fonts`")
        for path in lists:
            listed = path.read_text("utf-8").lower().replace("'s\n", "\n").split()
            words.update(filter(_WORD.fullmatch, listed))
    return sorted(words)
