"""Names of outputs from the content of a document: templates such as `{date:%Y} {invoice} {stem}`.

A template names fields of the config, and what every document has (`BUILT_IN`). A value that a
document lacks is left out with the separator before it, or replaced: `{sender|unknown}`.
"""

from __future__ import annotations

import datetime
import difflib
import re
import string
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

BUILT_IN: Final = ("stem", "page_count", "first_heading", "barcode")
EMPTY_FOLDER: Final = "unsorted"  # in place of a folder of which nothing is known
MAX_FOLDERS: Final = 8
_MAX_NAME_BYTES: Final = 150  # with a number and any ending, a file name stays below 255
_SEPARATORS: Final = " -_.,"
_SPEC: Final = re.compile(r"(?:%[YmdybB]|[ _.-])+")
_UNSAFE: Final = re.compile(r'[\\/:*?"<>|\s]+')
_RESERVED: Final = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})  # Unicode categories


@dataclass(frozen=True, slots=True)
class TemplatePart:
    """Text of a template, then the name of a value; None at the end of the template."""

    literal: str
    name: str | None = None
    default: str = ""
    spec: str = ""


def parse(template: str) -> list[TemplatePart]:
    """Return the parts of a template; ValueError with a sentence where it is none."""
    parts = []
    for literal, field, spec, conversion in string.Formatter().parse(template):
        if field is None:
            parts.append(TemplatePart(literal))
            continue
        name, _, default = field.partition("|")
        if conversion or not name.isidentifier():
            raise ValueError(f"{{{field}}} is no name of a value")
        if spec and not _SPEC.fullmatch(spec):
            raise ValueError(f"{spec} is no form of a date; %Y %y %m %d %b %B are known")
        parts.append(TemplatePart(literal, name, default, spec or ""))
    return parts


def problems(template: str, names: Collection[str], dates: Collection[str]) -> Iterator[str]:
    """Yield what is wrong with a template; `names` are those of the fields, `dates` of dates."""
    try:
        parts = parse(template)
    except ValueError as error:
        yield f"is no template: {error}; write for example {{date}} {{stem}}"
        return
    known = sorted({*BUILT_IN, *names})
    for part in parts:
        if part.name is not None and part.name not in known:
            near = difflib.get_close_matches(part.name, known, n=1)
            meant = f"did you mean {{{near[0]}}}?" if near else f"known are {', '.join(known)}"
            yield f"has the unknown name {{{part.name}}}; define it in fields, or {meant}"
        elif part.spec and part.name not in dates:
            yield f"has {{{part.name}:{part.spec}}}, which is no date; remove {part.spec}"


def folder_problems(template: str) -> Iterator[str]:
    """Yield what is wrong with a template of folders beside its values."""
    parts = template.split("/")
    if len(parts) > MAX_FOLDERS:
        yield f"has {len(parts)} folders; {MAX_FOLDERS} are allowed"
    if any(part.strip() in ("", ".", "..") for part in parts):
        yield "must be a relative path without empty parts, . and .."


def base_name(name: str | None, folder: str | None, values: Mapping[str, str], usual: str) -> str:
    """Return the path of the outputs of a document without their endings, relative.

    `usual` is their name without a template. Each part is safe as the name of a file.
    """
    parts = [
        safe(filled(part, values)) or EMPTY_FOLDER for part in (folder.split("/") if folder else ())
    ]
    stem = safe(filled(name, values)) if name else usual
    return "/".join([*parts, stem or safe(values.get("stem", "")) or "document"])


def filled(template: str, values: Mapping[str, str]) -> str:
    """Return a template with its values; one that is missing goes with the separator before it."""
    text, is_dropped = "", False
    for part in parse(template):
        literal = part.literal
        if is_dropped and not text:
            literal = literal.lstrip(_SEPARATORS)
        value = "" if part.name is None else _shown(values.get(part.name, ""), part)
        is_missing = part.name is not None and not value
        if not (is_missing and not literal.strip(_SEPARATORS)):
            text += literal + value
        is_dropped = is_dropped or is_missing
    return text


def _shown(value: str, part: TemplatePart) -> str:
    if value and part.spec:
        try:
            return datetime.date.fromisoformat(value).strftime(part.spec)
        except ValueError:  # no date: a worker that was taken over
            return part.default
    return value or part.default


def safe(text: str) -> str:
    """Return a text as the name of a file or folder on any system, empty where nothing is left.

    NFC, without separators of paths, invisible characters and dots at its ends, cut to 150 bytes.
    """
    text = unicodedata.normalize("NFC", text)
    text = "".join(" " if unicodedata.category(each) in _INVISIBLE else each for each in text)
    text = _UNSAFE.sub(lambda found: " " if found[0].isspace() else "-", text)
    text = text.strip(" .~")
    while len(text.encode()) > _MAX_NAME_BYTES:
        text = text[:-1]
    text = text.strip(" .")
    return f"{text}_" if _RESERVED.fullmatch(text) else text
