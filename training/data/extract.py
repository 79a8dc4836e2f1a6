"""Extracts the paragraphs of fetched files: HTML, gettext catalogues, manual pages, plain text.

Markup is removed, the words are left unchanged; `corpus` cleans paragraphs and cuts them into
lines.
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
_BLOCK_TAGS = frozenset(
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
_SKIPPED_TAGS = frozenset(
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
_LAYOUT_MACRO = re.compile(r"[.'](PP|LP|P|TP|IP|HP|RS|RE|br|sp|SH|SS|B|I|BR|RB|BI|IB|IR|RI)\b")
_CODE = re.compile(r"[.'](nf|EX)\b.*?^[.'](fi|EE)\b", re.M | re.S)
_COMPRESSED = {b"\x1f\x8b": gzip.decompress, b"BZ": bz2.decompress, b"\xfd7": lzma.decompress}


def language_of(path: str, languages: tuple[str, ...]) -> str | None:
    """Return the pool of a file of a package in these languages, or None if it has none."""
    if len(languages) == 1:
        return languages[0]
    found = {_pool(token) for token in _LOCALE.findall("/" + path)}
    known = [language for language in languages if language in found]
    return known[0] if len(known) == 1 else None


def paragraphs(path: Path) -> Iterator[str]:
    """Yield the paragraphs of a file, whose format is taken from its name."""
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
            content = text(path)
            tagged = len(_TAG.findall(content[:2000])) > 100
            wrapped = content.count("\n\n") > 20
            breaks = r"\n\s*\n|\n%\n" if wrapped else r"\n"
            yield from re.split(breaks, _TAG.sub("", content) if tagged else content)


def text(path: Path) -> str:
    """Return the decompressed text of a file: UTF-8, or the encoding in the .aff beside a .dic."""
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
    """Return the paragraphs of HTML or Mallard without code, scripts and style sheets."""
    reader = _ParagraphParser()
    reader.feed(page)
    reader.close()
    return reader.paragraphs()


def messages(catalogue: bytes) -> Iterator[str]:
    """Yield the translations of a compiled gettext catalogue (.mo, either byte order)."""
    order = "<" if catalogue[:4] == b"\xde\x12\x04\x95" else ">"
    count, _, table = struct.unpack(order + "3I", catalogue[8:20])
    for number in range(1, count):  # the first entry is the header of the catalogue
        length, start = struct.unpack_from(order + "2I", catalogue, table + 8 * number)
        for form in catalogue[start : start + length].decode("utf-8", "ignore").split("\0"):
            yield from re.sub(r"\(_\w\)|[_~&](?=\w)", "", form).split("\n")


def manual(page: str) -> list[str]:
    """Return the paragraphs of a manual page without examples, tables and macros."""
    lines: list[str] = []
    for line in _CODE.sub("", page).split("\n"):
        if line[:1] in (".", "'"):
            lines.append("" if _LAYOUT_MACRO.match(line) else "\0")
        else:
            lines.append(line)
    for pattern, plain in _ROFF:
        lines = [pattern.sub(plain, line) for line in lines]
    joined = "\n".join(lines)
    return [part.replace("\n", " ") for part in re.split(r"\n\s*\n|\0", joined) if "\\" not in part]


class _ParagraphParser(HTMLParser):
    """Collects the text between block tags; counts the depth within tags that hold no prose."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[str] = []
        self._skip_depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - signature of HTMLParser
        self._skip_depth += tag in _SKIPPED_TAGS
        if tag in _SKIPPED_TAGS | _BLOCK_TAGS:
            self._pieces.append("\0" if tag in _BLOCK_TAGS else "\1")

    def handle_endtag(self, tag: str) -> None:
        self._skip_depth = max(0, self._skip_depth - (tag in _SKIPPED_TAGS))
        if tag in _BLOCK_TAGS:
            self._pieces.append("\0")

    def handle_data(self, data: str) -> None:
        if not self._skip_depth:
            self._pieces.append(data)

    def paragraphs(self) -> list[str]:
        """Return the paragraphs except those that contained code: the rest is no sentence."""
        parts = "".join(self._pieces).split("\0")
        return [part.replace("\n", " ") for part in parts if part.strip() and "\1" not in part]


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
