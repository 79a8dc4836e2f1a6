"""Pictures of pages, drawn in a short-lived sandboxed process, kept for a while."""

from __future__ import annotations

from pathlib import Path

from daemon.web.nouns import Found


class Pictures:
    """Pages as JPEG in original proportions; one is drawn at a time."""

    def page(self, found: Found, number: int) -> Path:
        """Return the picture of page `number` (from 1); LookupError with a sentence if none."""
        raise NotImplementedError
