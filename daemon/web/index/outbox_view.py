"""The outbox as the catalogue looks at it: an answer that is gone, or an outbox that is away.

What cannot be looked at has not been collected: a share that is away leaves an empty folder behind.
"""

from __future__ import annotations

from pathlib import Path

from daemon.core.volumes import Volume
from daemon.web import sidecar_reader
from daemon.web.http.errors import Refused
from daemon.web.index.search_index import Card


class Outbox:
    """Looks for answers; Refused (503) where it cannot be told whether they are there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._volume = Volume(folder)

    def demand(self) -> None:
        """Refuse to go on where the outbox is away."""
        try:
            self._volume.check()
        except OSError as error:
            raise _away(error) from error

    def identity(self) -> str | None:
        """Return which folder it is, None where it is away."""
        try:
            self._volume.check()
            status = self.folder.stat()
        except OSError:
            return None
        return f"{status.st_dev}:{status.st_ino}"

    def answer(self, card: Card) -> sidecar_reader.Answer | None:
        """Return the answer that lies there for this very claim, None where there is none."""
        if card.answer is None:
            return None
        try:
            answer = sidecar_reader.read(self.folder, card.answer)
        except OSError as error:
            raise _away(error) from error
        if answer is None:
            self.demand()
            return None
        return answer if answer.claim == card.id else None

    def has_lost(self, card: Card) -> bool:
        """Tell whether nothing lies where the answer was published; cheap to ask."""
        if card.answer is None or not card.is_answered:
            return False
        try:
            (self.folder / card.answer).lstat()
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError:
            return False  # who asks for this one is told
        return False


def _away(error: OSError) -> Refused:
    why = f"the outbox cannot be read ({error.strerror}); the operator must restore it"
    return Refused(503, "outbox_away", why, {"Retry-After": "30"})
