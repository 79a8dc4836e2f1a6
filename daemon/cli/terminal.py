"""The progress bar of a command, and what is printed while it is there.

The bar is drawn on standard error, if that is a terminal. Whatever is printed or logged meanwhile
appears above it.
"""

from __future__ import annotations

import contextlib
import io
import sys
import threading
import time
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from daemon.core import logs

MAX_NAME = 30  # characters of the name of a file in the bar


class FileProgress:
    """The bar: the name and pages of the file in progress, the files read, pages a second."""

    def __init__(self, files: int, *, quiet: bool = False) -> None:
        self._began = time.monotonic()
        self._pages = 0
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[pages]} pages, {task.fields[rate]:.1f} pages/s"),
            TimeRemainingColumn(),
            console=Console(file=sys.stderr),  # as it is now, without `_AboveBar`
            disable=quiet or not sys.stderr.isatty(),
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._bar.add_task("starting", total=files, pages=0, rate=0.0)

    @contextlib.contextmanager
    def shown(self) -> Iterator[None]:
        """Show the bar until the block ends; what is printed meanwhile appears above it."""
        if self._bar.disable:
            yield
            return
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._bar)
            above = _AboveBar(self._bar.console)
            stack.enter_context(contextlib.redirect_stderr(above))
            stack.enter_context(logs.written_to(above))
            if sys.stdout.isatty():
                stack.enter_context(contextlib.redirect_stdout(above))
            yield

    def show(self, name: str, pages_read: int, page_count: int) -> None:
        """Show which file is in progress."""
        name = shortened(logs.escape_controls(name), MAX_NAME)
        pages = f" ({pages_read} of {page_count} pages)" if page_count > 1 else ""
        self._bar.update(self._task, description=f"{name}{pages}")

    def advance(self, pages: int) -> None:
        """Count a file that was read, and its pages."""
        self._pages += pages
        rate = self._pages / max(1e-9, time.monotonic() - self._began)
        self._bar.update(self._task, advance=1, pages=self._pages, rate=rate)


def shortened(name: str, longest: int) -> str:
    """Return a name of at most so many characters, with its beginning and its end."""
    if len(name) <= longest:
        return name
    end = longest // 2
    return f"{name[: longest - end - 1]}…{name[-end:]}"


class _AboveBar(io.StringIO):
    """Prints whole lines above the bar of a console; a line is never broken in two."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rest = ""
        self._writing = threading.Lock()

    def isatty(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        with self._writing:
            *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._console.print(Text.from_ansi(line), soft_wrap=True)
        return len(text)
