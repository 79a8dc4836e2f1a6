"""Splits text for the search: words of letters match by prefix, Chinese matches by character.

The unicode61 tokenizer of FTS5 treats a run of Chinese characters as one word. So each Han
character and each kana is surrounded by zero-width spaces, which unicode61 treats as separators
and which are removed again on output; queries are split the same way and searched as phrases.
Input is always quoted, so that nothing in it is FTS5 syntax.
"""

from __future__ import annotations

import re

from daemon.web.index.records import SnippetFragment

HIT_START, HIT_END = "\x01", "\x02"  # no stored text contains them
MAX_QUERY_WORDS = 20

_SEPARATOR = "\u200b"
_RESERVED = re.compile("[\x00\x01\x02\u200b]")
_CHARACTER = re.compile(
    "([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])"
)


def split_text(text: str) -> str:
    """Return `text` as it is stored in the index."""
    return _CHARACTER.sub(rf"{_SEPARATOR}\1{_SEPARATOR}", _RESERVED.sub("", text))


def match_expression(query: str) -> str | None:
    """Return the FTS5 expression for all words of `query` by prefix; None if it has no words."""
    parts = [word.replace('"', " ") for word in _RESERVED.sub(" ", query).split()]
    words = [word for word in parts if any(character.isalnum() for character in word)]
    return " AND ".join(f'"{split_text(word)}"*' for word in words[:MAX_QUERY_WORDS]) or None


def fragments(snippet: str) -> tuple[SnippetFragment, ...]:
    """Return a stored text with marked hits as fragments, with runs of white space collapsed."""
    plain = re.sub(r"\s+", " ", snippet.replace(_SEPARATOR, ""))
    plain = plain.replace(HIT_END + HIT_START, "")  # adjacent hits become one
    parts = re.split(f"([{HIT_START}{HIT_END}])", plain)
    found, is_hit = [], False
    for part in parts:
        if part in (HIT_START, HIT_END):
            is_hit = part == HIT_START
        elif part:
            found.append(SnippetFragment(part, is_hit))
    return tuple(found)
