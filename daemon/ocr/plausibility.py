"""Plausibility: whether readings look like words, beside how sure the network is of each character.

A network that does not know a script is often sure of what it sees: Cyrillic comes out as Latin
look-alikes, `3anИcb B xypHane` at 0.95. Such text is recognised by its letters, as a language is
(Cavnar, Trenkle 1994, "N-gram-based text categorization"): each pair of neighbouring letters of a
word costs minus the binary logarithm of its probability in English words. The mean is 3.6 bits in
English, 3.7 to 4.2 in the languages around it, 4.6 in Polish, and 5 to 6.5 in such text; a capital
letter after a small one, a digit beside a letter, and scripts that alternate cost as much as an
impossible pair or more.

An implausible reading is not refused, but needs more confidence: its confidence counts to a power.
Long texts in any language that is written in Latin letters are read with more than 0.98 and keep
nearly all of it. Chinese characters, numbers, short words in capitals and codes tell nothing. Where
a line has little text, the page decides: on a page in Cyrillic its short words are as doubtful.

Two lines that are printed over each other fill each other's spaces: a line with improbable pairs,
very long words and few columns without ink needs more confidence too. Such lines were read with
0.66 to 0.91.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daemon.core.records import Pixels
    from daemon.ocr.records import LineCrop, RecognizedLine

LETTERS = "abcdefghijklmnopqrstuvwxyz "
"""The letters of rows and columns of COSTS; the space is the edge of a word."""

COSTS = (
    "954587585963539593436678675",
    "359839993893893993574999696",
    "396939934945993994644999695",
    "489629683895884995595889792",
    "575356687994537683358676793",
    "399933992993993994653999595",
    "499939544994755994585999791",
    "379928993996773995654979594",
    "564546599984524695348599957",
    "299929994999992999992999998",
    "479828962974755796386979593",
    "387628892973784799565799394",
    "248928993998473399595999794",
    "484436284968965898436799893",
    "665576586964425593444557786",
    "399939943994993493554999795",
    "799999997998999999990999998",
    "366527683966663795455789693",
    "595949944976675589435979791",
    "486928942996884994455979583",
    "555556595983437593349898987",
    "399919992999994998996899897",
    "269638943975843895488999895",
    "494939953998995399935786693",
    "576758785996556596467979991",
    "399919972995894999997999644",
    "443455555675465484345659899",
)
"""Bits of each letter (column) after each letter (row), rounded, at most 9, in the word list."""

_USUAL = 4.0  # bits a pair: what is assumed where there is no text
_DOUBTFUL = 4.6  # bits a pair up to which a reading is plausible: most European languages
_STRANGE = 6.0  # bits a pair from which a reading is as doubtful as can be: pages in Cyrillic
_MAX_POWER = 31.0  # of the confidence of such a reading: 0.98 becomes 0.53
_FOREIGN = 9.0  # bits of a letter beside a digit or a letter of another script
_CAPITAL = 7.0  # bits that a capital letter after a small one costs in addition
_LINE_PAIRS = 10  # pairs from which a line counts as much as its page
_PAGE_PAIRS = 30  # pairs from which a page counts as much as what is usual
_RUN_ON = 14  # letters of a word that may be two words over each other, as compounds are
_MIN_RUN_ON = 0.2  # share of the letters of a line that are in such words
_RUN_ON_BITS = 4.1  # bits a pair of such a line
_MAX_GAPS = 0.8  # of the share of columns without ink in other lines: 0.2 to 0.77 of it
_USUAL_GAPS = 0.2  # share of the columns of a line that have no ink, where no other line is sure
_SURE = 0.95  # confidence of a line that is printed over no other
_RUN_ON_POWER = 6.0  # of the confidence: 0.91 becomes 0.57, 0.98 becomes 0.89
_MAX_ACRONYM = 4  # letters in capitals that are no word
# Kana, and the phonetic letters that it is read as: Chinese text has none.
_KANA = frozenset("サシジマの").union(map(chr, range(0x3105, 0x3130)))
# Ideographs that kana is read as; a pair of them is rare in Chinese.
_LIKE_KANA = _KANA.union("一卜夕匕儿口工力才千了又厶亍乜乂巾刀尸七")
_PLAIN = str.maketrans(
    {"ı": "i", "ł": "l", "đ": "d", "ø": "o", "ð": "d", "ß": "ss", "æ": "ae", "œ": "oe", "þ": "th"}
)  # small letters that Unicode does not decompose
_WORD = re.compile(r"[^\W_]+")


def weighed(lines: Sequence[LineCrop], readings: Sequence[RecognizedLine]) -> list[RecognizedLine]:
    """Return the readings of the lines of a page, with less confidence in implausible ones."""
    costs = [_cost(reading.text) for reading in readings]
    bits, pairs = sum(bits for bits, _ in costs), sum(pairs for _, pairs in costs)
    of_page = (bits + _USUAL * _PAGE_PAIRS) / (pairs + _PAGE_PAIRS)
    powers = [_power(*cost, of_page) for cost in costs]
    for k in _overprinted(lines, readings, costs):
        powers[k] = max(powers[k], _RUN_ON_POWER)
    return [_raised(*each) for each in zip(readings, powers, strict=True)]


def _raised(reading: RecognizedLine, power: float) -> RecognizedLine:
    """Return a reading with all confidences to a power, so that the line keeps their mean."""
    if power == 1:
        return reading
    characters = tuple(replace(c, confidence=c.confidence**power) for c in reading.characters)
    return replace(reading, confidence=reading.confidence**power, characters=characters)


def _power(bits: float, pairs: int, of_page: float) -> float:
    """Return the power to which the confidence of a line counts, 1 for a plausible one."""
    mean = (bits + of_page * _LINE_PAIRS) / (pairs + _LINE_PAIRS)
    doubt = (mean - _DOUBTFUL) / (_STRANGE - _DOUBTFUL)
    return 1 + (_MAX_POWER - 1) * min(1.0, max(0.0, doubt))


def _overprinted(
    lines: Sequence[LineCrop],
    readings: Sequence[RecognizedLine],
    costs: Sequence[tuple[float, int]],
) -> list[int]:
    """Return the indexes of lines that look as if they were printed over other ones."""
    run_on = [k for k, reading in enumerate(readings) if _is_run_on(reading.text, *costs[k])]
    if not run_on:
        return []
    of_others = [
        _gaps(line.image)
        for line, reading, (_, pairs) in zip(lines, readings, costs, strict=True)
        if reading.confidence >= _SURE and pairs >= _LINE_PAIRS
    ]
    usual = float(np.median(of_others)) if of_others else _USUAL_GAPS
    return [k for k in run_on if _gaps(lines[k].image) < _MAX_GAPS * usual]


def _is_run_on(text: str, bits: float, pairs: int) -> bool:
    """Tell whether a text may be that of two lines over each other."""
    lengths = [len(word) for word in _words(text)]
    run_on = sum(length for length in lengths if length >= _RUN_ON)
    return run_on > _MIN_RUN_ON * sum(lengths) and bits > _RUN_ON_BITS * pairs


def _gaps(image: Pixels) -> float:
    """Return the share of the columns of an H,W line that have no ink, dark or light."""
    _, dark = cv2.threshold(image, 0, 1, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)
    ink = dark if dark.mean() < 0.5 else 1 - dark
    inked = np.flatnonzero(ink.max(axis=0))
    return 1 - len(inked) / (np.ptp(inked) + 1) if len(inked) else 1.0


def _cost(text: str) -> tuple[float, int]:
    """Return the bits that the pairs of letters in a text cost together, and how many they are."""
    of_ideographs = [
        _ideograph_cost(*pair) for pair in pairwise(text) if all(map(_is_ideograph, pair))
    ]
    bits, pairs = sum(of_ideographs), len(of_ideographs)
    for word in _words(text):
        edged = f" {_folded(word)} "
        of_pairs = [_pair_cost(*pair) for pair in pairwise(edged)]
        known = [cost for cost in of_pairs if cost is not None]
        capitals = sum(a.islower() and b.isupper() for a, b in pairwise(word))
        bits += sum(known) + _CAPITAL * capitals
        pairs += len(known)
    return bits, pairs


def _ideograph_cost(first: str, second: str) -> float:
    pair = {first, second}
    return _FOREIGN if pair & _KANA or pair <= _LIKE_KANA else _USUAL


def _words(text: str) -> list[str]:
    """Return the runs of letters and digits that should be words: neither number nor code."""
    spaced = "".join(" " if _is_ideograph(character) else character for character in text)
    return [word for word in _WORD.findall(spaced) if not _is_code(word)]


def _is_code(word: str) -> bool:
    """Tell whether a word is a number, an acronym or a code in capitals and digits."""
    letters = [character for character in word if character.isalpha()]
    is_capital = all("A" <= character <= "Z" for character in letters)
    return is_capital and (len(letters) <= _MAX_ACRONYM or len(letters) < len(word))


def _pair_cost(first: str, second: str) -> float | None:
    """Return the bits of a character after another one; None where that tells nothing."""
    row, column = LETTERS.find(first), LETTERS.find(second)
    if row >= 0 and column >= 0:
        return float(COSTS[row][column])
    return None if all(c.isdigit() or c == " " for c in (first, second)) else _FOREIGN


def _folded(word: str) -> str:
    """Return a word in small letters without accents and strokes."""
    decomposed = unicodedata.normalize("NFD", word.lower().translate(_PLAIN))
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def _is_ideograph(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF"
