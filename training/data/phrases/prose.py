"""Clauses of running text as pages print them: capitals, titles, quotes, lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.data.phrases import numbers
from training.data.phrases.labels import listed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from training.data.phrases.numbers import Draw

_PAIRS = ('""', "''", "“”", "‘’", "()", "[]", "«»", "„“", "**", "<>", "{}")
_CHINESE_PAIRS = ("“”", "‘’", "（）", "《》", "【】", "〈〉", "[]", "〔〕")
_TRADITIONAL_PAIRS = ("「」", "『』", "（）", "《》", "【】", "〈〉", "“”", "〔〕")
_BULLETS = listed("•|·|-|–|*|■|□|▪|●|○|◆|★|→|✓|#|>")
_CHINESE_NUMBERS = "一二三四五六七八九十"
_STOPS = "，。、；：！？）」』》】”’"
_PRODUCT_CODES = listed("?#|??-###|?##%|USB#.#|####A|Win##|v#.#|COVID-##|iPhone##|?#-%|PM#.#|5G|A4")
_CIRCLED = "①②③④⑤⑥⑦⑧⑨⑩"


def cut(clause: str, max_length: int, rng: Random) -> str:
    """Return 2 to `max_length` characters of a spaced clause from the start to the end of a word.

    Two of three begin at the start of the clause, so that a long clause often ends mid-sentence.
    """
    words = clause.split()
    first = 0 if rng.random() < 0.65 else rng.randrange(len(words))
    size = _length(max_length, rng)
    text = words[first][:max_length]
    for word in words[first + 1 :]:
        if len(text) + 1 + len(word) > size:
            break
        text += " " + word
    if rng.random() < 0.03 and text[-1].isalpha() and len(text) > 20:
        text += "-"  # a word hyphenated at the end of the line
    return text


def cut_chinese(clause: str, max_length: int, rng: Random) -> str:
    """Return 2 to `max_length` characters of a clause without word spaces."""
    size = _length(max_length, rng)
    first = 0 if rng.random() < 0.6 else rng.randrange(max(1, len(clause) - 4))
    while first and _inside_word(clause, first):
        first -= 1
    last = first + size
    while last < min(len(clause), first + max_length) and _inside_word(clause, last):
        last += 1
    text = clause[first:last].strip()
    while text[:1] and text[0] in _STOPS and len(text) > 1:
        text = text[1:]  # no line begins with these
    return text


def title(text: str) -> str:
    """Return `text` in Title Case; letters after apostrophes stay lower case."""
    return " ".join(word[:1].upper() + word[1:] for word in text.rstrip(",;: ").split())


def decorated(text: str, rng: Random) -> str:
    """Return `text` as a list item, in quotes or brackets, or with a note mark."""
    number = rng.randint(1, 20)
    style = rng.random()
    if style < 0.3:
        letter = rng.choice("abcdefABCDEF")
        forms = (
            f"{number}.",
            f"({number})",
            f"{number})",
            f"{letter})",
            f"({letter})",
            f"{letter}.",
        )
        romans = ("(i)", "(ii)", "(iii)", "iv.", "II.", "III.", f"{number}.{number % 4 + 1}")
        return f"{rng.choice((*forms, *romans, *_CIRCLED[:6]))} {text}"
    if style < 0.5:
        return f"{rng.choice(_BULLETS)} {text}"
    if style < 0.75:
        return _enclosed(text, rng.choice(_PAIRS), " ", rng)
    separator = rng.choice((" - ", " – ", " — ", "—", " / ", " & ", "; ", ": ", "... ", " | "))
    words = text.split()
    middle = rng.randint(1, 4)
    left, right = " ".join(words[:middle]), " ".join(words[middle:])
    tail = rng.choice(("*", "†", ".1", "?", "!", " [3]", "...", ";", ":", ",", " #2", "™", "®"))
    return left + separator + right if right and style < 0.88 else text.rstrip(".,;:") + tail


def decorated_chinese(text: str, rng: Random, *, traditional: bool) -> str:
    """Return `text` as a Chinese list item, or in Chinese quotes or brackets."""
    number = rng.randint(1, 10)
    style = rng.random()
    if style < 0.55:
        name = _CHINESE_NUMBERS[number - 1]
        forms = (
            f"{number}、",
            f"{number}.",
            f"{number}. ",
            f"（{number}）",
            f"({number})",
            f"{name}、",
            f"（{name}）",
        )
        headings = (f"第{name}条 ", f"第{name}章 ", _CIRCLED[number - 1], f"{name}.", f"{number}）")
        if traditional:
            headings = (f"第{name}條 ", f"第{name}章 ", f"{_CIRCLED[number - 1]} ", "一、", "壹、")
        return rng.choice((*forms, *headings)) + text
    if style < 0.65:
        return rng.choice("•·■□●◆★※▲△○") + rng.choice(("", " ")) + text
    pairs = _TRADITIONAL_PAIRS if traditional else _CHINESE_PAIRS
    if style < 0.9:
        return _enclosed(text, rng.choice(pairs), "", rng)
    return text.rstrip("，。、；") + rng.choice(("……", "——", "！", "？", "；", "：", "～", "*"))


def mixed(clause: str, word: Draw, names: Sequence[str], rng: Random) -> str:
    """Return Chinese with one to three Latin words, names or numbers in it.

    Every third line has single spaces around them.
    """
    gap = " " if rng.random() < 0.33 else ""
    text = cut_chinese(clause, 36, rng)
    parts = rng.choice((1, 1, 1, 2, 2, 3))
    positions = [at for at in range(len(text) + 1) if not text[max(0, at - 1) : at + 1].isascii()]
    starts = sorted(
        {rng.choice(positions) for _ in range(parts)} if positions else (), reverse=True
    )
    for start in starts:  # from the end, so that none is inserted into another
        left, right = text[:start], text[start:]
        before = " " if left[-1:].isascii() else gap
        after = " " if right[:1].isascii() else gap if right[:1] not in _STOPS else ""
        text = left + before + _foreign(word, names, rng) + after + right
    return text


def _inside_word(text: str, at: int) -> bool:
    """Return whether `at` lies within a Latin word or a number."""
    return all(c.isascii() and c.isalnum() for c in text[at - 1 : at + 1])


def _foreign(word: Draw, names: Sequence[str], rng: Random) -> str:
    style = rng.random()
    if style < 0.4:
        one = word(rng)
        return rng.choice((one, one.upper()[:8], one.capitalize(), one.capitalize()))
    if style < 0.5:
        return rng.choice(names)
    if style < 0.6:
        return " ".join(title(word(rng)) for _ in range(2))
    return numbers.filled(rng.choice(_PRODUCT_CODES), rng) if style < 0.7 else _inline(rng)


def _inline(rng: Random) -> str:
    draws = (numbers.integer, numbers.measure, numbers.amount, numbers.date, numbers.time)
    return rng.choice(draws)(rng)


def _enclosed(text: str, pair: str, gap: str, rng: Random) -> str:
    start = rng.randint(0, len(text) // 2)
    if gap:
        start = text.rfind(gap, 0, start) + 1
        end = text.find(gap, start + 1 + rng.randrange(len(text)))
    else:
        end = start + rng.randint(2, 12)
    inner = text[start : end if end >= 0 else len(text)]
    if any(mark in _STOPS or mark in ".,;:" for mark in inner):
        return pair[0] + text.strip("，。、；,.;:") + pair[1]
    return text[:start] + pair[0] + inner + pair[1] + text[start + len(inner) :]


def _length(max_length: int, rng: Random) -> int:
    """Return a length: half of the lines are long, as on pages, the other half of any length."""
    shortest = max_length // 2 if rng.random() < 0.5 else 2
    return rng.randint(shortest, max_length)
