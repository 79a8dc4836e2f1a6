"""Finds the original of a document in archive/, failed/ or the inbox, by its content."""

from __future__ import annotations

import itertools
import os
from collections import OrderedDict
from collections.abc import Sequence
from io import BufferedReader
from pathlib import Path
from threading import Lock

from daemon.core import fs
from daemon.core.records import Stamp

MAX_CANDIDATES = 20  # numbered names that are tried after the first one
MAX_DIGESTS = 1000  # remembered, by path and stamp


class Originals:
    """Finds originals below folders, in their order; a name alone is never trusted."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._digests: OrderedDict[tuple[Path, str], str] = OrderedDict()
        self._lock = Lock()

    def find(self, name: str, size: int, sha256: str) -> Path | None:
        """Return the file with this content that arrived as `name`, None if it is gone."""
        for folder in self._folders:
            numbered_paths = fs.numbered_paths(fs.unobstructed(folder, name))
            for path in itertools.islice(numbered_paths, MAX_CANDIDATES):
                if self._has_content(folder, path, size, sha256):
                    return path
        return None

    def open(self, path: Path) -> BufferedReader:
        """Open a path that `find` returned, without following links; OSError if it is gone."""
        root = next(folder for folder in self._folders if path.is_relative_to(folder))
        return fs.open_beneath(root, os.fspath(path.relative_to(root)))

    def _has_content(self, folder: Path, path: Path, size: int, sha256: str) -> bool:
        try:
            with fs.open_beneath(folder, os.fspath(path.relative_to(folder))) as file:
                stamp = Stamp.from_status(os.fstat(file.fileno()))
                if stamp.size != size:
                    return False
                key = path, str(stamp)
                with self._lock:
                    known = self._digests.get(key)
                digest = known or fs.digest_of(file)
        except OSError:
            return False
        with self._lock:
            self._digests[key] = digest
            self._digests.move_to_end(key)
            while len(self._digests) > MAX_DIGESTS:
                self._digests.popitem(last=False)
        return digest == sha256
