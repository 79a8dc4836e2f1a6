"""The real daemon with simulated OCR: the lines of a text file are its "pages".

A page that begins with `faded` has an unread region, and a warning; the file then has one as well.
A page that begins with `ruled` has a table.
A page `SEPARATOR` has a code with that text.

    python -m tests.torture.program run --config config.yaml

Wiring, claims, ledger, outbox, worker processes and their failpoints are the real ones; only what a
worker loads and renders is replaced (pretended_worker.py). So a daemon starts in about a second and
reads a page in no time.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from daemon.core import failpoints
from daemon.core.errors import Rejected
from daemon.core.records import (
    Block,
    Box,
    Cell,
    Code,
    DocumentWarning,
    PageCount,
    PagesRead,
    PageText,
    Stamp,
    Table,
    TextLine,
    UnreadRegion,
    Word,
)
from daemon.core.tasks import RenderTask

BROKEN = b"broken"
FADED = "faded"
RULED = "ruled"
SEPARATOR = "SEPARATOR"
SHEET = Code(SEPARATOR, "Code 128", Box(10, 5, 60, 15))
UNREAD = UnreadRegion(Box(10, 5, 60, 15), "too_small")
ON_PAGE = DocumentWarning("renderer_message", "an image of this page could not be decoded")
ON_DOCUMENT = DocumentWarning(
    "attachments_not_read", "2 files are attached to it and were not read"
)


class Pipeline:
    """Reads a line as a page; a file that begins with `broken` cannot be read."""

    recognizer = SimpleNamespace(name="pretended", precision="none")

    def with_recipe(self, recipe: object) -> Pipeline:
        """Return itself: it reads in one way."""
        del recipe
        return self

    def count_pages(self, path: Path, stamp: Stamp) -> PageCount:
        """Return the number of lines of the file."""
        del stamp
        return PageCount("image/png", len(self._lines(path)), {"decode": 0.0})

    def read_pages(self, path: Path, first: int, last: int, stamp: Stamp) -> PagesRead:
        """Return lines `first` to `last` (1-based, inclusive) of the file as pages."""
        del stamp
        lines = self._lines(path)
        read = [self._page(n, lines[n - 1]) for n in range(first, min(last, len(lines)) + 1)]
        warnings = (ON_DOCUMENT,) if any(line.startswith(FADED) for line in lines) else ()
        return PagesRead("image/png", len(lines), tuple(read), {"decode": 0.0}, None, warnings)

    def _lines(self, path: Path) -> list[str]:
        content = path.read_bytes()
        if content.startswith(BROKEN):
            raise Rejected("corrupt", "the file begins with broken")
        return content.decode().splitlines()

    def _page(self, number: int, text: str) -> PageText:
        failpoints.reach("worker.page", str(number))
        return PageText(
            number=number, width=100, height=20, dpi=None, rotation=0, skew=0.0, text_source="ocr",
            status="done", text=text, confidence=1.0,
            blocks=(_table(text),) if text.startswith(RULED) else (),
            unread=(UNREAD,) if text.startswith(FADED) else (),
            warnings=(ON_PAGE,) if text.startswith(FADED) else (),
            codes=(SHEET,) if text == SEPARATOR else None,
        )  # fmt: skip


def _table(text: str) -> Block:
    """Return a table of one cell."""
    box = Box(0, 0, 100, 20)
    line = TextLine(text, 1.0, box, (Word(text, 1.0, box),))
    return Block((line,), "table", Table(1, 1, (Cell(0, 0, 1, 1, box, (0,), text),)))


def content(*pages: str) -> bytes:
    """Return a file with these pages."""
    return "\n".join(pages).encode()


def load(*_: Any) -> Pipeline:
    """Return the pretended pipeline, whatever the recipe."""
    return Pipeline()


def render_output(task: RenderTask) -> None:
    """Write a placeholder as the output."""
    task.target.write_bytes(b"made of " + task.path.read_bytes())
