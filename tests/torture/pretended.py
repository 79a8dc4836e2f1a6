"""The daemon as it is, with a reading that is pretended: a text file's lines are its "pages".

    python -m tests.torture.program run --config config.yaml

Wiring, claims, ledger, outbox, worker processes and their failpoints are the real ones; only what a
worker loads and renders is replaced (`worker._load`, `worker._render_output`), in the fork server
that all workers come from. So a daemon starts in about a second and reads a page in no time.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from daemon.core import failpoints
from daemon.core.errors import Rejected
from daemon.core.records import PageCount, PagesRead, PageText, Stamp
from daemon.core.tasks import RenderTask
from daemon.engine import worker

BROKEN = b"broken"


class Pipeline:
    """Reads a page a line; a file that begins with `broken` cannot be read."""

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
        return PagesRead("image/png", len(lines), tuple(read), {"decode": 0.0}, None)

    def _lines(self, path: Path) -> list[str]:
        content = path.read_bytes()
        if content.startswith(BROKEN):
            raise Rejected("corrupt", "it says so")
        return content.decode().splitlines()

    def _page(self, number: int, text: str) -> PageText:
        failpoints.reach("worker.page", str(number))
        return PageText(
            number=number, width=100, height=20, dpi=None, rotation=0, skew=0.0, text_source="ocr",
            status="done", text=text, confidence=1.0, blocks=(),
        )  # fmt: skip


def content(*pages: str) -> bytes:
    """Return a file that is read as these pages."""
    return "\n".join(pages).encode()


def _load(*_: Any) -> Pipeline:
    return Pipeline()


def _render_output(task: RenderTask) -> None:
    """Write something as the output."""
    task.target.write_bytes(b"made of " + task.path.read_bytes())


# the fork server imports this module before it forks a worker: that is what `preloaded` names
worker._load = _load  # type: ignore[assignment]
worker._render_output = _render_output  # type: ignore[assignment]
worker.preloaded = lambda recipe: [__name__]  # type: ignore[assignment]
