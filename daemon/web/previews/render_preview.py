"""Renders one page of an untrusted file, in a sandboxed process of its own.

`render_preview` starts `python -m daemon.web.previews.render_preview`.
"""

from __future__ import annotations

import contextlib
import pickle
import resource
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.core import private
from daemon.core.errors import Deferred, Rejected
from daemon.engine.isolated import run_isolated

if TYPE_CHECKING:
    from daemon.core.options import Limits, Rendering

MAX_MEMORY_BYTES = 3_000_000_000  # of address space for rendering a page
QUALITY = 85  # of the JPEG: small print stays sharp


@dataclass(frozen=True, slots=True)
class PreviewRequest:
    """Page `number` (from 1) of the file `path`, to be written as a JPEG to `draft`.

    The longer side has at most `max_side` pixels. In a sandbox the process can open this file,
    write in that folder, and do nothing else.
    """

    path: Path
    number: int
    limits: Limits
    rendering: Rendering
    draft: Path
    max_side: int
    in_sandbox: bool = True


def render_preview(request: PreviewRequest) -> str | None:
    """Render within the time limit of a page; return None, or a sentence on what failed."""
    seconds = request.limits.page_seconds
    try:
        code, message = run_isolated("daemon.web.previews.render_preview", request, seconds)
    except TimeoutError:
        return f"the page could not be rendered within {seconds:.0f} s"
    if not code:
        return None
    is_ours = code == 1 and message and "Error" not in message
    return message if is_ours else "the page could not be rendered"


def _render_here(request: PreviewRequest) -> None:
    import cv2

    from daemon.engine import sandbox
    from daemon.ocr import pages

    with contextlib.suppress(OSError, ValueError):  # a lower limit is already in force
        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    if request.in_sandbox:
        sandbox.enter([request.path], [request.draft.parent])
    rendering = replace(request.rendering, text_layer="never")
    with pages.open_document(request.path, request.limits, rendering) as source:
        if not 1 <= request.number <= source.page_count:
            raise Rejected("no_page", f"the document has {source.page_count} pages")
        image = source.page(request.number).image
    scale = min(1.0, request.max_side / max(image.shape))
    if scale < 1:
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    _, content = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, QUALITY))
    private.create_file(request.draft)
    request.draft.write_bytes(content.tobytes())


if __name__ == "__main__":
    try:
        _render_here(pickle.load(sys.stdin.buffer))  # noqa: S301  # from our own parent
    except (Rejected, Deferred) as error:
        sys.exit(str(error))
