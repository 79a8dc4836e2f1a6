"""Draws what was read of a document, in a process of its own: decoders never run beside `once`.

`draw` is asked for it by whoever has read; `python -m daemon.cli.draw` does it.
"""

from __future__ import annotations

import pickle
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from daemon.core.errors import Deferred, Rejected
from daemon.engine.isolated import run_isolated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from daemon.core.options import Limits, Rendering
    from daemon.core.records import PageText


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is to be drawn: the pages read of `path`, as `<pictures>.<page>.png`.

    In a sandbox the process can open that file, and write pictures, and no more.
    """

    path: Path
    pages: tuple[PageText, ...]
    limits: Limits
    rendering: Rendering
    pictures: Path
    in_sandbox: bool = True


def draw(drawing: Drawing) -> str | None:
    """Draw it within the time that reading may take; return None, or a sentence on what failed."""
    seconds = drawing.limits.page_seconds * len(drawing.pages)
    try:
        code, said = run_isolated("daemon.cli.draw", drawing, seconds)
    except TimeoutError:
        return f"it could not be drawn within {seconds:.0f} s"
    return (said or f"drawing it ended with {code}") if code else None


def _draw_here(drawing: Drawing) -> None:
    from daemon.engine import sandbox
    from daemon.ocr import pages
    from daemon.ocr.render import overlay

    _make_folder(drawing)
    if drawing.in_sandbox:
        sandbox.enter([drawing.path], [drawing.pictures.parent])
    rendered = replace(drawing.rendering, text_layer="never")
    with pages.open_document(drawing.path, drawing.limits, rendered) as source:
        for text in drawing.pages:
            _save(drawing, text.number, overlay.png(source.page(text.number), text))


def _make_folder(drawing: Drawing) -> None:
    with _told(_picture(drawing, drawing.pages[0].number)):
        drawing.pictures.parent.mkdir(parents=True, exist_ok=True)


def _save(drawing: Drawing, number: int, content: bytes) -> None:
    path = _picture(drawing, number)
    with _told(path):
        path.write_bytes(content)


def _picture(drawing: Drawing, number: int) -> Path:
    return drawing.pictures.with_name(f"{drawing.pictures.name}.{number}.png")


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Deferred(f"{path} cannot be written: {error.strerror}") from error


if __name__ == "__main__":
    try:
        _draw_here(pickle.load(sys.stdin.buffer))  # noqa: S301  # from our own parent
    except (Rejected, Deferred) as error:
        sys.exit(str(error))
