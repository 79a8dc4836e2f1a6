"""Uploads: a stream becomes a file in the inbox, as any file that is dropped there."""

from __future__ import annotations

from daemon.web.nouns import Found


class Uploads:
    """The door into the inbox."""

    def retry(self, found: Found) -> None:
        """Put the original of a failed document back into the inbox; LookupError if it is gone."""
        raise NotImplementedError
