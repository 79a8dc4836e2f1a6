"""Images of pages: rendered on request, cached for a day; thumbnails for a month."""

from __future__ import annotations

import hashlib
import os
import time
import uuid
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

from daemon.core import private
from daemon.core.folder_rules import FolderRules
from daemon.core.options import Limits, Rendering
from daemon.web.index.records import DocumentDetails
from daemon.web.previews.line_crops import CropRequest, LineBox, crop_lines
from daemon.web.previews.render_preview import PreviewRequest, render_preview

MAX_IMAGES = 500  # in the cache; those not requested for longest are removed first
MAX_SIDE = 2000  # pixels of the longer side
MAX_FAILURES = 1000  # pages that are known to have no image
FAILURE_SECONDS = 600.0  # after which it is tried again: each time costs a process
DRAFT_ENDING = ".tmp"
DRAFT_SECONDS = 3600.0  # no image is rendered for so long: a killed process has left it
CACHE_SECONDS = 86_400.0  # after which an image that nobody requested is removed
THUMBNAIL_SIDE, MAX_THUMBNAILS, THUMBNAIL_SECONDS = 240, 5000, 30 * 86_400.0


class PageImages:
    """Pages as JPEG in their original proportions, cached in a folder; rendered one at a time."""

    def __init__(
        self,
        folder: Path,
        options: FolderRules[tuple[Limits, Rendering]],
        *,
        in_sandbox: bool = True,
        max_side: int = MAX_SIDE,
        max_images: int = MAX_IMAGES,
        cache_seconds: float = CACHE_SECONDS,
    ) -> None:
        """`options` depend on the folder of the inbox: a profile may have the password of a PDF."""
        self._folder = folder
        self._options = options
        self._in_sandbox = in_sandbox
        self._max_side = max_side
        self._max_images = max_images
        self._cache_seconds = cache_seconds
        self._failures: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._lock = Lock()

    @classmethod
    def thumbnails(
        cls,
        folder: Path,
        options: FolderRules[tuple[Limits, Rendering]],
        *,
        in_sandbox: bool = True,
    ) -> PageImages:
        """Return small images for the list: more of them, kept for longer."""
        return cls(
            folder, options, in_sandbox=in_sandbox, max_side=THUMBNAIL_SIDE,
            max_images=MAX_THUMBNAILS, cache_seconds=THUMBNAIL_SECONDS,
        )  # fmt: skip

    def get(self, details: DocumentDetails, number: int) -> Path:
        """Return the image of page `number` (from 1); LookupError with a sentence if none."""
        if details.original is None or details.sha256 is None:
            raise LookupError("the original is not available any more")
        limits, rendering = self._options.of(details.inbox_name)
        key = hashlib.sha256(f"{details.sha256} {self._max_side} {rendering}".encode()).hexdigest()
        image = self._folder / f"{key[:32]}-{number}.jpg"
        if _is_cached(image):
            return image
        with self._lock:
            if not _is_cached(image):
                reason, until = self._failures.get(image.name, ("", 0.0))
                if time.monotonic() < until:
                    raise LookupError(reason)
                request = PreviewRequest(
                    path=details.original, number=number, limits=limits, rendering=rendering,
                    draft=self.new_draft(), in_sandbox=self._in_sandbox, max_side=self._max_side,
                )  # fmt: skip
                try:
                    _render(request, image)
                except LookupError as error:
                    self._note_failure(image.name, str(error.args[0]))
                    raise
        return image

    def line_crops(
        self, details: DocumentDetails, number: int, lines: Sequence[LineBox]
    ) -> list[bytes]:
        """Return the lines of page `number` as JPEG; LookupError with a sentence if none."""
        if details.original is None:
            raise LookupError("the original is not available any more")
        limits, rendering = self._options.of(details.inbox_name)
        request = CropRequest(
            path=details.original, number=number, limits=limits, rendering=rendering,
            draft=self.new_draft(), in_sandbox=self._in_sandbox, lines=tuple(lines),
        )  # fmt: skip
        with self._lock:
            try:
                return crop_lines(request)
            finally:
                request.draft.unlink(missing_ok=True)

    def new_draft(self) -> Path:
        """Return a path for a file in the making, in the folder that `sweep` cleans up."""
        private.make_folder(self._folder)
        return self._folder / f".{uuid.uuid4().hex}{DRAFT_ENDING}"

    def _note_failure(self, name: str, reason: str) -> None:
        """Remember for a while that a page has no image."""
        self._failures.pop(name, None)
        self._failures[name] = reason, time.monotonic() + FAILURE_SECONDS
        while len(self._failures) > MAX_FAILURES:
            self._failures.popitem(last=False)

    def sweep(self, now: float) -> None:
        """Remove images that nobody requested for long, and the oldest if there are too many.

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
                or now - requested_at > self._cache_seconds
                or rank < len(cached) - self._max_images
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
