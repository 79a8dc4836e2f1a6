"""Reads the word list that spelling correction uses; preflight reads it to check it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.core.errors import Misconfigured

if TYPE_CHECKING:
    from pathlib import Path


def read(path: Path) -> frozenset[str]:
    """Return the words of `path`, UTF-8, separated by white space, in lower case.

    Raises Misconfigured if it cannot be read.
    """
    try:
        return frozenset(path.read_text("utf-8").lower().split())
    except (OSError, UnicodeDecodeError) as error:
        remedy = f"cannot be read ({error}); name a word list in UTF-8, or null for none"
        raise Misconfigured("model.lexicon", path, remedy) from error
