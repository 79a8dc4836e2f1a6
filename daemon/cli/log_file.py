"""Reads the log file line by line while the daemon writes and rotates it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

from daemon.core import fs

_BLOCK = 1 << 16


class LogFile:
    """The lines of a log file, also across its rotation; a half-written line is kept for later."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BufferedReader | None = None
        self._rest = b""

    def skip_to_end(self) -> None:
        """Leave out what the file contains now."""
        if self._open():
            assert self._file is not None, "it has just been opened"
            self._file.seek(0, os.SEEK_END)

    def new_lines(self) -> Iterator[str]:
        """Return the lines that have been added since the last call, at first all of them."""
        if self._open():
            yield from self._lines()
        if self._is_rotated():
            yield from self._lines()  # what was written before the rotation
            self._close()
            if self._open():
                yield from self._lines()

    def _lines(self) -> Iterator[str]:
        assert self._file is not None, "it is open"
        while block := self._file.read(_BLOCK):
            *lines, self._rest = (self._rest + block).split(b"\n")
            yield from (line.decode("utf-8", "replace") for line in lines)

    def _open(self) -> bool:
        """Open the file if it is not open; return whether it is."""
        if self._file is None:
            try:
                self._file = fs.open_regular(self._path)
            except FileNotFoundError:
                return False
        return True

    def _is_rotated(self) -> bool:
        """Tell whether another file has the name now, or the file has been cut."""
        if self._file is None:
            return False
        ours = os.fstat(self._file.fileno())
        try:
            now = self._path.stat()
        except FileNotFoundError:
            return False  # the next one is not there yet
        return not os.path.samestat(ours, now) or now.st_size < self._file.tell()

    def _close(self) -> None:
        assert self._file is not None, "it is open"
        self._file.close()
        self._file, self._rest = None, b""
