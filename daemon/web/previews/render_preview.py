"""Renders one page of an untrusted file as a JPEG, in a sandboxed process of its own.

`render_preview` starts `python -m daemon.web.previews.render_preview`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemon.core import private
from daemon.web.previews import isolated_page
from daemon.web.previews.isolated_page import PageRequest

if TYPE_CHECKING:
    from daemon.core.records import Pixels

QUALITY = 85  # of the JPEG: small print stays sharp


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewRequest(PageRequest):
    """A page to be written as a JPEG whose longer side has at most `max_side` pixels."""

    max_side: int


def render_preview(request: PreviewRequest) -> str | None:
    """Render within the time limit of a page; return None, or a sentence on what failed."""
    return isolated_page.run("daemon.web.previews.render_preview", request)


def _render(request: PreviewRequest, image: Pixels) -> None:
    import cv2

    scale = min(1.0, request.max_side / max(image.shape))
    if scale < 1:
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    _, content = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, QUALITY))
    private.create_file(request.draft)
    request.draft.write_bytes(content.tobytes())


if __name__ == "__main__":
    isolated_page.main(_render)
