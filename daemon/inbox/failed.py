"""The files that could not be read: which there are, and their way back into the inbox.

A failed file lies in failed/ with its reason beside it. Where files are read in place, it still
lies in the inbox, and only its reason is in failed/.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from daemon.core import fs
from daemon.inbox.archive import REASON_ENDING, reason_of
from daemon.inbox.retention import originals
from daemon.inbox.uploads import UploadRecords


class Arrival(NamedTuple):
    """The name and the bytes with which a file arrived; the name as Unicode."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class FailedFile:
    """A failed file: `name` is its path below the folder in which it lies now.

    `reason` is a sentence, and `failed_at` in seconds since 1970. `arrival` is what failed: the
    file may have been changed since. None where nobody wrote them.
    """

    name: str
    path: Path
    bytes: int
    reason: str | None
    failed_at: float | None
    arrival: Arrival | None = None


def failed_files(failed: Path, excluded: Container[Path]) -> Iterator[FailedFile]:
    """Return the failed files that lie below `failed`, without the folders `excluded`."""
    if not failed.is_dir():
        return
    for original in originals(failed, excluded):
        if not original.name.endswith(REASON_ENDING):
            yield failed_file(failed, original.name, reason_of(failed / original.name))


def failed_file(root: Path, name: str, reason_path: Path) -> FailedFile:
    """Return the failed file `root/name` whose reason is in the file `reason_path`."""
    path = root / name
    reason = failed_at = size = arrival = None
    with contextlib.suppress(OSError):
        size = path.lstat().st_size
    unreadable = (OSError, ValueError, LookupError, TypeError)
    with contextlib.suppress(*unreadable), fs.open_regular(reason_path) as file:
        failed_at = os.fstat(file.fileno()).st_mtime
        record = json.load(file)
        reason = str(record["message"])
        arrival = Arrival(str(record["name"]), str(record["sha256"]))
    return FailedFile(name, path, size or 0, reason, failed_at, arrival)


def move_back(file: FailedFile, failed: Path, inbox: Path) -> Path:
    """Move a failed file into the inbox, to be read again, and return its path there.

    It gets a number where another file has its name, and an upload keeps its options. Its reason is
    removed afterwards, unless the daemon has failed it again meanwhile.
    """
    reason = reason_of(file.path)
    inode = None
    with contextlib.suppress(OSError):
        inode = reason.lstat().st_ino
    records = UploadRecords(inbox)
    upload = records.failed_record(file.path)
    if upload is not None:
        target = inbox / records.put_back(file.path, file.name, upload).name
    else:
        target = fs.move_no_clobber(file.path, inbox, file.name)
    fs.fsync_folder(file.path.parent)
    if inode is not None:
        with contextlib.suppress(OSError):
            fs.remove_beneath(failed, os.fspath(reason.relative_to(failed)), inode)
    return target
