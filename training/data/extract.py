"""A fetched file becomes paragraphs: what its format says, without the format.

Paragraphs come as they stand in the file, markup removed, words whole; cleaning them and cutting
them into lines is the corpus's work.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import struct
from html.parser import HTMLParser
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LOCALE = re.compile(r"(?<=[/._-])(zh[_-](?:CN|TW|HK)|en[_-](?:US|GB)|C|en|[a-z]{2})(?=[/._@-]|$)")
_LATIN = frozenset(
    {
        "cs",
        "da",
        "de",
        "es",
        "et",
        "fi",
        "fr",
        "hr",
        "hu",
        "is",
        "it",
        "lt",
        "lv",
        "nb",
        "nl",
        "no",
        "pl",
        "pt",
        "ro",
        "sk",
        "sl",
        "sv",
        "tr",
    }
)
_BLOCKS = frozenset(
    {
        "p",
        "li",
        "td",
        "th",
        "dt",
        "dd",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "title",
        "desc",
        "item",
        "div",
        "para",
        "br",
        "note",
        "section",
    }
)
_UNSPOKEN = frozenset(
    {"script", "style", "pre", "code", "screen", "kbd", "tt", "programlisting", "synopsis"}
)
_TAG = re.compile(r"/[A-Za-z]+\s*")
_ROFF = (
    (re.compile(r"\\f(\[\w*\]|\(..|.)|\\s[+-]?\d|\\[&|/,^%:]"), ""),
    (re.compile(r"\\(\(co|\[co\])"), "©"),
    (re.compile(r"\\-|\\\(hy|\\\(en"), "-"),
    (re.compile(r"\\\((?:aq|cq)|\\'"), "'"),
    (re.compile(r"\\[ ~]"), " "),
)
_QUIET_MACRO = re.compile(r"[.'](PP|LP|P|TP|IP|HP|RS|RE|br|sp|SH|SS|B|I|BR|RB|BI|IB|IR|RI)\b")
_CODE = re.compile(r"[.'](nf|EX)\b.*?^[.'](fi|EE)\b", re.M | re.S)
_COMPRESSED = {b"\x1f\x8b": gzip.decompress, b"BZ": bz2.decompress, b"\xfd7": lzma.decompress}


def language_of(path: str, languages: tuple[str, ...]) -> str | None:
    """Return the pool that a file of a package in these languages belongs to, None for none."""
    if len(languages) == 1:
        return languages[0]
    found = {_pool(token) for token in _LOCALE.findall("/" + path)}
    known = [language for language in languages if language in found]
    return known[0] if len(known) == 1 else None


def paragraphs(path: Path) -> Iterator[str]:
    """Yield the paragraphs of a file by what its name says it is; nothing where it has none."""
    suffixes = [s for s in path.suffixes if s != ".gz"]
    match suffixes[-1:] or [""]:
        case [".html" | ".page"]:
            yield from markup(text(path))
        case [".mo"]:
            yield from messages(path.read_bytes())
        case [".po"]:
            yield from re.findall(r'^msgstr "(.+)"$', text(path), re.M)
        case [".rda"]:
            yield from re.findall(r"[ -~\n]{40,}", _decompressed(path).decode("latin-1"))
        case [digit] if re.fullmatch(r"\.[1-9]\w*", digit):
            yield from manual(text(path))
        case _:
            whole = text(path)
            tagged = len(_TAG.findall(whole[:2000])) > 100
            wrapped = whole.count("\n\n") > 20
            breaks = r"\n\s*\n|\n%\n" if wrapped else r"\n"
            yield from re.split(breaks, _TAG.sub("", whole) if tagged else whole)


def text(path: Path) -> str:
    """Return a text file's content, unpacked; UTF-8 or what the .aff beside a .dic names."""
    content = _decompressed(path)
    rules = path.with_suffix(".aff")
    named = re.search(rb"^SET\s+(\S+)", rules.read_bytes(), re.M) if rules.is_file() else None
    try:
        return content.decode(
            named[1].decode().replace("ISO8859", "iso-8859-") if named else "utf-8"
        )
    except UnicodeDecodeError:
        return ""
    except LookupError:
        return content.decode("utf-8", "ignore")


def markup(page: str) -> list[str]:
    """Return the paragraphs of HTML or Mallard; code, scripts and style sheets are left out."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return reader.found()


def messages(catalogue: bytes) -> Iterator[str]:
    """Yield the translations of a compiled gettext catalogue (.mo, either byte order)."""
    order = "<" if catalogue[:4] == b"\xde\x12\x04\x95" else ">"
    count, _, table = struct.unpack(order + "3I", catalogue[8:20])
    for number in range(1, count):  # the first is the catalogue's own header
        length, start = struct.unpack_from(order + "2I", catalogue, table + 8 * number)
        for form in catalogue[start : start + length].decode("utf-8", "ignore").split("\0"):
            yield from re.sub(r"\(_\w\)|[_~&](?=\w)", "", form).split("\n")


def manual(page: str) -> list[str]:
    """Return the paragraphs of a manual page; examples, tables and macros are left out."""
    kept: list[str] = []
    for line in _CODE.sub("", page).split("\n"):
        if line[:1] in (".", "'"):
            kept.append("" if _QUIET_MACRO.match(line) else "\0")
        else:
            kept.append(line)
    for pattern, plain in _ROFF:
        kept = [pattern.sub(plain, line) for line in kept]
    joined = "\n".join(kept)
    return [part.replace("\n", " ") for part in re.split(r"\n\s*\n|\0", joined) if "\\" not in part]


class _Reader(HTMLParser):
    """Gathers text between block tags; counts how deep it is in what is not prose."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[str] = []
        self._unspoken = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the parser's signature
        self._unspoken += tag in _UNSPOKEN
        if tag in _UNSPOKEN | _BLOCKS:
            self._pieces.append("\0" if tag in _BLOCKS else "\1")

    def handle_endtag(self, tag: str) -> None:
        self._unspoken = max(0, self._unspoken - (tag in _UNSPOKEN))
        if tag in _BLOCKS:
            self._pieces.append("\0")

    def handle_data(self, data: str) -> None:
        if not self._unspoken:
            self._pieces.append(data)

    def found(self) -> list[str]:
        """Return the paragraphs; one with a hole where code stood is no sentence: left out."""
        whole = "".join(self._pieces).split("\0")
        return [part.replace("\n", " ") for part in whole if part.strip() and "\1" not in part]


def _decompressed(path: Path) -> bytes:
    content = path.read_bytes()
    unpack = _COMPRESSED.get(content[:2])
    return _decompress_again(unpack(content)) if unpack else content


def _decompress_again(content: bytes) -> bytes:
    unpack = _COMPRESSED.get(content[:2])
    return unpack(content) if unpack else content


def _pool(token: str) -> str:
    folded = token.replace("-", "_")
    chinese = {"zh_CN": "zh", "zh_TW": "zh-Hant", "zh_HK": "zh-Hant"}
    if folded in chinese:
        return chinese[folded]
    if folded == "C" or folded.startswith("en"):
        return "en"
    return "latin" if folded in _LATIN else ""
