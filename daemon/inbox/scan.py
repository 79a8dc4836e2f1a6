"""The directory scan of the inbox: the authoritative list of its files.

A scan of 10 000 files takes 0.03 s. A file whose stamp the caller need not know again costs no
stat(2), only its entry in the folder. Links, fifos, sockets and devices are never listed; there is
no stat(2) of ignored names and of the daemon's own folders. A hard link is a file like any other
while all its names are in the inbox or in these folders; one with a name elsewhere may be
somebody's secret, and is not taken.
"""

from __future__ import annotations

import contextlib
import fnmatch
import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from daemon.core.records import Stamp

WORK_FOLDER = ".ocr-daemon"
LINKED = "a file outside the inbox is the same file (a hard link); copy it in instead"
IGNORED = "its name matches a pattern of watch.ignore"
SYMBOLIC_LINK = "it is a symbolic link"
SPECIAL = "it is no regular file"

Listing = Mapping[str, Stamp]
_Inode = tuple[int, int]
"""Device and inode number: two names with the same are one file."""


@dataclass(frozen=True, slots=True)
class ScanResult:
    """The files that a scan found, and what it refused and ignored, with a reason each.

    Refused are subfolders that cannot be listed, and files with a hard link outside our folders.
    Ignored are names that match a pattern, and what is neither a file nor a folder.
    """

    files: Listing
    refused: Mapping[str, str]
    ignored: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _LinkedFile:
    """A file with several names: how many there are, and when they last changed (ns)."""

    inode: _Inode
    count: int
    changed_ns: int


@dataclass(slots=True)
class _ScanState:
    """A scan in progress; `linked` has the names in the inbox of files with several names.

    `folders` are the prefixes of the folders that are still to be listed, `reused` the files with
    the stamp of the scan before. `listed_inodes` has the inodes in folders that differ from those
    of stat(2), which overlay and network filesystems have.
    """

    is_known: Callable[[str], bool]
    files: dict[str, Stamp] = field(default_factory=dict)
    listed_inodes: dict[str, int] = field(default_factory=dict)
    reused: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    ignored: dict[str, str] = field(default_factory=dict)
    folders: list[str] = field(default_factory=lambda: [""])
    linked: dict[_LinkedFile, list[str]] = field(default_factory=lambda: defaultdict(list))


class Scanner:
    """Lists the files of one inbox by their path relative to it."""

    def __init__(self, inbox: Path, ignore: Sequence[str], own: Sequence[Path]) -> None:
        """`own` are the daemon's folders: left out, whatever path or link names them.

        A hard link may have other names in them, and in the work folder.
        """
        self.inbox = inbox
        self._ignored = re.compile("|".join(fnmatch.translate(pattern) for pattern in ignore))
        self._any_ignored = bool(ignore)
        self._linked_inside: set[_Inode] = set()
        self._before: Listing = {}
        self._listed_inodes: Mapping[str, int] = {}
        self._linked_outside: dict[_LinkedFile, list[str]] = {}
        root = os.path.realpath(inbox)
        self._own = frozenset(os.path.realpath(folder) for folder in (*own, inbox / WORK_FOLDER))
        self._excluded = frozenset(os.path.relpath(folder, root) for folder in self._own)

    def scan(self, is_known: Callable[[str], bool] = lambda _: False) -> ScanResult:
        """Return every regular file that is not ignored; OSError if the inbox itself is gone.

        A file for which `is_known` is true gets the stamp of the scan before, unless its name
        stands for another inode now. Folders may be nested as deep as the filesystem allows.
        """
        state = _ScanState(is_known)
        while state.folders:
            prefix = state.folders.pop()
            try:
                with os.scandir(self.inbox / prefix) as entries:
                    for entry in entries:
                        self._add(entry, prefix, state)
            except FileNotFoundError:
                if not prefix:
                    raise
            except OSError as error:
                if not prefix:
                    raise
                state.refused[prefix] = f"the folder cannot be listed ({error.strerror})"
        self._refuse_linked(state)
        self._before, self._listed_inodes = state.files, state.listed_inodes
        return ScanResult(state.files, state.refused, state.ignored)

    def _add(self, entry: os.DirEntry[str], prefix: str, state: _ScanState) -> None:
        if entry.name == WORK_FOLDER:
            return
        name = prefix + entry.name
        if self._any_ignored and self._ignored.match(entry.name):
            state.ignored[name] = IGNORED
            return
        if entry.is_dir(follow_symlinks=False):
            if name not in self._excluded:
                state.folders.append(name + "/")
        elif entry.is_file(follow_symlinks=False):
            inode = entry.inode()
            if self._may_reuse(name, inode) and state.is_known(name):
                state.files[name] = self._before[name]
                state.reused.append(name)
            else:
                with contextlib.suppress(FileNotFoundError):
                    self._add_status(name, entry.stat(follow_symlinks=False), state)
            if name in state.files and inode != state.files[name].inode:
                state.listed_inodes[name] = inode
        else:
            state.ignored[name] = SYMBOLIC_LINK if entry.is_symlink() else SPECIAL

    def _may_reuse(self, name: str, inode: int) -> bool:
        """Tell whether a name stands for the inode of the scan before, by its folder."""
        before = self._before.get(name)
        return before is not None and self._listed_inodes.get(name, before.inode) == inode

    def _add_status(self, name: str, status: os.stat_result, state: _ScanState) -> None:
        state.files[name] = Stamp.from_status(status)
        if status.st_nlink > 1:
            inode = (status.st_dev, status.st_ino)
            linked = _LinkedFile(inode, status.st_nlink, status.st_ctime_ns)
            state.linked[linked].append(name)

    def _stat_other_names(self, state: _ScanState) -> None:
        """Look at reused names again that are links of the files with several links."""
        inodes = {file.inode[1] for file in state.linked}
        for name in state.reused:
            if state.files[name].inode in inodes:
                with contextlib.suppress(FileNotFoundError):
                    self._add_status(name, (self.inbox / name).lstat(), state)

    def _refuse_linked(self, state: _ScanState) -> None:
        """Refuse files with a name outside the inbox and our folders.

        A file that once had all its names inside stays accepted: the daemon moves them away one
        after the other. Our folders may hold a million files: they are only searched for a file
        with names that are in neither, and again once its names change.
        """
        if state.linked:
            self._stat_other_names(state)
        inside: set[_Inode] = set()
        outside: dict[_LinkedFile, list[str]] = {}
        for file, names in state.linked.items():
            if len(names) >= file.count or file.inode in self._linked_inside:
                inside.add(file.inode)
            else:
                outside[file] = names
        if any(self._linked_outside.get(file) != names for file, names in outside.items()):
            counts = _count_names(self._own, self.inbox, {file.inode for file in outside})
            found = [f for f, names in outside.items() if len(names) + counts[f.inode] >= f.count]
            for file in found:
                inside.add(file.inode)
                del outside[file]
        for name in chain.from_iterable(outside.values()):
            del state.files[name]
            state.refused[name] = LINKED
        self._linked_inside, self._linked_outside = inside, outside


def _count_names(folders: Iterable[str], inbox: Path, wanted: Set[_Inode]) -> Counter[_Inode]:
    """Return how many names each wanted file has below these folders, and not in the inbox.

    A folder that is missing or cannot be listed has none. Links are not followed, and a folder that
    is reached twice (one within another, mounted twice) is counted once. A hundred thousand files
    of an archive take 0.4 s, since only those with a wanted number are looked at.
    """
    numbers = {number for _, number in wanted}
    counts: Counter[_Inode] = Counter()
    waiting, seen = list(folders), {_inode_of(os.fspath(inbox))}
    while waiting:
        folder = waiting.pop()
        with contextlib.suppress(OSError):
            if (inode := _inode_of(folder)) in seen:
                continue
            seen.add(inode)
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    elif entry.inode() in numbers:
                        status = entry.stat(follow_symlinks=False)
                        counts[status.st_dev, status.st_ino] += 1
    return counts


def _inode_of(path: str) -> _Inode:
    status = os.stat(path)  # noqa: PTH116
    return status.st_dev, status.st_ino
