"""Where the bytes of a document lie now: archive/, failed/, the inbox; told by what they are."""

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

NUMBERED = 20  # names that are tried where another file has the first one
REMEMBERED = 1000  # digests of files, by their stamp


class Originals:
    """Finds originals below folders, in their order; a name alone is never believed."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._known: OrderedDict[tuple[Path, str], str] = OrderedDict()
        self._lock = Lock()

    def find(self, name: str, size: int, sha256: str) -> Path | None:
        """Return the file with these bytes that landed as `name`, None where it is gone."""
        for folder in self._folders:
            wanted = fs.candidates(fs.passable(folder, name))
            for path in itertools.islice(wanted, NUMBERED):
                if self._is_it(folder, path, size, sha256):
                    return path
        return None

    def open(self, path: Path) -> BufferedReader:
        """Open what `find` has returned, following no link; an OSError where it is gone."""
        root = next(folder for folder in self._folders if path.is_relative_to(folder))
        return fs.open_below(root, os.fspath(path.relative_to(root)))

    def _is_it(self, folder: Path, path: Path, size: int, sha256: str) -> bool:
        try:
            with fs.open_below(folder, os.fspath(path.relative_to(folder))) as file:
                stamp = Stamp.from_status(os.fstat(file.fileno()))
                if stamp.size != size:
                    return False
                key = path, str(stamp)
                with self._lock:
                    known = self._known.get(key)
                digest = known or fs.digest_of(file)
        except OSError:
            return False
        with self._lock:
            self._known[key] = digest
            self._known.move_to_end(key)
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return digest == sha256
