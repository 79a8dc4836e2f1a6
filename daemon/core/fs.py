"""Durable file operations: nothing is overwritten, nothing half-written is seen.

The order is always: write to a temporary name on the same filesystem, fsync the file, give it its
name without clobbering, fsync the folder. OSErrors pass through; the caller knows what they mean.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import os
import shutil
import stat
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

from daemon.core import failpoints
from daemon.core.ownership import INHERITED, Ownership

NAME_BYTES = 255
_READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_PASSING = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file for reading; an OSError for a link, fifo, socket, device or folder.

    What was listed as a file may have become something else since: nothing is followed, and a fifo
    that nobody writes to is not waited for.
    """
    return _regular(os.open(path, _READING), path)


def open_below(root: Path, name: str) -> BufferedReader:
    """Open a regular file for reading as `open_regular` does, following no link on the way."""
    with _folder_below(root, name) as (folder, base):
        return _regular(os.open(base, _READING, dir_fd=folder), root / name)


def _regular(descriptor: int, path: Path) -> BufferedReader:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    return os.fdopen(descriptor, "rb")


def sha256_of(path: Path) -> str:
    """Return the lower-case hex digest of the bytes of a regular file, never following a link."""
    with open_regular(path) as file:
        return digest_of(file)


def digest_of(file: BufferedReader) -> str:
    """Return the lower-case hex digest of the bytes of an open file."""
    return hashlib.file_digest(file, "sha256").hexdigest()


def rename_below(root: Path, name: str, target: Path) -> None:
    """Rename `root/name` to `target`, following no link in a folder on the way."""
    with _folder_below(root, name) as (folder, base):
        os.rename(base, target, src_dir_fd=folder)


def remove_below(root: Path, name: str, inode: int) -> bool:
    """Remove `root/name` if it is the file of that inode still, following no link on the way.

    Folders that it leaves empty go too, never `root` itself; returns whether it was removed.
    """
    try:
        with _folder_below(root, name) as (folder, base):
            if os.stat(base, dir_fd=folder, follow_symlinks=False).st_ino != inode:
                return False
            os.unlink(base, dir_fd=folder)
    except FileNotFoundError:
        return False
    with contextlib.suppress(OSError):  # one that is not empty refuses, and so ends the climb
        for parent in list(Path(name).parents)[:-1]:
            (root / parent).rmdir()
    return True


@contextlib.contextmanager
def _folder_below(root: Path, name: str) -> Iterator[tuple[int, str]]:
    """Return a descriptor of the folder that holds `root/name`, and the name within it.

    A folder may have been replaced by a link to elsewhere since it was listed: NotADirectoryError.
    """
    *folders, base = Path(name).parts
    descriptor = os.open(root, _PASSING)
    try:
        for folder in folders:
            inner = os.open(folder, _PASSING | os.O_NOFOLLOW, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor, base
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable (fsync of a directory; some network mounts refuse it)."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise
    finally:
        os.close(descriptor)


def make_folder(folder: Path, root: Path, ownership: Ownership = INHERITED) -> None:
    """Make `folder` and what is missing between it and `root`, and make the names durable.

    An OSError (ENODEV) where the root itself is away: a share may come back to its place.
    """
    path, away = root, OSError(errno.ENODEV, "no such folder", str(root))
    if not root.is_dir():
        raise away
    for part in folder.relative_to(root).parts:
        path /= part
        if path.is_dir():
            continue
        try:
            path.mkdir()
        except FileExistsError:  # another daemon was faster
            continue
        except FileNotFoundError as error:
            raise away from error
        ownership.mark_folder(path)
        sync_folder(path.parent)


def write_durable(path: Path, content: bytes, ownership: Ownership = INHERITED) -> None:
    """Write and fsync a new file; on failure nothing is left under `path`."""
    try:
        with path.open("xb") as file:
            ownership.mark_file(file.fileno())
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def rename_no_clobber(source: Path, target: Path) -> None:
    """Give `source` the name `target` on the same filesystem; FileExistsError if it is taken.

    A hard link followed by an unlink is atomic and never overwrites. Where the filesystem has no
    hard links (exFAT, some network mounts) the name is reserved by an exclusive create first.
    A repetition after a crash between the two finds both names on one file and finishes.
    """
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        if not target.samefile(source):
            raise
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _replace_reserved(source, target)
        return
    failpoints.reach("rename.linked", target.name)
    source.unlink(missing_ok=True)  # who took the file over may have removed it already


def _replace_reserved(source: Path, target: Path) -> None:
    descriptor = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    inode = os.fstat(descriptor).st_ino
    os.close(descriptor)  # some network mounts let no name be replaced that is open
    failpoints.reach("rename.reserved", target.name)
    try:
        if target.lstat().st_size:  # an empty name may be taken from us
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
        source.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            status = target.lstat()
            if (status.st_size, status.st_ino) == (0, inode):
                target.unlink()
        raise


def move_no_clobber(
    source: Path, folder: Path, name: str, ownership: Ownership = INHERITED
) -> Path:
    """Move a file durably to `folder/name`, numbering the name if taken; return where it went.

    Across filesystems the bytes are copied and fsynced before the source is unlinked. `ownership`
    is that of folders which are made on the way; the file keeps its own.
    """
    for target in candidates(passable(folder, name)):
        make_folder(target.parent, folder, ownership)
        with contextlib.suppress(FileExistsError):
            _move_once(source, target)
            failpoints.reach("move.named", target.name)
            sync_folder(target.parent)
            return target
    raise AssertionError("candidates never end")


def _move_once(source: Path, target: Path) -> None:
    try:
        rename_no_clobber(source, target)
        return
    except FileExistsError:
        if not is_moved(source, target):
            raise
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy(source, target)
    _draft_of(source, target).unlink(missing_ok=True)
    sync_folder(target.parent)  # the copy has its name for good before the source loses its own
    failpoints.reach("copy.synced", target.name)
    source.unlink()


def _copy(source: Path, target: Path) -> None:
    draft = _draft_of(source, target)
    draft.unlink(missing_ok=True)
    try:
        shutil.copy2(source, draft, follow_symlinks=False)
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        rename_no_clobber(draft, target)
    finally:
        draft.unlink(missing_ok=True)


def _draft_of(source: Path, target: Path) -> Path:
    """Return where the copy of a file is written: the same place when it is tried again."""
    status = source.stat()
    mark = f"{status.st_dev}:{status.st_ino}:{status.st_mtime_ns}"
    return target.parent / f".{hashlib.sha256(mark.encode()).hexdigest()[:32]}.tmp"


def is_moved(source: Path, target: Path) -> bool:
    """Tell whether a move that a crash broke off has given `source` its name `target` already.

    They are one file, or on two filesystems the copy, which has the times and the bytes.
    """
    if not target.is_file():
        return False
    ours, theirs = source.stat(), target.stat()
    if ours.st_dev == theirs.st_dev:
        return ours.st_ino == theirs.st_ino
    is_alike = (ours.st_size, ours.st_mtime_ns) == (theirs.st_size, theirs.st_mtime_ns)
    return is_alike and sha256_of(source) == sha256_of(target)


def passable(root: Path, name: str) -> Path:
    """Return `root/name`; a folder on the way whose name a file has taken gets a `~`."""
    path = root
    *folders, base = Path(name).parts
    for part in folders:
        path /= part
        while os.path.lexists(path) and not path.is_dir():
            path = path.with_name(path.name + "~")
    return path / base


def candidates(path: Path) -> Iterator[Path]:
    """Return `scan.pdf`, `scan.2.pdf`, `scan.3.pdf` ..., never longer than a name may be."""
    yield path
    for number in itertools.count(2):
        yield path.with_name(shortened(path.stem, f".{number}{path.suffix}"))


def shortened(stem: str, ending: str) -> str:
    """Return `stem + ending`; a stem too long for a file name is cut and marked with its digest."""
    raw, tail = os.fsencode(stem), os.fsencode(ending)
    if len(raw) + len(tail) > NAME_BYTES:
        mark = b"~" + hashlib.sha256(raw).hexdigest()[:8].encode()
        raw = raw[: NAME_BYTES - len(tail) - len(mark)] + mark
    return os.fsdecode(raw + tail)


def files_below(folder: Path) -> Iterator[Path]:
    """Return the files below a folder, links not followed; what vanishes meanwhile is left out."""
    for parent, _, names in os.walk(folder):
        yield from (Path(parent, name) for name in names)


def is_regular(path: Path) -> bool:
    """Tell whether `path` itself is a regular file (a link to one is not)."""
    return stat.S_ISREG(path.lstat().st_mode)


def printable(name: str) -> str:
    """Return a file name as valid Unicode: bytes that are no UTF-8 become the replacement sign."""
    return os.fsencode(name).decode("utf-8", "replace")
