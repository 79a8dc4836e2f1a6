"""The text of a line for derived outputs: words with their spaces, characters that XML allows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daemon.core.records import TextLine, Word

# everything but Char of XML 1.0, 2.2; whoever escapes it only makes the file unreadable
_ILLEGAL: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml_legal(text: str) -> str:
    """Return the text without the characters that no XML 1.0 may contain, not even escaped."""
    return _ILLEGAL.sub("", text)


def words_and_spaces(line: TextLine) -> Iterator[tuple[Word, bool]]:
    """Return each word of a line and whether a space parts it from the next one.

    Chinese is published without spaces, so the line's text is asked.
    """
    place = 0
    for word, after in zip(line.words, (*line.words[1:], None), strict=True):
        found = line.text.find(word.text, place)
        place = found + len(word.text) if found >= 0 else place
        gap = line.text[place : place + 1]
        yield word, after is not None and (found < 0 or gap.isspace())
