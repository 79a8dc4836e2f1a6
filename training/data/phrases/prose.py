"""Clauses of running text, cut and set as pages set them: capitals, titles, quotes, lists."""

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
_MODELS = listed("?#|??-###|?##%|USB#.#|####A|Win##|v#.#|COVID-##|iPhone##|?#-%|PM#.#|5G|A4")
_CIRCLED = "①②③④⑤⑥⑦⑧⑨⑩"


def cut(clause: str, most: int, chance: Random) -> str:
    """Return 2 to `most` characters of a spaced clause from a word's start to a word's end.

    Two of three begin where the clause begins; a long clause thus often ends in mid-sentence.
    """
    words = clause.split()
    first = 0 if chance.random() < 0.65 else chance.randrange(len(words))
    size = _length(most, chance)
    taken = words[first][:most]
    for word in words[first + 1 :]:
        if len(taken) + 1 + len(word) > size:
            break
        taken += " " + word
    if chance.random() < 0.03 and taken[-1].isalpha() and len(taken) > 20:
        taken += "-"  # a word broken at the line's end
    return taken


def cut_chinese(clause: str, most: int, chance: Random) -> str:
    """Return 2 to `most` characters of a clause without word spaces."""
    size = _length(most, chance)
    first = 0 if chance.random() < 0.6 else chance.randrange(max(1, len(clause) - 4))
    while first and _inside_word(clause, first):
        first -= 1
    last = first + size
    while last < min(len(clause), first + most) and _inside_word(clause, last):
        last += 1
    taken = clause[first:last].strip()
    while taken[:1] and taken[0] in _STOPS and len(taken) > 1:
        taken = taken[1:]  # no line begins with these
    return taken


def title(text: str) -> str:
    """Return `text` in Title Case, apostrophes left alone."""
    return " ".join(word[:1].upper() + word[1:] for word in text.rstrip(",;: ").split())


def marked(text: str, chance: Random) -> str:
    """Return `text` as an item of a list, in quotes or brackets, or with a note's mark."""
    number = chance.randint(1, 20)
    style = chance.random()
    if style < 0.3:
        letter = chance.choice("abcdefABCDEF")
        forms = (
            f"{number}.",
            f"({number})",
            f"{number})",
            f"{letter})",
            f"({letter})",
            f"{letter}.",
        )
        romans = ("(i)", "(ii)", "(iii)", "iv.", "II.", "III.", f"{number}.{number % 4 + 1}")
        return f"{chance.choice((*forms, *romans, *_CIRCLED[:6]))} {text}"
    if style < 0.5:
        return f"{chance.choice(_BULLETS)} {text}"
    if style < 0.75:
        return _enclosed(text, chance.choice(_PAIRS), " ", chance)
    joint = chance.choice((" - ", " – ", " — ", "—", " / ", " & ", "; ", ": ", "... ", " | "))
    words = text.split()
    middle = chance.randint(1, 4)
    left, right = " ".join(words[:middle]), " ".join(words[middle:])
    tail = chance.choice(("*", "†", ".1", "?", "!", " [3]", "...", ";", ":", ",", " #2", "™", "®"))
    return left + joint + right if right and style < 0.88 else text.rstrip(".,;:") + tail


def marked_chinese(text: str, chance: Random, *, traditional: bool) -> str:
    """Return `text` as an item of a Chinese list, in Chinese quotes or brackets."""
    number = chance.randint(1, 10)
    style = chance.random()
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
        others = (f"第{name}条 ", f"第{name}章 ", _CIRCLED[number - 1], f"{name}.", f"{number}）")
        if traditional:
            others = (f"第{name}條 ", f"第{name}章 ", f"{_CIRCLED[number - 1]} ", "一、", "壹、")
        return chance.choice((*forms, *others)) + text
    if style < 0.65:
        return chance.choice("•·■□●◆★※▲△○") + chance.choice(("", " ")) + text
    pairs = _TRADITIONAL_PAIRS if traditional else _CHINESE_PAIRS
    if style < 0.9:
        return _enclosed(text, chance.choice(pairs), "", chance)
    return text.rstrip("，。、；") + chance.choice(("……", "——", "！", "？", "；", "：", "～", "*"))


def mixed(clause: str, word: Draw, names: Sequence[str], chance: Random) -> str:
    """Return Chinese with one to three Latin words, names or numbers inside.

    Every third line puts single spaces around them.
    """
    gap = " " if chance.random() < 0.33 else ""
    text = cut_chinese(clause, 36, chance)
    parts = chance.choice((1, 1, 1, 2, 2, 3))
    joints = [at for at in range(len(text) + 1) if not text[max(0, at - 1) : at + 1].isascii()]
    starts = sorted({chance.choice(joints) for _ in range(parts)} if joints else (), reverse=True)
    for start in starts:  # from the back, so that none lands in another
        left, right = text[:start], text[start:]
        before = " " if left[-1:].isascii() else gap
        after = " " if right[:1].isascii() else gap if right[:1] not in _STOPS else ""
        text = left + before + _foreign(word, names, chance) + after + right
    return text


def _inside_word(text: str, at: int) -> bool:
    """Tell whether `at` would part a Latin word or a number."""
    return all(c.isascii() and c.isalnum() for c in text[at - 1 : at + 1])


def _foreign(word: Draw, names: Sequence[str], chance: Random) -> str:
    style = chance.random()
    if style < 0.4:
        one = word(chance)
        return chance.choice((one, one.upper()[:8], one.capitalize(), one.capitalize()))
    if style < 0.5:
        return chance.choice(names)
    if style < 0.6:
        return " ".join(title(word(chance)) for _ in range(2))
    return numbers.shaped(chance.choice(_MODELS), chance) if style < 0.7 else _inline(chance)


def _inline(chance: Random) -> str:
    draws = (numbers.integer, numbers.measure, numbers.amount, numbers.date, numbers.time)
    return chance.choice(draws)(chance)


def _enclosed(text: str, pair: str, gap: str, chance: Random) -> str:
    where = chance.randint(0, len(text) // 2)
    if gap:
        where = text.rfind(gap, 0, where) + 1
        end = text.find(gap, where + 1 + chance.randrange(len(text)))
    else:
        end = where + chance.randint(2, 12)
    inner = text[where : end if end >= 0 else len(text)]
    if any(mark in _STOPS or mark in ".,;:" for mark in inner):
        return pair[0] + text.strip("，。、；,.;:") + pair[1]
    return text[:where] + pair[0] + inner + pair[1] + text[where + len(inner) :]


def _length(most: int, chance: Random) -> int:
    """Half of the lines are long, as a page's are; the others of any length."""
    return chance.randint(most // 2, most) if chance.random() < 0.5 else chance.randint(2, most)
