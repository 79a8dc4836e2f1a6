"""The text corpus that training lines are drawn from: fetched texts, cleaned once into pools.

A pool is a text file with one line of text per line; a word list has a weight after a tab. One line
in fifty, chosen by a hash of its text, is held out, so that no text of the validation set is ever
trained on.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections import Counter
from dataclasses import dataclass
from itertools import accumulate, chain, islice
from typing import TYPE_CHECKING

from opencc import OpenCC

from training.data import extract, sources

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

POOLS = ("en", "zh", "zh-Hant", "latin")
HELD_OUT = 50  # one line in this many
MAX_LENGTH = {"en": 90, "zh": 60, "zh-Hant": 60, "latin": 90}
_MARKUP = re.compile(
    r"[<>{}\\|^`~_]|\*\*|https?:|www\.|&#?\w+;|%\d?[$.\w(]|\$\w|\(\w\)$|--|==|\+\+|//|\w@\w|"
    r"(\W)\1\1|\b\w+\(\d?\)|\w\.(?:html?|so|py|conf|xml)\b|\bdebian-|\[\w*\]"
)
_WIDE = {
    code: code - 0xFEE0
    for code in (
        *range(0xFF10, 0xFF1A),
        *range(0xFF21, 0xFF3B),
        *range(0xFF41, 0xFF5B),
        0xFF05,
        0xFF0B,
        0xFF0F,
        0xFF1D,
    )
}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_INVISIBLE = re.compile(r"[\xad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]")
_HAN = r"\u3400-\u9fff\uf900-\ufaff"
_CJK = _HAN + r"\u3000-\u303f\uff01-\uff5e“”‘’…—"
_INNER_SPACE = re.compile(rf"(?<=[{_CJK}]) +(?=[{_CJK}])")
_ZH_SENTENCE = re.compile(r"(?<=[。！？；!?])(?![”’」』）)])")
_ZH_CLAUSE = re.compile(r"(?<=[，、：])")
_SENTENCE = re.compile(r"(?<=[.!?;:]) +(?=[\"“(]?[A-ZÀ-Ž])")
_WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|['’-](?=[^\W\d_]))*")
_MAX_WORDS = 60_000  # of one list, so that no language dominates
_MAX_LINES = {"en": 40_000, "latin": 40_000}  # of one package, for the same reason
_MAX_FILES = 400  # of one package in one language, for the same reason

Words = tuple[tuple[str, ...], tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class Corpus:
    """Lines by language, and words with their cumulative weights (for `random.choices`)."""

    en: tuple[str, ...]
    zh: tuple[str, ...]
    zh_hant: tuple[str, ...]
    latin: tuple[str, ...]
    words_en: Words
    words_zh: Words
    words_zh_hant: Words
    words_latin: Words


def build(texts: Path, into: Path, alphabet: str) -> dict[str, int]:
    """Write the pools and word lists of the packages in `texts`; return their sizes by file name.

    Lines with a character outside `alphabet` are dropped.
    """
    into.mkdir(parents=True, exist_ok=True)
    known = frozenset(alphabet)
    pools: dict[str, dict[str, None]] = {}
    for language in POOLS:
        pools[language] = dict.fromkeys(_lines(texts, language, known))
        if language == "zh-Hant":
            converted = _prose_lines(traditional(pools["zh"]), language, known)
            pools[language] |= dict.fromkeys(converted)
        _write(into / f"{language}.txt", sorted(pools[language]))
    written = {f"{language}.txt": len(lines) for language, lines in pools.items()}
    for language, weights in word_lists(texts, pools).items():
        listed = sorted((w, n) for w, n in weights.items() if known.issuperset(w))
        _write(into / f"words-{language}.txt", (f"{w}\t{n:.4g}" for w, n in listed))
        written[f"words-{language}.txt"] = len(listed)
    return written


def load(folder: Path, *, heldout: bool = False) -> Corpus:
    """Return the pools in `folder`: the lines to train on, or with `heldout` the held-out lines."""
    lines = [
        tuple(t for t in _read(folder / f"{p}.txt") if is_heldout(t) is heldout) for p in POOLS
    ]
    words = [_weighted(_read(folder / f"words-{pool}.txt"), heldout) for pool in POOLS]
    en, zh, zh_hant, latin = lines
    return Corpus(en, zh, zh_hant, latin, *words)


def is_heldout(text: str) -> bool:
    """Return whether `text` is one of the one in fifty that are never trained on."""
    return zlib.crc32(text.encode()) % HELD_OUT == 0


def clean(paragraph: str, language: str) -> str:
    """Return a paragraph in NFC, single-spaced, letters and digits half-width, no controls."""
    composed = unicodedata.normalize("NFC", paragraph.translate(_WIDE))
    spaced = " ".join(_CONTROL.sub(" ", _INVISIBLE.sub("", composed)).split())
    return _INNER_SPACE.sub("", spaced) if language.startswith("zh") else spaced


def split_lines(paragraph: str, language: str) -> Iterator[str]:
    """Yield the lines of a clean paragraph: Chinese sentences or clauses, other prose wrapped."""
    chinese = language.startswith("zh")
    for sentence in (_ZH_SENTENCE if chinese else _SENTENCE).split(paragraph):
        seed = zlib.crc32(sentence.encode())
        if not chinese:
            yield from _wrapped(sentence.strip(), 25 + seed % (MAX_LENGTH[language] - 24))
        elif len(sentence) > MAX_LENGTH[language] or seed % 2:
            yield from (clause.strip() for clause in _ZH_CLAUSE.split(sentence))
        else:
            yield sentence.strip()


def is_prose(line: str, language: str, known: frozenset[str]) -> bool:
    """Return whether a line is usable: in the alphabet, in its language, no remnant of markup."""
    min_length = 1 if language.startswith("zh") else 5
    if not min_length <= len(line) <= MAX_LENGTH[language] or not known.issuperset(line):
        return False
    if _MARKUP.search(line) or line[0] in "，。、；：！？）》」』”’)]},.;:!?…":
        return False
    han = len(re.findall(f"[{_HAN}]", line))
    if language.startswith("zh"):
        return han >= 0.4 * len(line.replace(" ", ""))
    letters = [c for c in line if c.isalpha()]
    foreign = any(not c.isascii() for c in letters)
    return not han and len(letters) >= 0.6 * len(line) and foreign is (language == "latin")


def traditional(lines: Iterable[str]) -> Iterator[str]:
    """Yield lines in traditional characters, two of three as in Taiwan, others as in Hong Kong."""
    taiwan, hong_kong = OpenCC("s2twp"), OpenCC("s2hk")
    for number, line in enumerate(lines):
        yield (taiwan if number % 3 else hong_kong).convert(line)


def word_lists(texts: Path, pools: dict[str, dict[str, None]]) -> dict[str, dict[str, float]]:
    """Return words and weights by language: of dictionaries, and of prose by frequency."""
    zh = _frequencies(texts.glob("jieba/**/dict.txt"))
    hant = dict(zip(traditional(zh), zh.values(), strict=True))
    hant |= _frequencies(texts.glob("*rime*/**/essay.txt"))
    en = _word_counts(pools["en"], accented=False)
    latin = _word_counts(pools["latin"], accented=True)
    for source in sources.sources("texts"):
        if source.package.startswith(("w", "hunspell-")) and source.languages == ("latin",):
            for word in _accented_words((texts / source.folder).rglob("*")):
                latin.setdefault(word, 1.0)
    return {"en": en, "zh": zh, "zh-Hant": hant, "latin": latin}


def _lines(texts: Path, language: str, known: frozenset[str]) -> Iterator[str]:
    for source in sources.sources("texts"):
        package = texts / source.folder
        files = (p for p in package.rglob("*") if p.is_file() and not _is_dictionary(p))
        in_language = {
            str(path.relative_to(package)): path
            for path in files
            if extract.language_of(str(path.relative_to(package)), source.languages) == language
        }
        chosen = sorted(in_language, key=lambda name: zlib.crc32(name.encode()))[:_MAX_FILES]
        paragraphs = chain.from_iterable(extract.paragraphs(in_language[name]) for name in chosen)
        yield from islice(_prose_lines(paragraphs, language, known), _MAX_LINES.get(language))


def _prose_lines(paragraphs: Iterable[str], language: str, known: frozenset[str]) -> Iterator[str]:
    for paragraph in paragraphs:
        for line in split_lines(clean(paragraph, language), language):
            if line and is_prose(line, language, known):
                yield line


def _wrapped(sentence: str, width: int) -> Iterator[str]:
    """Yield the lines of a sentence wrapped at `width` characters."""
    line = ""
    for word in sentence.split(" "):
        if line and len(line) + 1 + len(word) > width:
            yield line
            line = word
        else:
            line = f"{line} {word}".strip()
    yield line


def _is_dictionary(path: Path) -> bool:
    return (
        path.suffix in (".dic", ".aff")
        or path.name in ("dict.txt", "essay.txt")
        or (path.parent.name == "dict")
    )


def _frequencies(paths: Iterable[Path]) -> dict[str, float]:
    """Return the words of `word frequency` files, weighted by the square root of the frequency."""
    rows = (row.split() for path in paths for row in extract.text(path).split("\n"))
    found = ((row[0], float(row[1])) for row in rows if len(row) > 1 and row[1].isdigit())
    return {word: max(1.0, count**0.5) for word, count in found if len(word) <= 8}


def _word_counts(lines: Iterable[str], *, accented: bool) -> dict[str, float]:
    counts = Counter(word for line in lines for word in _WORD.findall(line))
    return {w: n**0.5 for w, n in counts.items() if w.isascii() is not accented and len(w) > 1}


def _accented_words(paths: Iterable[Path]) -> Iterator[str]:
    """Yield the accented words of dictionaries, at most 60 000 from each, chosen by a hash."""
    for path in paths:
        if not path.is_file() or path.suffix == ".aff":
            continue
        rows = (row.split("/")[0].strip() for row in extract.text(path).split("\n"))
        words = [word for word in rows if _WORD.fullmatch(word) and not word.isascii()]
        yield from sorted(words, key=lambda word: zlib.crc32(word.encode()))[:_MAX_WORDS]


def _weighted(rows: Iterable[str], heldout: bool) -> Words:
    split = [row.split("\t") for row in rows]
    weighted = [(word, float(weight)) for word, weight in split if is_heldout(word) is heldout]
    return tuple(word for word, _ in weighted), tuple(accumulate(weight for _, weight in weighted))


def _write(path: Path, rows: Iterable[str]) -> None:
    path.write_text("".join(f"{row}\n" for row in rows), "utf-8")


def _read(path: Path) -> list[str]:
    return path.read_text("utf-8").split("\n")[:-1]
