"""The outbox as the catalogue reads it: distinguishes a collected sidecar from an unmounted outbox.

A share that is not mounted leaves an empty folder behind: then nothing counts as collected.
"""

from __future__ import annotations

from pathlib import Path

from daemon.core.volumes import Volume
from daemon.web import sidecar_reader
from daemon.web.http.errors import HttpError
from daemon.web.index.search_index import SearchEntry


class OutboxView:
    """Reads sidecars; HttpError (503) if it cannot be determined whether they exist."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._volume = Volume(folder)

    def check_available(self) -> None:
        """Raise HttpError if the outbox is missing or not mounted."""
        try:
            self._volume.check()
        except OSError as error:
            raise unavailable(error) from error

    def folder_identity(self) -> str | None:
        """Return device and inode of the folder, None if it is missing or not mounted."""
        try:
            self._volume.check()
            status = self.folder.stat()
        except OSError:
            return None
        return f"{status.st_dev}:{status.st_ino}"

    def read_sidecar(self, entry: SearchEntry) -> sidecar_reader.SidecarContent | None:
        """Return the sidecar of exactly this claim, None if there is none."""
        if entry.answer is None:
            return None
        try:
            sidecar = sidecar_reader.read(self.folder, entry.answer)
        except OSError as error:
            raise unavailable(error) from error
        if sidecar is None:
            self.check_available()
            return None
        return sidecar if sidecar.claim == entry.id else None

    def is_missing(self, entry: SearchEntry) -> bool:
        """Return whether nothing is at the path of a published sidecar; one lstat."""
        if entry.answer is None or not entry.is_answered:
            return False
        try:
            (self.folder / entry.answer).lstat()
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError:
            return False  # a request for this document reports the error
        return False


def unavailable(error: OSError) -> HttpError:
    """Return the error that stands for an outbox that cannot be read or written."""
    reason = f"the outbox cannot be used ({error.strerror}); the operator must restore it"
    return HttpError(503, "outbox_unavailable", reason, {"Retry-After": "30"})
