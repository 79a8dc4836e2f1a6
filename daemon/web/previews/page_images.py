"""Images of pages: rendered on request, cached for a day."""

from __future__ import annotations

import hashlib
import os
import uuid
from pathlib import Path
from threading import Lock

from daemon.core import private
from daemon.core.folder_rules import FolderRules
from daemon.core.options import Limits, Rendering
from daemon.web.index.records import DocumentDetails
from daemon.web.previews.render_preview import PreviewRequest, render_preview

MAX_IMAGES = 500  # in the cache; those not requested for longest are removed first
MAX_SIDE = 2000  # pixels of the longer side
DRAFT_ENDING = ".tmp"
DRAFT_SECONDS = 3600.0  # no image is rendered for so long: a killed process has left it
CACHE_SECONDS = 86_400.0  # after which an image that nobody requested is removed


class PageImages:
    """Pages as JPEG in their original proportions, cached in a folder; rendered one at a time."""

    def __init__(
        self,
        folder: Path,
        options: FolderRules[tuple[Limits, Rendering]],
        *,
        in_sandbox: bool = True,
    ) -> None:
        """`options` depend on the folder of the inbox: a profile may have the password of a PDF."""
        self._folder = folder
        self._options = options
        self._in_sandbox = in_sandbox
        self._lock = Lock()

    def get(self, details: DocumentDetails, number: int) -> Path:
        """Return the image of page `number` (from 1); LookupError with a sentence if none."""
        if details.original is None or details.sha256 is None:
            raise LookupError("the original is not available any more")
        if 0 < details.summary.pages < number:
            raise LookupError(f"the document has {details.summary.pages} page(s)")
        limits, rendering = self._options.of(details.inbox_name)
        key = hashlib.sha256(f"{details.sha256} {MAX_SIDE} {rendering}".encode()).hexdigest()
        image = self._folder / f"{key[:32]}-{number}.jpg"
        if _is_cached(image):
            return image
        with self._lock:
            if not _is_cached(image):
                private.make_folder(self._folder)
                draft = self._folder / f".{uuid.uuid4().hex}{DRAFT_ENDING}"
                request = PreviewRequest(
                    details.original, number, limits, rendering, draft, MAX_SIDE, self._in_sandbox
                )
                _render(request, image)
        return image

    def sweep(self, now: float) -> None:
        """Remove images that nobody requested for a day, and the oldest if there are too many.

        `now` is in seconds of the wall clock, as the times of files are.
        """
        try:
            cached = sorted((path.stat().st_mtime, path) for path in self._folder.iterdir())
        except OSError:
            return  # no folder yet, or a file was just removed
        for rank, (requested_at, path) in enumerate(cached):
            is_left_over = path.suffix == DRAFT_ENDING and now - requested_at > DRAFT_SECONDS
            if (
                is_left_over
                or now - requested_at > CACHE_SECONDS
                or rank < len(cached) - MAX_IMAGES
            ):
                path.unlink(missing_ok=True)


def _render(request: PreviewRequest, image: Path) -> None:
    """Render a draft and rename it to `image`; LookupError with a sentence if that fails."""
    try:
        if reason := render_preview(request):
            raise LookupError(reason)
        request.draft.rename(image)
    finally:
        request.draft.unlink(missing_ok=True)


def _is_cached(image: Path) -> bool:
    """Return whether an image exists, and record that it was requested."""
    try:
        os.utime(image)
    except OSError:
        return False
    return True
