"""Pictures of pages: drawn when they are looked at, kept for a while."""

from __future__ import annotations

import hashlib
import os
import uuid
from pathlib import Path
from threading import Lock

from daemon.core.folder_rules import ByFolder
from daemon.core.options import Limits, Rendering
from daemon.web.index.records import Found
from daemon.web.previews.render_preview import Painting, paint

PICTURES = 500  # that are kept; those not looked at for longest go first
SIDE = 2000  # pixels of a picture's longer side at most
KEPT_SECONDS = 86_400.0  # after which one that nobody looked at goes


class Pictures:
    """Pages as JPEG in original proportions, below one folder; one is drawn at a time."""

    def __init__(
        self, folder: Path, means: ByFolder[tuple[Limits, Rendering]], *, in_sandbox: bool = True
    ) -> None:
        """`means` are those of each folder of the inbox: a profile may know a PDF's password."""
        self._folder = folder
        self._means = means
        self._in_sandbox = in_sandbox
        self._lock = Lock()

    def page(self, found: Found, number: int) -> Path:
        """Return the picture of page `number` (from 1); LookupError with a sentence if none."""
        if found.original is None or found.sha256 is None:
            raise LookupError("the original is not kept any more")
        if 0 < found.item.pages < number:
            raise LookupError(f"the document has {found.item.pages} page(s)")
        limits, rendering = self._means.of(found.landed_as)
        key = hashlib.sha256(f"{found.sha256} {SIDE} {rendering}".encode()).hexdigest()
        picture = self._folder / f"{key[:32]}-{number}.jpg"
        if _looked_at(picture):
            return picture
        with self._lock:
            if not _looked_at(picture):
                self._folder.mkdir(exist_ok=True)
                draft = self._folder / f".{uuid.uuid4().hex}.tmp"
                original, is_safe = found.original, self._in_sandbox
                _draw(Painting(original, number, limits, rendering, draft, SIDE, is_safe), picture)
        return picture

    def sweep(self, now: float) -> None:
        """Remove pictures that nobody has looked at for a day, and the oldest of too many.

        `now` is in seconds of the wall clock, as the times of files are.
        """
        try:
            kept = sorted((path.stat().st_mtime, path) for path in self._folder.iterdir())
        except OSError:
            return  # none yet, or one was removed just now
        for place, (looked_at, path) in enumerate(kept):
            if now - looked_at > KEPT_SECONDS or place < len(kept) - PICTURES:
                path.unlink(missing_ok=True)


def _draw(painting: Painting, picture: Path) -> None:
    """Paint a draft and make it the picture; LookupError with a sentence if it cannot be."""
    try:
        if sentence := paint(painting):
            raise LookupError(sentence)
        painting.picture.rename(picture)
    finally:
        painting.picture.unlink(missing_ok=True)


def _looked_at(picture: Path) -> bool:
    """Tell whether a picture is there, and note that it was asked for."""
    try:
        os.utime(picture)
    except OSError:
        return False
    return True
