"""The text of a line for derived outputs: words with spaces, legal characters, its rotation."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daemon.core.records import Direction, PageText, TextLine, Word

# all but Char of XML 1.0, section 2.2; escaping them would make the file unreadable
_ILLEGAL: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clockwise(direction: Direction) -> int:
    """Return by how many degrees the characters of a line are turned on the page as read."""
    _, _, degrees = direction.partition("rotated_")
    return int(degrees or 0)


def reading_turn(line: TextLine, page: PageText) -> int:
    """Return by how many degrees the page as shown is turned clockwise for a line to be level."""
    turned = 90 if line.direction == "vertical" else clockwise(line.direction)
    return (page.orientation - turned) % 360


def xml_legal(text: str) -> str:
    """Return the text without the characters that XML 1.0 forbids, even escaped."""
    return _ILLEGAL.sub("", text)


def words_and_spaces(line: TextLine) -> Iterator[tuple[Word, bool]]:
    """Return each word of a line and whether a space separates it from the next one.

    The line's text decides, because Chinese is published without spaces.
    """
    position = 0
    for word, after in zip(line.words, (*line.words[1:], None), strict=True):
        found = line.text.find(word.text, position)
        position = found + len(word.text) if found >= 0 else position
        gap = line.text[position : position + 1]
        yield word, after is not None and (found < 0 or gap.isspace())
