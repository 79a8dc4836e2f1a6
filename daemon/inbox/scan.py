"""What lies in the inbox: the directory listing is the truth, an event only rings the bell.

Costs 0.03 s for 10 000 files. Links, fifos, sockets and devices are never listed, ignored names
and excluded folders are not even asked for their status.
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from daemon.records import Stamp

WORK_FOLDER = ".ocr-daemon"


Listing = Mapping[str, Stamp]


class Scanner:
    """Lists the files of one inbox by their path relative to it."""

    def __init__(self, inbox: Path, ignore: Sequence[str], excluded: Sequence[Path]) -> None:
        self.inbox = inbox
        self._ignored = re.compile("|".join(fnmatch.translate(pattern) for pattern in ignore))
        self._any_ignored = bool(ignore)
        self._excluded = frozenset(os.fspath(folder) for folder in excluded)

    def scan(self) -> Listing:
        """Return every regular file that is not ignored; OSError when the inbox itself is gone.

        A subfolder that vanishes or cannot be entered in mid-scan is left out of this listing.
        """
        return dict(self._walk(os.fspath(self.inbox), ""))

    def _walk(self, folder: str, prefix: str) -> Iterator[tuple[str, Stamp]]:
        try:
            entries = os.scandir(folder)
        except OSError:
            if not prefix:
                raise
            return
        with entries:
            for entry in entries:
                yield from self._entry(entry, prefix)

    def _entry(self, entry: os.DirEntry[str], prefix: str) -> Iterator[tuple[str, Stamp]]:
        if entry.name == WORK_FOLDER or (self._any_ignored and self._ignored.match(entry.name)):
            return
        if entry.is_dir(follow_symlinks=False):
            if entry.path not in self._excluded:
                yield from self._walk(entry.path, f"{prefix}{entry.name}/")
        elif entry.is_file(follow_symlinks=False):
            try:
                stamp = Stamp.from_status(entry.stat(follow_symlinks=False))
            except FileNotFoundError:
                return
            yield prefix + entry.name, stamp
