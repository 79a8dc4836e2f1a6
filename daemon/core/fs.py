"""Durable file operations that never overwrite a file and never expose a half-written one.

The order is always: write to a temporary name on the same filesystem, fsync the file, rename it
without clobbering, fsync the folder. OSErrors pass through; the caller knows what they mean.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from io import BufferedReader
from pathlib import Path
from typing import TypeVar

from daemon.core import failpoints
from daemon.core.ownership import INHERITED, Ownership

T = TypeVar("T")

MAX_NAME_BYTES = 255
_REMOVED_TIMES = 10  # how often others may remove an empty folder before we use it
_READ_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_TRAVERSE_FLAGS = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
_NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file for reading; raises OSError for a link, fifo, socket, device or folder.

    What was listed as a file may have been replaced since: no link is followed, and opening a fifo
    without a writer does not block.
    """
    return _file_of(os.open(path, _READ_FLAGS), path)


def open_beneath(root: Path, name: str) -> BufferedReader:
    """Open a regular file for reading like `open_regular`, following no link within `root`."""
    with _open_parent(root, name) as (folder, base):
        return _file_of(os.open(base, _READ_FLAGS, dir_fd=folder), root / name)


def _file_of(descriptor: int, path: Path) -> BufferedReader:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return os.fdopen(descriptor, "rb")


def sha256_of(path: Path) -> str:
    """Return the lower-case hex digest of a regular file; follows no link."""
    with open_regular(path) as file:
        return digest_of(file)


def digest_of(file: BufferedReader) -> str:
    """Return the lower-case hex digest of an open file."""
    return hashlib.file_digest(file, "sha256").hexdigest()


def rename_beneath(root: Path, name: str, target: Path) -> None:
    """Rename `root/name` to `target`, following no link among the folders of `name`."""
    with _open_parent(root, name) as (folder, base):
        os.rename(base, target, src_dir_fd=folder)


def remove_beneath(root: Path, name: str, inode: int) -> bool:
    """Remove `root/name` if it still has that inode, following no link within `root`.

    Parent folders that become empty are removed too, never `root`. Returns whether the file was
    removed.
    """
    try:
        with _open_parent(root, name) as (folder, base):
            if os.stat(base, dir_fd=folder, follow_symlinks=False).st_ino != inode:
                return False
            os.unlink(base, dir_fd=folder)
    except FileNotFoundError:
        return False
    with contextlib.suppress(
        OSError
    ):  # rmdir of the first non-empty folder fails and ends the loop
        for parent in list(Path(name).parents)[:-1]:
            (root / parent).rmdir()
    return True


@contextlib.contextmanager
def _open_parent(root: Path, name: str) -> Iterator[tuple[int, str]]:
    """Return a descriptor of the folder of `root/name`, and the name within it.

    Raises NotADirectoryError if a folder on the path was replaced by a link.
    """
    *folders, base = Path(name).parts
    descriptor = os.open(root, _TRAVERSE_FLAGS)
    try:
        for folder in folders:
            inner = os.open(folder, _TRAVERSE_FLAGS | os.O_NOFOLLOW, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor, base
    finally:
        os.close(descriptor)


def fsync_folder(folder: Path) -> None:
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
    """Create `folder` and its missing parents below `root`, and make the names durable.

    Raises OSError (ENODEV) if `root` itself is missing: a share may be mounted there again.
    """
    until_not_removed(lambda: _make_folder_once(folder, root, ownership))


def _make_folder_once(folder: Path, root: Path, ownership: Ownership) -> None:
    if not root.is_dir():
        raise OSError(errno.ENODEV, "no such folder", str(root))
    path = root
    for part in folder.relative_to(root).parts:
        path /= part
        if path.is_dir():
            continue
        try:
            path.mkdir()
        except FileExistsError:  # created by another daemon
            continue
        ownership.apply_to_folder(path)
        fsync_folder(path.parent)


def until_not_removed(step: Callable[[], T]) -> T:
    """Return what a step returns that creates a folder and uses it.

    Daemons on shared folders, and the retention, remove folders that are empty. Where that comes
    between creating and using one, the step raises FileNotFoundError and is repeated.
    """
    for _ in range(_REMOVED_TIMES - 1):
        with contextlib.suppress(FileNotFoundError):
            return step()
    return step()


def write_durable(
    path: Path, content: bytes | Iterable[bytes], ownership: Ownership = INHERITED
) -> None:
    """Write and fsync a new file, of bytes or of blocks; on failure `path` does not exist."""
    try:
        with path.open("xb") as file:
            ownership.apply_to_file(file.fileno())
            file.writelines((content,) if isinstance(content, bytes) else content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def write_in_folder(
    path: Path,
    content: bytes | Iterable[bytes],
    root: Path,
    ownership: Ownership = INHERITED,
) -> None:
    """Write and fsync a new file in a folder of ours below `root`; creates the folder.

    `content` may be iterated over more than once; `ownership` is that of the file.
    """

    def write() -> None:
        make_folder(path.parent, root)
        write_durable(path, content, ownership)

    until_not_removed(write)


def rename_no_clobber(source: Path, target: Path) -> None:
    """Rename `source` to `target` on one filesystem; raises FileExistsError if `target` exists.

    A hard link followed by an unlink is atomic and never overwrites. On a filesystem without hard
    links (exFAT, some network mounts) an exclusive create reserves the name first. A repetition
    after a crash between link and unlink finds both names on one file and finishes.
    """
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        if not target.samefile(source):
            raise
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        _replace_reserved(source, target)
        return
    failpoints.reach("rename.linked", target.name)
    source.unlink(missing_ok=True)  # a daemon that took the file over may have removed it


def _replace_reserved(source: Path, target: Path) -> None:
    descriptor = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    inode = os.fstat(descriptor).st_ino
    os.close(descriptor)  # some network mounts do not replace an open file
    failpoints.reach("rename.reserved", target.name)
    try:
        if target.lstat().st_size:  # another process may have used the empty file
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
    """Move a file durably to `folder/name` and return its new path; numbers a name that exists.

    Across filesystems the bytes are copied and fsynced before the source is unlinked. `ownership`
    applies to the folders that are created; the file keeps its own.
    """
    for target in numbered_paths(unobstructed(folder, name)):

        def move(target: Path = target) -> None:
            make_folder(target.parent, folder, ownership)
            _move_once(source, target)

        with contextlib.suppress(FileExistsError):
            until_not_removed(move)
            failpoints.reach("move.named", target.name)
            fsync_folder(target.parent)
            return target
    raise AssertionError("numbered_paths never ends")


def _move_once(source: Path, target: Path) -> None:
    try:
        rename_no_clobber(source, target)
        return
    except FileExistsError:
        if not is_moved_to(source, target):
            raise
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy(source, target)
    _draft_of(source, target).unlink(missing_ok=True)
    fsync_folder(target.parent)  # the copy's name is durable before the source is unlinked
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
    """Return the temporary path of a copy, the same one on every attempt."""
    status = source.stat()
    mark = f"{status.st_dev}:{status.st_ino}:{status.st_mtime_ns}"
    return target.parent / f".{hashlib.sha256(mark.encode()).hexdigest()[:32]}.tmp"


def is_moved_to(source: Path, target: Path) -> bool:
    """Tell whether `target` is the result of an interrupted move of `source`.

    That is a hard link to `source` or, on another filesystem, a copy with the same mtime and bytes.
    """
    if not target.is_file():
        return False
    before, after = source.stat(), target.stat()
    if before.st_dev == after.st_dev:
        return before.st_ino == after.st_ino
    is_alike = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    return is_alike and sha256_of(source) == sha256_of(target)


def unobstructed(root: Path, name: str) -> Path:
    """Return `root/name`, with `~` appended to each folder whose name a file already has."""
    path = root
    *folders, base = Path(name).parts
    for part in folders:
        path /= part
        while os.path.lexists(path) and not path.is_dir():
            path = path.with_name(path.name + "~")
    return path / base


def numbered_paths(path: Path) -> Iterator[Path]:
    """Return `scan.pdf`, `scan.2.pdf`, `scan.3.pdf` ... without end, within MAX_NAME_BYTES."""
    yield path
    for number in itertools.count(2):
        yield path.with_name(shorten(path.stem, f".{number}{path.suffix}"))


def shorten(stem: str, ending: str) -> str:
    """Return `stem + ending`; a stem too long for a file name is cut and gets its digest."""
    raw, tail = os.fsencode(stem), os.fsencode(ending)
    if len(raw) + len(tail) > MAX_NAME_BYTES:
        mark = b"~" + hashlib.sha256(raw).hexdigest()[:8].encode()
        raw = raw[: MAX_NAME_BYTES - len(tail) - len(mark)] + mark
    return os.fsdecode(raw + tail)


def files_below(folder: Path) -> Iterator[Path]:
    """Return the files below a folder, links not followed; what vanishes meanwhile is left out."""
    for parent, _, names in os.walk(folder):
        yield from (Path(parent, name) for name in names)


def is_regular(path: Path) -> bool:
    """Tell whether `path` itself is a regular file, not a link to one."""
    return stat.S_ISREG(path.lstat().st_mode)


def to_unicode(name: str) -> str:
    """Return a file name as valid Unicode; bytes that are not UTF-8 become U+FFFD."""
    return os.fsencode(name).decode("utf-8", "replace")
