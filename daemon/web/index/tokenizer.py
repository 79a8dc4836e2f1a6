"""How text is cut so that words are found in it: English by their beginning, Chinese by character.

FTS5's unicode61 takes a run of Chinese for one word. So each Han character and each kana is kept
apart by a zero-width space, which unicode61 takes for a gap and which comes out again without a
trace; what is asked for is cut alike and looked for as a phrase. Nothing that a person types is
FTS5's syntax: it arrives in quotes.
"""

from __future__ import annotations

import re

from daemon.web.index.records import Piece

HIT, HIT_END = "\x01", "\x02"  # around a hit; no text holds them
MOST_WORDS = 20  # of a query that are looked for

_GAP = "\u200b"
_UNSAID = re.compile("[\x00\x01\x02\u200b]")
_CHARACTER = re.compile(
    "([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])"
)


def cut(text: str) -> str:
    """Return `text` as it is stored for searching."""
    return _CHARACTER.sub(rf"{_GAP}\1{_GAP}", _UNSAID.sub("", text))


def expression(query: str) -> str | None:
    """Return what FTS5 is asked for: all words of `query`, the beginning of each; None if none."""
    said = [word.replace('"', " ") for word in _UNSAID.sub(" ", query).split()]
    words = [word for word in said if any(character.isalnum() for character in word)]
    return " AND ".join(f'"{cut(word)}"*' for word in words[:MOST_WORDS]) or None


def pieces(snippet: str) -> tuple[Piece, ...]:
    """Return a stored text with marked hits as pieces, white space run together."""
    plain = re.sub(r"\s+", " ", snippet.replace(_GAP, ""))
    plain = plain.replace(HIT_END + HIT, "")  # hits that touch are one
    parts = re.split(f"([{HIT}{HIT_END}])", plain)
    found, is_hit = [], False
    for part in parts:
        if part in (HIT, HIT_END):
            is_hit = part == HIT
        elif part:
            found.append(Piece(part, is_hit))
    return tuple(found)
