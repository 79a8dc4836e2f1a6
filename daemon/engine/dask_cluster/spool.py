"""The files that a worker has of the documents in work: copies that its local pool may read.

The pool is started once, for the documents of all daemons, and its sandbox allows this folder and
no share. So the worker itself, which decodes nothing, copies a file before it is read, and checks
that the copy is the file that was claimed. Copies are removed soon after their last use.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from daemon.core import fs

# A document comes back with its next pages within seconds; what is removed too early is sent again.
IDLE_SECONDS: Final = 60.0
UPLOAD_SECONDS: Final = 600.0  # in which all of a upload has arrived, or an output been fetched


class MissingError(Exception):
    """The content of a file is not here, or not that which was claimed."""


@dataclass(slots=True)
class _Entry:
    path: Path
    lock: threading.Lock = field(default_factory=threading.Lock)
    users: int = 0
    used_at: float = 0.0


class Spool:
    """Documents, uploads and outputs below one folder; used from any thread."""

    def __init__(self, folder: Path) -> None:
        self.documents = folder / "documents"
        self.outputs = folder / "outputs"
        self._uploads = folder / "uploads"
        for each in (self.documents, self.outputs, self._uploads):
            each.mkdir(mode=0o700, exist_ok=True)
        self._lock = threading.Lock()
        self._entries: dict[str, _Entry] = {}

    @contextlib.contextmanager
    def document(self, key: str, name: str, fill: Callable[[Path], None]) -> Iterator[Path]:
        """Yield the file `key`, which stays until the block ends; `fill` writes it if it is new.

        It is called `name`, as in the inbox. Whatever `fill` raises leaves no file.
        """
        with self._lock:
            entry = self._entries.setdefault(key, _Entry(self.documents / key / name))
            entry.users += 1
        try:
            with entry.lock:
                if not entry.path.exists():
                    entry.path.parent.mkdir(mode=0o700, exist_ok=True)
                    draft = self.documents / f"{key}.draft"
                    try:
                        fill(draft)
                        draft.rename(entry.path)
                    finally:
                        draft.unlink(missing_ok=True)
            yield entry.path
        finally:
            with self._lock:
                entry.users -= 1
                entry.used_at = time.monotonic()

    def write_upload(self, name: str, offset: int, content: bytes) -> None:
        """Write a part of a upload, at `offset` bytes."""
        with self._upload(name).open("r+b" if offset else "wb") as file:
            file.seek(offset)
            file.write(content)

    def take_upload(self, name: str, target: Path) -> None:
        """Move a upload; MissingError where it is not here."""
        try:
            self._upload(name).rename(target)
        except FileNotFoundError:
            raise MissingError(name) from None

    def read_upload(self, name: str) -> bytes:
        """Return a upload and remove it; MissingError where it is not here."""
        path = self._upload(name)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            raise MissingError(name) from None
        path.unlink(missing_ok=True)
        return content

    def output(self, name: str, offset: int, length: int) -> bytes:
        """Return a part of an output that the local pool has written, which may be anything."""
        with fs.open_regular(self._output(name)) as file:
            file.seek(offset)
            return file.read(length)

    def discard_output(self, name: str) -> None:
        """Remove an output."""
        self._output(name).unlink(missing_ok=True)

    def sweep(self, now: float) -> None:
        """Remove what has not been used for long; `now` is monotonic seconds."""
        with self._lock:
            for key, entry in list(self._entries.items()):
                if not entry.users and now - entry.used_at > IDLE_SECONDS:
                    shutil.rmtree(entry.path.parent, ignore_errors=True)
                    del self._entries[key]
        oldest = time.time() - UPLOAD_SECONDS
        for folder in (self._uploads, self.outputs):
            for path in folder.iterdir():
                with contextlib.suppress(OSError):
                    if path.lstat().st_mtime < oldest:
                        path.unlink()

    def _upload(self, name: str) -> Path:
        return self._uploads / os.path.basename(name)  # noqa: PTH119 -- whatever the name says

    def _output(self, name: str) -> Path:
        return self.outputs / os.path.basename(name)  # noqa: PTH119
