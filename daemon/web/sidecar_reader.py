"""Reads sidecars for the page and the REST interface; a large one is scanned, not parsed whole.

A sidecar is JSON that `outbox/sidecar.py` writes with one value a line, indented by one space a
level, so the leading spaces of a line give its level. A document of 2 000 pages therefore costs
the memory of its text only.
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

# nothing there, or a link or folder; any other error says nothing about what is there
_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EINVAL)
# the keys written by the daemon itself; all others contain text of the document
_DAEMON_KEYS = ("source", "engine", "processing", "error", "outputs_missing", "warnings")
_PAGE_DAEMON_KEYS = ("error", "warnings")
_LISTS = ("outputs", "warnings")  # at the top level, of objects with scalars
_COUNTED = ("unread", "warnings")  # lists of a page, of which the list of documents has the length
MAX_PARSED_BYTES = 1_000_000  # of a sidecar; parsing takes about eight times its size


@dataclass(frozen=True, slots=True)
class SidecarContent:
    """What the web process needs of a sidecar; `content` is the whole, None if it is too large.

    `warnings` are those on the document as a whole; the counts are those of document and pages.
    """

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
    warnings: tuple[dict[str, Any], ...] = ()
    unread_count: int = 0
    warning_count: int = 0


@dataclass(slots=True)
class _ScannedSidecar:
    """The top level of a sidecar without nested parts, and the scalars of each page.

    A page has the lengths of the lists in `_COUNTED` in their place.
    """

    top: dict[str, Any] = field(default_factory=dict)
    pages: list[dict[str, Any]] = field(default_factory=list)


def read(outbox: Path, name: str) -> SidecarContent | None:
    """Return the sidecar at a path below the outbox; None if there is none, or it is not ours.

    OSError if that cannot be determined.
    """
    try:
        with fs.open_beneath(outbox, name) as file:
            is_large = file.seek(0, 2) > MAX_PARSED_BYTES
            file.seek(0)
            if not is_large:
                content = upgraded(json.load(file))
                return _sidecar_content(content, content["pages"], content)
            scanned = _scan(file)
            return _sidecar_content(scanned.top, scanned.pages, None)
    except OSError as error:
        if error.errno in _ABSENT:
            return None
        raise
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def page(outbox: Path, name: str, number: int) -> dict[str, Any] | None:
    """Return page `number` (from 1) of a sidecar, None if there is no such page."""
    try:
        return next(itertools.islice(pages(outbox, name), number - 1, None), None)
    except (OSError, ValueError):
        return None


def pages(outbox: Path, name: str) -> Iterator[dict[str, Any]]:
    """Return the pages of a sidecar, one in memory at a time; OSError at once if there is none."""
    return _parsed_pages(fs.open_beneath(outbox, name))


def _parsed_pages(file: BinaryIO) -> Iterator[dict[str, Any]]:
    with file:
        for lines in _page_lines(file):
            page = json.loads(b"".join(lines).rstrip().rstrip(b","))
            upgrade_page(page)
            yield page


def without_paths(content: Mapping[str, Any], labels: Mapping[str, str]) -> dict[str, Any]:
    """Return a sidecar whose messages contain no paths of this machine; text stays as it was read.

    `labels` are the words that replace the paths of our folders.
    """
    ours = {key: _hide_paths_in(content[key], labels) for key in _DAEMON_KEYS if key in content}
    pages = [page_without_paths(page, labels) for page in content["pages"]]
    return {**content, **ours, "pages": pages}


def page_without_paths(page: Mapping[str, Any], labels: Mapping[str, str]) -> dict[str, Any]:
    """Return a page of a sidecar whose error and warnings contain no paths of this machine."""
    return {
        key: _hide_paths_in(value, labels) if key in _PAGE_DAEMON_KEYS else value
        for key, value in page.items()
    }


def warnings_without_paths(
    sidecar: SidecarContent | None, labels: Mapping[str, str]
) -> tuple[dict[str, Any], ...]:
    """Return the warnings on a document as a whole without paths of this machine."""
    return tuple(_hide_paths_in(each, labels) for each in sidecar.warnings) if sidecar else ()


def _hide_paths_in(content: Any, labels: Mapping[str, str]) -> Any:  # noqa: ANN401 -- it is JSON
    if isinstance(content, dict):
        return {key: _hide_paths_in(value, labels) for key, value in content.items()}
    if isinstance(content, list):
        return [_hide_paths_in(value, labels) for value in content]
    return hide_paths(content, labels) if isinstance(content, str) else content


def hide_paths(sentence: str, labels: Mapping[str, str]) -> str:
    """Return a sentence with the paths of our folders replaced by their labels."""
    for path, label in labels.items():
        sentence = sentence.replace(path, label)
    return sentence


def mean_confidence(pages: Iterable[Mapping[str, Any]]) -> float | None:
    """Return the mean confidence of the pages, weighted by length of text; None without any."""
    known = [
        (p["confidence"], len(p.get("text") or "") or 1)
        for p in pages
        if p.get("confidence") is not None
    ]
    weight = sum(length for _, length in known)
    return round(math.fsum(c * length for c, length in known) / weight, 4) if known else None


def _sidecar_content(
    top: dict[str, Any], pages: list[dict[str, Any]], content: dict[str, Any] | None
) -> SidecarContent:
    """Return the values of a sidecar; KeyError or TypeError if the JSON is not a sidecar."""
    source, error = top["source"], top.get("error")
    if not isinstance(source, dict):
        raise TypeError("a sidecar names its source")
    return SidecarContent(
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
        warnings=tuple(top.get("warnings", ())),
        unread_count=sum(_length(page, "unread") for page in pages),
        warning_count=len(top.get("warnings", ()))
        + sum(_length(page, "warnings") for page in pages),
    )


def _length(page: Mapping[str, Any], key: str) -> int:
    """Return the length of a list of a page, which is a number where the page was scanned."""
    value = page.get(key, 0)
    return value if isinstance(value, int) else len(value)


def _scan(file: BinaryIO) -> _ScannedSidecar:
    """Read the top level and the scalars of each page, line by line."""
    scanned, part, page_part = _ScannedSidecar(), "", ""
    for line in file:
        level = len(line) - len(line.lstrip(b" "))
        key, _, value = line.strip().rstrip(b",").partition(b": ")
        if level == 1 and key.startswith(b'"'):
            part = json.loads(key)
            scanned.top[part] = _value(value)
        elif level == 2 and line.strip() == b"{":
            (scanned.pages if part == "pages" else scanned.top[part]).append({})
        elif level == 2 and key.startswith(b'"') and value not in (b"{", b"["):
            scanned.top[part][json.loads(key)] = _value(value)
        elif level == 3 and key.startswith(b'"') and part in ("pages", *_LISTS):
            rows = scanned.pages if part == "pages" else scanned.top[part]
            page_part = json.loads(key)
            if value not in (b"{", b"["):
                rows[-1][page_part] = _value(value)
        elif level == 4 and line.strip() == b"{" and part == "pages" and page_part in _COUNTED:
            page = scanned.pages[-1]
            page[page_part] = page.get(page_part, 0) + 1
    return scanned


def _value(raw: bytes) -> Any:  # noqa: ANN401 -- it is JSON
    """Return a value that fits on one line, or an empty one for an object or list that does not."""
    return {b"{": {}, b"[": []}[raw] if raw in (b"{", b"[") else json.loads(raw)


def _page_lines(file: BinaryIO) -> Iterator[list[bytes]]:
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
