"""The folder in which workers write derived outputs before these are copied to the outbox.

It is the only folder that the sandbox of a worker allows to be written. Its content is untrusted:
each file is opened as a regular file, copied and hashed, and never published in place.
"""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Scratch:
    """A folder that only this daemon uses, on a local disk."""

    folder: Path

    def clear(self) -> None:
        """Create the folder, or empty it; raises OSError if that is not possible.

        The folder itself is kept: workers that survive a reload have a sandbox that allows this
        inode, not its name.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for child in self.folder.iterdir():
            if child.is_dir() and not child.is_symlink():
                shutil.rmtree(child, ignore_errors=True)
            else:
                child.unlink(missing_ok=True)

    def folder_of(self, claim: str) -> Path:
        """Return the folder for the outputs of a claim; creates it if it is missing."""
        folder = self.folder / claim
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def discard(self, claim: str) -> None:
        """Remove the outputs of a claim."""
        with contextlib.suppress(OSError):
            shutil.rmtree(self.folder / claim)
