"""The list of words that reading knows: read here, by whoever checks it and by whoever spells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.core.errors import Misconfigured

if TYPE_CHECKING:
    from pathlib import Path


def read(path: Path) -> frozenset[str]:
    """Return the words of `path`, UTF-8, parted by white space, in lower case.

    Raises Misconfigured when it cannot be read.
    """
    try:
        return frozenset(path.read_text("utf-8").lower().split())
    except (OSError, UnicodeDecodeError) as error:
        remedy = f"cannot be read ({error}); name a list of words in UTF-8, or null for none"
        raise Misconfigured("model.lexicon", path, remedy) from error
