"""The possible contents of a disk after a power cut, given the file operations before it.

Four models, after the behaviour of filesystems in Pillai et al. (All File Systems Are Not Created
Equal, OSDI 2014: "abstract persistence models") and what POSIX leaves open:

written     everything up to the cut is on the disk: a kill, or a filesystem mounted with sync
journalled  the strict case: the content of a file is that of its last fsync (empty without one),
            names are those of the last fsync of any file, since a journal is committed as a whole
            and in order (ext4 and XFS with their default options)
named       zero-length files: names as of the cut, content as of the last fsync of each file
            (delayed allocation: another fsync committed the journal just before the cut)
half        as `named`, but with the first half of content that was never synced: a torn file
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.torture.trace import Op, Record

Model = Literal["written", "journalled", "named", "half"]
REBOOT_SECONDS = 120.0  # between the last write and the next start
MODELS: tuple[Model, ...] = ("written", "journalled", "named", "half")


@dataclass(frozen=True, slots=True)
class Image:
    """The contents of a disk: inodes by path (two names may share one), bytes by inode, folders."""

    files: dict[str, int]
    contents: dict[int, bytes]
    folders: frozenset[str]

    @property
    def digest(self) -> str:
        """A digest that is equal for equal images."""
        names = sorted(self.files.items())
        contents = [hashlib.sha256(self.contents[inode]).digest() for _, inode in names]
        return hashlib.sha256(repr((names, contents, sorted(self.folders))).encode()).hexdigest()

    def write_to(self, root: Path) -> None:
        """Replace the contents of `root` with this image."""
        for old in root.iterdir():
            shutil.rmtree(old) if old.is_dir() else old.unlink()
        for folder in sorted(self.folders):
            (root / folder).mkdir(parents=True, exist_ok=True)
        written: dict[int, Path] = {}
        for path, inode in self.files.items():
            if inode in written:
                (root / path).hardlink_to(written[inode])
                continue
            written[inode] = root / path
            written[inode].write_bytes(self.contents[inode])
            os.utime(written[inode], (time.time() - REBOOT_SECONDS,) * 2)


def images(record: Record, model: Model) -> Iterator[tuple[int, Image]]:
    """Yield the image after 0, 1, ... all operations."""
    for cut in range(len(record.ops) + 1):
        yield cut, image(record, model, cut)


def image(record: Record, model: Model, cut: int) -> Image:
    """Return the image when the power is cut after `cut` operations."""
    ops = record.ops[:cut]
    named = ops
    if model == "journalled":
        syncs = [n for n, op in enumerate(ops, 1) if op.kind.startswith("sync")]
        named = ops[: syncs[-1] if syncs else 0]
    files, folders = _names(record, named)
    written, durable = _contents(record, ops)
    contents = {inode: _content(model, inode, written, durable) for inode in files.values()}
    return Image(files, contents, folders)


def _content(
    model: Model, inode: int, written: dict[int, bytes], durable: dict[int, bytes]
) -> bytes:
    if model == "written":
        return written.get(inode, b"")
    if model == "half" and inode not in durable:
        content = written.get(inode, b"")
        return content[: len(content) // 2]
    return durable.get(inode, b"")


def _names(record: Record, ops: tuple[Op, ...]) -> tuple[dict[str, int], frozenset[str]]:
    files, folders = dict(record.files), set(record.folders)
    for op in ops:
        if op.kind in ("rename", "unlink"):
            files.pop(op.path, None)
        if op.kind in ("rename", "link"):
            files[op.target] = op.inode
        elif op.kind == "create":
            files[op.path] = op.inode
        elif op.kind == "mkdir":
            folders.add(op.path)
        elif op.kind == "rmdir":
            folders.discard(op.path)
    return files, frozenset(folders)


def _contents(record: Record, ops: tuple[Op, ...]) -> tuple[dict[int, bytes], dict[int, bytes]]:
    """Return the bytes of each inode as written and as of its last fsync."""
    written = {inode: bytearray(data) for inode, data in record.contents.items()}
    durable = dict(record.contents)
    for op in ops:
        if op.kind == "write":
            content = written.setdefault(op.inode, bytearray())
            content.extend(bytes(max(0, op.at - len(content))))
            content[op.at : op.at + len(op.data)] = op.data
        elif op.kind == "truncate":
            content = written.setdefault(op.inode, bytearray())
            content.extend(bytes(max(0, op.at - len(content))))
            del content[op.at :]
        elif op.kind == "sync":
            durable[op.inode] = bytes(written.get(op.inode, b""))
    return {inode: bytes(data) for inode, data in written.items()}, durable
