"""Draws one page of a stranger's file, in a process of its own that can do nothing else.

`paint` is asked for it; `python -m daemon.web.previews.render_preview` does it.
"""

from __future__ import annotations

import contextlib
import pickle
import resource
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.core.errors import Deferred, Rejected
from daemon.engine.isolated import run_isolated

if TYPE_CHECKING:
    from daemon.core.options import Limits, Rendering

MOST_MEMORY = 3_000_000_000  # bytes of address space that drawing a page may take
QUALITY = 85  # of a JPEG: small print stays sharp


@dataclass(frozen=True, slots=True)
class Painting:
    """Page `number` of the file `path`, as a JPEG `picture` whose longer side has `side` pixels
    at most. In a sandbox the process can open that file, write in that folder, and no more.
    """

    path: Path
    number: int
    limits: Limits
    rendering: Rendering
    picture: Path
    side: int
    in_sandbox: bool = True


def paint(painting: Painting) -> str | None:
    """Paint it within the time that reading a page may take; None, or a sentence on what failed."""
    seconds = painting.limits.page_seconds
    try:
        code, said = run_isolated("daemon.web.previews.render_preview", painting, seconds)
    except TimeoutError:
        return f"the page could not be drawn within {seconds:.0f} s"
    if not code:
        return None
    is_ours = code == 1 and said and "Error" not in said
    return said if is_ours else "the page could not be drawn"


def _paint_here(painting: Painting) -> None:
    import cv2

    from daemon.engine import sandbox
    from daemon.ocr import pages

    with contextlib.suppress(OSError, ValueError):  # a lower limit holds already
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    if painting.in_sandbox:
        sandbox.enter([painting.path], [painting.picture.parent])
    rendered = replace(painting.rendering, text_layer="never")
    with pages.open_document(painting.path, painting.limits, rendered) as source:
        if not 1 <= painting.number <= source.page_count:
            raise Rejected("no_page", f"the document has {source.page_count} pages")
        image = source.page(painting.number).image
    share = min(1.0, painting.side / max(image.shape))
    if share < 1:
        image = cv2.resize(image, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    _, content = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, QUALITY))
    painting.picture.write_bytes(content.tobytes())


if __name__ == "__main__":
    try:
        _paint_here(pickle.load(sys.stdin.buffer))  # noqa: S301  # from our own parent
    except (Rejected, Deferred) as error:
        sys.exit(str(error))
