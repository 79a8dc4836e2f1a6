"""Lines that a person corrected: kept beside the results, which stay as they were read.

`<outbox>/.ocr-daemon/corrections/<sha256 of the original>.jsonl` has one correction a line and is
only ever appended to: the last one of a place counts, one without a text withdraws those before it.
A line that a power cut has torn is ignored. The file is named for the content of the original, so
that a correction also applies when the same file is read again, by another model or under another
name; it is then found by its place on the page.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from threading import Lock
from typing import Any

from daemon.core import fs
from daemon.inbox.scan import WORK_FOLDER

FOLDER = f"{WORK_FOLDER}/corrections"  # of the outbox; its readers ignore names with a dot
ENDING = ".jsonl"
MAX_TEXT_CHARACTERS = 2000
_MIN_OVERLAP = 0.5  # intersection over union of two boxes that are one line, read twice


@dataclass(frozen=True, slots=True)
class Correction:
    """The text of a line on page `page` (from 1), None if the correction was withdrawn.

    `box` is left, top, right, bottom on a page of `width` x `height` pixels as a viewer shows it,
    `read` the text as it was read by `model`; `direction`, `orientation` and `skew` are those of
    the line and of its page. `corrected_at` is UTC in RFC 3339.
    """

    page: int
    box: tuple[int, int, int, int]
    width: int
    height: int
    direction: str
    orientation: int
    skew: float
    read: str
    text: str | None
    model: str
    corrected_at: str

    @property
    def place(self) -> tuple[int, tuple[int, int, int, int]]:
        """Page and box: a later correction of the same place replaces this one."""
        return self.page, self.box


class CorrectionStore:
    """The corrections below one outbox; every method may be called from any thread."""

    def __init__(self, outbox: Path) -> None:
        self._outbox = outbox
        self._lock = Lock()

    def of(self, sha256: str) -> tuple[Correction, ...]:
        """Return the corrections of a file that count, in the order of pages and places.

        OSError if they exist and cannot be read.
        """
        try:
            with fs.open_beneath(self._outbox, _name(sha256)) as file:
                recorded = [each for line in file if (each := _parsed(line))]
        except (FileNotFoundError, NotADirectoryError):
            return ()
        last = {each.place: each for each in recorded}
        return tuple(last[place] for place in sorted(last) if last[place].text is not None)

    def documents(self) -> list[str]:
        """Return the SHA-256 of each file with corrections."""
        try:
            names = [path.name for path in (self._outbox / FOLDER).iterdir()]
        except OSError:
            return []
        digests = (name.removesuffix(ENDING) for name in sorted(names) if name.endswith(ENDING))
        return [each for each in digests if _is_digest(each)]

    def add(self, sha256: str, corrections: Sequence[Correction]) -> None:
        """Append corrections durably, all of them or none; OSError if that is not possible."""
        lines = (json.dumps(asdict(each), ensure_ascii=False) for each in corrections)
        content = "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")
        path = self._outbox / _name(sha256)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        with self._lock:
            fs.make_folder(path.parent, self._outbox)
            with os.fdopen(os.open(path, flags, 0o666), "ab+", buffering=0) as file:
                end = file.seek(0, os.SEEK_END)
                is_torn = end > 0 and os.pread(file.fileno(), 1, end - 1) != b"\n"
                try:
                    _write_all(file.fileno(), b"\n" * is_torn + content)
                    os.fsync(file.fileno())
                except OSError:
                    os.ftruncate(file.fileno(), end)
                    raise
            fs.fsync_folder(path.parent)

    def forget(self, sha256: str) -> None:
        """Remove the corrections of a file; OSError if that is not possible."""
        with self._lock:
            (self._outbox / _name(sha256)).unlink(missing_ok=True)


def lines_of(page: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return each line of a page of a sidecar with its key: the numbers of block and line."""
    for place, block in enumerate(page["blocks"]):
        for index, line in enumerate(block["lines"]):
            yield f"{place}-{index}", line


def by_line(page: Mapping[str, Any], corrections: Iterable[Correction]) -> dict[str, Correction]:
    """Return the corrections of a page by the key of the line that is at their place now."""
    found: dict[str, Correction] = {}
    lines = list(lines_of(page))
    for correction in corrections:
        if correction.page != page["number"]:
            continue
        box = _scaled(correction, page)
        overlap, key = max(
            ((_overlap(box, line["box"]), key) for key, line in lines), default=(0.0, "")
        )
        if overlap >= _MIN_OVERLAP:
            found[key] = correction
    return found


def corrected_text(page: Mapping[str, Any], corrections: Mapping[str, Correction]) -> str:
    """Return the text of a page with the text of its corrected lines in place of what was read.

    `corrections` are those of `by_line`.
    """
    text, at, parts = page["text"], 0, list[str]()
    for key, line in lines_of(page):
        found = text.find(line["text"], at)
        if found < 0:
            continue  # spelt differently in the text of the page: it stays as it was read
        end = found + len(line["text"])
        correction = corrections.get(key)
        parts += [text[at:found], text[found:end] if correction is None else correction.text or ""]
        at = end
    return "".join([*parts, text[at:]])


def _name(sha256: str) -> str:
    if not _is_digest(sha256):
        raise ValueError(f"no SHA-256: {sha256!r}")
    return f"{FOLDER}/{sha256}{ENDING}"


def _is_digest(text: str) -> bool:
    return len(text) == 64 and text.isascii() and text.isalnum()


def _parsed(line: bytes) -> Correction | None:
    """Return the correction of a line, None for a line that is torn or not ours."""
    try:
        values = json.loads(line)
        known = {field.name: values[field.name] for field in fields(Correction)}
        left, top, right, bottom = map(int, known["box"])
        return Correction(**known | {"box": (left, top, right, bottom)})
    except (ValueError, KeyError, TypeError):
        return None


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]


def _scaled(correction: Correction, page: Mapping[str, Any]) -> tuple[float, float, float, float]:
    """Return the box of a correction in pixels of a page that may be of another size now."""
    across = page["width"] / max(1, correction.width)
    down = page["height"] / max(1, correction.height)
    left, top, right, bottom = correction.box
    return left * across, top * down, right * across, bottom * down


def _overlap(a: Sequence[float], b: Sequence[float]) -> float:
    """Return the intersection of two boxes over their union."""
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    both = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - width * height
    return width * height / both if both > 0 else 0.0
