"""What lies in the inbox: the directory listing is the truth, an event only rings the bell.

Costs 0.03 s for 10 000 files. Links, fifos, sockets and devices are never listed, ignored names
and excluded folders are not even asked for their status.
"""

from __future__ import annotations

import contextlib
import fnmatch
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from daemon.records import Stamp

WORK_FOLDER = ".ocr-daemon"


Listing = Mapping[str, Stamp]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a scan saw: the files, and the sub-folders that could not be entered with a reason."""

    files: Listing
    refused: Mapping[str, str]


class Scanner:
    """Lists the files of one inbox by their path relative to it."""

    def __init__(self, inbox: Path, ignore: Sequence[str], excluded: Sequence[Path]) -> None:
        """`excluded` folders are left out, by whatever path or link they are named."""
        self.inbox = inbox
        self._ignored = re.compile("|".join(fnmatch.translate(pattern) for pattern in ignore))
        self._any_ignored = bool(ignore)
        root = os.path.realpath(inbox)
        self._excluded = frozenset(
            os.path.relpath(os.path.realpath(folder), root) for folder in excluded
        )

    def scan(self) -> Seen:
        """Return every regular file that is not ignored; OSError when the inbox itself is gone.

        Folders may be nested as deep as the filesystem allows.
        """
        files: dict[str, Stamp] = {}
        refused: dict[str, str] = {}
        waiting = [""]
        while waiting:
            prefix = waiting.pop()
            try:
                with os.scandir(self.inbox / prefix) as entries:
                    for entry in entries:
                        self._sort(entry, prefix, files, waiting)
            except FileNotFoundError:
                if not prefix:
                    raise
            except OSError as error:
                if not prefix:
                    raise
                refused[prefix] = f"the folder cannot be listed ({error.strerror})"
        return Seen(files, refused)

    def _sort(
        self, entry: os.DirEntry[str], prefix: str, files: dict[str, Stamp], folders: list[str]
    ) -> None:
        if entry.name == WORK_FOLDER or (self._any_ignored and self._ignored.match(entry.name)):
            return
        name = prefix + entry.name
        if entry.is_dir(follow_symlinks=False):
            if name not in self._excluded:
                folders.append(name + "/")
        elif entry.is_file(follow_symlinks=False):
            with contextlib.suppress(FileNotFoundError):
                files[name] = Stamp.from_status(entry.stat(follow_symlinks=False))
