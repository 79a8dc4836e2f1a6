"""Where workers write the outputs that they make, until they are copied to the outbox.

It is the one place that their sandbox lets them write in. What lies there is a stranger's doing: it
is opened as a regular file, copied and hashed, and never published under the worker's own hands.
"""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Scratch:
    """A folder of ours alone, on a local disk."""

    folder: Path

    def clear(self) -> None:
        """Make the folder, or empty it; an OSError where that is not possible.

        It stays the same folder: the sandboxes of workers that are kept over a reload allow that
        inode and not its name.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for child in self.folder.iterdir():
            if child.is_dir() and not child.is_symlink():
                shutil.rmtree(child, ignore_errors=True)
            else:
                child.unlink(missing_ok=True)

    def room_of(self, claim: str) -> Path:
        """Return the folder for the outputs of a claim, made where it is missing."""
        room = self.folder / claim
        room.mkdir(mode=0o700, parents=True, exist_ok=True)
        return room

    def forget(self, claim: str) -> None:
        """Remove what was made for a claim."""
        with contextlib.suppress(OSError):
            shutil.rmtree(self.folder / claim)

    def remove(self) -> None:
        """Remove the folder, which nobody needs any more."""
        shutil.rmtree(self.folder, ignore_errors=True)
