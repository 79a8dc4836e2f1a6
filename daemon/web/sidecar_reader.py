"""Answers as the page and REST need them; a large one is skimmed and never held whole.

A sidecar is JSON that `outbox/sidecar.py` writes one value a line, indented by a space for each
level: a line tells by its first spaces where it stands. So a document of 2 000 pages costs the
memory of its text.
"""

from __future__ import annotations

import errno
import itertools
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from daemon.core import fs
from daemon.outbox.reader import upgrade_page, upgraded

# there is none, or a link or folder in its place; any other error is no word on what is there
_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EINVAL)
_OURS = ("source", "engine", "processing", "error", "outputs_missing")  # no text of a document
HELD_BYTES = 1_000_000  # of an answer that is parsed whole; that takes some eight times as much


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of an answer; `content` is the whole of it, None where it is too large."""

    claim: str
    status: str
    pages: int
    confidence: float | None
    text: str
    finished_at: str | None
    error: str | None
    error_class: str | None
    outputs: tuple[dict[str, Any], ...]
    content: dict[str, Any] | None


@dataclass(slots=True)
class _Skimmed:
    """The top of an answer: its scalars and flat parts, and of each page what a list shows."""

    top: dict[str, Any] = field(default_factory=dict)
    pages: list[dict[str, Any]] = field(default_factory=list)


def read(outbox: Path, place: str) -> Answer | None:
    """Return the answer at `place`; None where there is none, or it is no answer of ours.

    An OSError where that cannot be told.
    """
    try:
        with fs.open_beneath(outbox, place) as file:
            is_large = file.seek(0, 2) > HELD_BYTES
            file.seek(0)
            if not is_large:
                content = upgraded(json.load(file))
                return _answer(content, content["pages"], content)
            skimmed = _skim(file)
            return _answer(skimmed.top, skimmed.pages, None)
    except OSError as error:
        if error.errno in _ABSENT:
            return None
        raise
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def page(outbox: Path, place: str, number: int) -> dict[str, Any] | None:
    """Return one page of an answer as the sidecar has it, None where there is no such page."""
    try:
        return next(itertools.islice(pages(outbox, place), number - 1, None), None)
    except (OSError, ValueError):
        return None


def pages(outbox: Path, place: str) -> Iterator[dict[str, Any]]:
    """Return the pages of an answer, one held at a time; OSError, at once, where there is none."""
    return _each(fs.open_beneath(outbox, place))


def _each(file: BinaryIO) -> Iterator[dict[str, Any]]:
    with file:
        for lines in _pages(file):
            page = json.loads(b"".join(lines).rstrip().rstrip(b","))
            upgrade_page(page)
            yield page


def disarmed(content: Mapping[str, Any], places: Mapping[str, str]) -> dict[str, Any]:
    """Return an answer with folders of this machine named for what they are where it is ours to
    say; what was read is left as it is.
    """
    shown = {key: _without(content[key], places) for key in _OURS if key in content}
    pages = [disarmed_page(page, places) for page in content["pages"]]
    return {**content, **shown, "pages": pages}


def disarmed_page(page: Mapping[str, Any], places: Mapping[str, str]) -> dict[str, Any]:
    """Return a page of an answer in the same way."""
    return {
        key: _without(value, places) if key == "error" else value for key, value in page.items()
    }


def _without(content: Any, places: Mapping[str, str]) -> Any:  # noqa: ANN401 -- it is JSON
    if isinstance(content, dict):
        return {key: _without(value, places) for key, value in content.items()}
    if isinstance(content, list):
        return [_without(value, places) for value in content]
    return without_places(content, places) if isinstance(content, str) else content


def without_places(sentence: str, places: Mapping[str, str]) -> str:
    """Return a sentence with the paths of our folders replaced by what the folders are."""
    for path, name in places.items():
        sentence = sentence.replace(path, name)
    return sentence


def mean_confidence(pages: Iterable[Mapping[str, Any]]) -> float | None:
    """Return the mean of the pages' confidences, weighted by their text; None without any."""
    known = [
        (p["confidence"], len(p.get("text") or "") or 1)
        for p in pages
        if p.get("confidence") is not None
    ]
    weight = sum(length for _, length in known)
    return round(math.fsum(c * length for c, length in known) / weight, 4) if known else None


def _answer(
    top: dict[str, Any], pages: list[dict[str, Any]], content: dict[str, Any] | None
) -> Answer:
    """Return what a list shows of an answer; KeyError or TypeError for what is none of ours."""
    source, error = top["source"], top.get("error")
    if not isinstance(source, dict):
        raise TypeError("an answer says to what it is one")
    return Answer(
        claim=top["processing"]["claim"],
        status=top["status"],
        pages=len(pages),
        confidence=mean_confidence(pages),
        text=top["text"],
        finished_at=top["processing"].get("finished_at"),
        error=error["message"] if error else None,
        error_class=error["class"] if error else None,
        outputs=tuple(top.get("outputs", ())),
        content=content,
    )


def _skim(file: BinaryIO) -> _Skimmed:
    """Read line by line what stands at the top and at the head of each page."""
    found, part = _Skimmed(), ""
    for line in file:
        level = len(line) - len(line.lstrip(b" "))
        key, _, value = line.strip().rstrip(b",").partition(b": ")
        if level == 1 and key.startswith(b'"'):
            part = json.loads(key)
            found.top[part] = _value(value)
        elif level == 2 and line.strip() == b"{":
            (found.pages if part == "pages" else found.top[part]).append({})
        elif level == 2 and key.startswith(b'"') and value not in (b"{", b"["):
            found.top[part][json.loads(key)] = _value(value)
        elif level == 3 and key.startswith(b'"') and part in ("pages", "outputs"):
            rows = found.pages if part == "pages" else found.top[part]
            if value not in (b"{", b"["):
                rows[-1][json.loads(key)] = _value(value)
    return found


def _value(raw: bytes) -> Any:  # noqa: ANN401 -- it is JSON
    """Return a value that stands on one line, or the beginning of one that does not."""
    return {b"{": {}, b"[": []}[raw] if raw in (b"{", b"[") else json.loads(raw)


def _pages(file: BinaryIO) -> Iterator[list[bytes]]:
    """Return the lines of each page."""
    lines: list[bytes] = []
    is_within = False
    for line in file:
        if line.startswith(b' "'):
            is_within = line.startswith(b' "pages"')
        elif is_within and line.startswith((b"  {", b"   ")):
            lines.append(line)
        elif is_within and line.startswith(b"  }"):
            yield [*lines, line]
            lines = []
