"""Draws boxes, doubtful words and unread regions on pictures of pages (`once --look`).

Decoders never run in the process of `once`: `draw` starts `python -m daemon.cli.draw`.
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
class DrawRequest:
    """A request to draw the pages read of `path` as `<pictures>.<page>.png`.

    In a sandbox the process can only open that file and write the pictures.
    """

    path: Path
    pages: tuple[PageText, ...]
    limits: Limits
    rendering: Rendering
    pictures: Path
    in_sandbox: bool = True


def draw(request: DrawRequest) -> str | None:
    """Draw within the time that reading may take; return None, or why it failed."""
    seconds = request.limits.page_seconds * len(request.pages)
    try:
        code, message = run_isolated("daemon.cli.draw", request, seconds)
    except TimeoutError:
        return f"it could not be drawn within {seconds:.0f} s"
    return (message or f"drawing it ended with {code}") if code else None


def _draw(request: DrawRequest) -> None:
    from daemon.engine import sandbox
    from daemon.ocr import pages
    from daemon.ocr.render import overlay

    _make_folder(request)
    if request.in_sandbox:
        sandbox.enter([request.path], [request.pictures.parent])
    rendered = replace(request.rendering, text_layer="never")
    with pages.open_document(request.path, request.limits, rendered) as source:
        for text in request.pages:
            _save(request, text.number, overlay.png(source.page(text.number), text))


def _make_folder(request: DrawRequest) -> None:
    with _translated_errors(_picture(request, request.pages[0].number)):
        request.pictures.parent.mkdir(parents=True, exist_ok=True)


def _save(request: DrawRequest, number: int, content: bytes) -> None:
    path = _picture(request, number)
    with _translated_errors(path):
        path.write_bytes(content)


def _picture(request: DrawRequest, number: int) -> Path:
    return request.pictures.with_name(f"{request.pictures.name}.{number}.png")


@contextmanager
def _translated_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Deferred(f"{path} cannot be written: {error.strerror}") from error


if __name__ == "__main__":
    try:
        _draw(pickle.load(sys.stdin.buffer))  # noqa: S301  # from our own parent
    except (Rejected, Deferred) as error:
        sys.exit(str(error))
