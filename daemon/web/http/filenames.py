"""File names made safe to display, to store and to send in a header."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

MAX_STEM_BYTES = 180  # of an uploaded name that are kept: with a number and the endings of
# outputs the name of each file stays below 255 bytes
MAX_EXTENSION_CHARACTERS = 8

_UNSAFE = re.compile(r'[\\/:*?"<>|]')
_ESCAPED = {"%22": '"', "%0D": "\r", "%0A": "\n"}  # by browsers, in the names of a form
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}  # Unicode categories
_BIDI_CONTROLS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
_MARKS = "\u061c\u200e\u200f\u2028\u2029"


def visible_name(name: str) -> str:
    """Return a file name for display: control characters and characters that change the direction
    of the text are replaced by U+FFFD.
    """
    return "".join(_visible(character) for character in name)


def _visible(character: str) -> str:
    is_invisible = unicodedata.category(character) in ("Cc", "Cs") or character in _MARKS
    is_bidi_control = unicodedata.bidirectional(character) in _BIDI_CONTROLS
    return "\ufffd" if is_invisible or is_bidi_control else character


def safe_name(name: str, extension: str, ignored: re.Pattern[str]) -> str:
    """Return a name that is harmless on disk, in a terminal and in a header.

    `extension` is appended to a name without one. A name that matches `ignored` is replaced, since
    the daemon would never claim the file.
    """
    for escaped, character in _ESCAPED.items():
        name = name.replace(escaped, character)
    last = re.split(r"[\\/]", unicodedata.normalize("NFC", name))[-1]
    visible = "".join(c for c in last if unicodedata.category(c) not in _INVISIBLE)
    plain = _UNSAFE.sub("_", visible).strip(" .~$-#@")
    stem, dot, tail = plain.rpartition(".")
    if not dot or len(tail) > MAX_EXTENSION_CHARACTERS or not (tail.isascii() and tail.isalnum()):
        stem, tail = plain, extension.removeprefix(".")
    cut = stem.encode()[:MAX_STEM_BYTES].decode(errors="ignore")
    safe = f"{cut.strip() or 'upload'}.{tail}"
    return safe if not ignored.match(safe) else f"upload{extension}"


def content_disposition(name: str, disposition: str) -> dict[str, str]:
    """Return the Content-Disposition header for a file name (RFC 6266).

    No name can end the header, start another one or change the direction of the text.
    """
    name = visible_name(name)
    plain = "".join(
        c if c.isascii() and c.isprintable() and c not in '"\\;%' else "_"
        for c in unicodedata.normalize("NFKD", name)
    )
    encoded = quote(name.encode("utf-8", "replace"), safe="")
    value = f"{disposition}; filename=\"{plain}\"; filename*=UTF-8''{encoded}"
    return {"Content-Disposition": value}
