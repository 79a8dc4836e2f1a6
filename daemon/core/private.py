"""Files and folders that only the daemon's user can read, whatever the umask says."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER_MODE, FILE_MODE = 0o700, 0o600
OTHERS = 0o077  # the rights of group and others


def make_folder(folder: Path) -> None:
    """Create a private folder where it is missing; missing parents get the default mode."""
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)


def create_file(path: Path) -> None:
    """Create an empty private file where it is missing."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, FILE_MODE))


def write_text(path: Path, text: str) -> None:
    """Write a file as `Path.write_text` does; a new file is private."""
    create_file(path)
    path.write_text(text, encoding="utf-8")
