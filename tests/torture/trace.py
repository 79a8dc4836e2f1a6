"""Records the file operations of a run of the daemon with strace.

Writes go to inodes and names to folders, as on a disk: each operation has its inode, so that a
replay can lose a name and keep the bytes, or the reverse.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from tests.support.repository import REPOSITORY
from tests.support.running_daemon import Workspace, until
from tests.torture.life import PROGRAMS

STRACE = shutil.which("strace")
CALLS = (
    "openat,open,creat,write,pwrite64,ftruncate,truncate,fsync,fdatasync,rename,renameat,renameat2,"
    "link,linkat,unlink,unlinkat,mkdir,mkdirat,rmdir,symlink,symlinkat,copy_file_range,sendfile"
)
IGNORED = (
    "logs", "output", "trace", "state/heartbeat.json", "state/.heartbeat.json.tmp",
    "state/waiting.json", "state/.waiting.json.tmp",
)  # fmt: skip
_LINE = re.compile(r"^(\d+) +(\w+)\((.*)\) += (-?\d+)")
_UNFINISHED = re.compile(r"^(\d+) +(.*) <unfinished \.\.\.>$")
_RESUMED = re.compile(r"^(\d+) +<\.\.\. \w+ resumed>(.*)$")
_VALUE = re.compile(r' *(?:(?:AT_FDCWD|\d+)<((?:\\x..)*)>|"((?:\\x..)*)"|([^,]+))')

Kind = Literal["create", "write", "truncate", "sync", "sync folder", "rename", "link", "unlink",
               "mkdir", "rmdir"]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Op:
    """One operation; paths are relative to the root of the daemon, `target` is a new name.

    `at` is the offset of a write in bytes, or the size of a truncation.
    """

    kind: Kind
    path: str
    inode: int = 0
    target: str = ""
    at: int = 0
    data: bytes = b""

    def __str__(self) -> str:
        size = f" {len(self.data)} bytes at {self.at}" if self.data else ""
        return f"{self.kind} {self.path}{f' -> {self.target}' if self.target else ''}{size}"


@dataclass(frozen=True, slots=True)
class Record:
    """The durable contents of the disk before a run, and its operations in order.

    `files` are inode numbers by path and `contents` bytes by inode; `folders` are paths.
    """

    files: dict[str, int]
    contents: dict[int, bytes]
    folders: frozenset[str]
    ops: tuple[Op, ...]


def record(workspace: Workspace, program: str, is_done: Callable[[], bool]) -> Record:
    """Run the daemon under strace until `is_done`, stop it, and return its operations."""
    assert STRACE is not None, "strace is needed"
    files, contents, folders = _snapshot(workspace.root)
    trace = workspace.root / "trace"
    command = [STRACE, "-f", "-y", "-xx", "-s", "10000000", "--seccomp-bpf", "-o", str(trace)]
    with (workspace.root / "output").open("ab") as output:
        tracer = psutil.Popen(
            [*command, "-e", f"trace={CALLS}", sys.executable, "-m", PROGRAMS[program], "run",
             "--config", str(workspace.config)],
            stdout=output, stderr=output, cwd=REPOSITORY,
            env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        )  # fmt: skip
    until(is_done, 120, what="the recorded run answers everything")
    (daemon,) = tracer.children()
    daemon.terminate()
    tracer.wait(60)
    lines = trace.read_text().splitlines()
    return Record(
        files, contents, folders, tuple(_InodeTracker(workspace.root, files).operations(lines))
    )


def _snapshot(root: Path) -> tuple[dict[str, int], dict[int, bytes], frozenset[str]]:
    paths = sorted(path for path in root.rglob("*") if not _is_ignored(path.relative_to(root)))
    files = [path for path in paths if path.is_file()]
    numbered = {str(path.relative_to(root)): -1 - n for n, path in enumerate(files)}
    contents = {-1 - n: path.read_bytes() for n, path in enumerate(files)}
    return numbered, contents, frozenset(str(p.relative_to(root)) for p in paths if p.is_dir())


def _is_ignored(path: Path) -> bool:
    return str(path).startswith(IGNORED) or path.name.endswith("-shm")


def _completed_calls(lines: list[str]) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield each call when it returns: its name, its paths and strings, its other values."""
    begun: dict[str, str] = {}
    for line in lines:
        if cut := _UNFINISHED.match(line):
            begun[cut[1]] = cut[2]
            continue
        if resumed := _RESUMED.match(line):
            line = f"{resumed[1]} {begun.pop(resumed[1])}{resumed[2]}"
        if (call := _LINE.match(line)) and int(call[4]) >= 0:
            values = [tuple(value) for value in _VALUE.findall(call[3])]
            texts = [path or text for path, text, bare in values if not bare.strip()]
            yield call[2], texts, [bare.strip() for _, _, bare in values if bare.strip()]


def _bytes(escaped: str) -> bytes:
    return bytes.fromhex(escaped.replace("\\x", ""))


class _InodeTracker:
    """Tracks which inode each name refers to through the calls of a run."""

    def __init__(self, root: Path, files: dict[str, int]) -> None:
        self._root = root
        self._files = dict(files)
        self._ends: dict[int, int] = {}
        self._next = 1

    def operations(self, lines: list[str]) -> Iterator[Op]:
        """Yield the operations on files below the root."""
        for call, texts, bare in _completed_calls(lines):
            for op in self._ops(call, texts, bare):
                self._follow(op)
                yield op

    def _ops(self, call: str, texts: list[str], bare: list[str]) -> Iterator[Op]:
        if call in ("write", "pwrite64", "ftruncate", "fsync", "fdatasync"):
            yield from self._on_open_file(call, texts, bare)
        elif call in ("openat", "open", "creat"):
            yield from self._opened(texts, bare)
        elif paths := self._paths(call, texts):
            yield from self._on_names(call, paths, bare)

    def _on_open_file(self, call: str, texts: list[str], bare: list[str]) -> Iterator[Op]:
        path = self._relative(_bytes(texts[0]))
        if path is None:
            return
        inode = self._files.get(path, 0)
        if call in ("fsync", "fdatasync"):
            yield Op("sync" if inode else "sync folder", path, inode)
        elif call == "ftruncate":
            yield Op("truncate", path, inode, at=int(bare[0]))
        elif inode:
            at = int(bare[-1]) if call == "pwrite64" else self._ends.get(inode, 0)
            yield Op("write", path, inode, at=at, data=_bytes(texts[1]))

    def _opened(self, texts: list[str], bare: list[str]) -> Iterator[Op]:
        path = self._relative(os.path.join(*map(_bytes, texts[:2])))  # noqa: PTH118 -- bytes
        flags = bare[0] if bare else ""
        if path is None:
            return
        if "O_CREAT" in flags and path not in self._files:
            self._next += 1
            yield Op("create", path, self._next)
        elif "O_TRUNC" in flags:
            yield Op("truncate", path, self._files[path], at=0)

    def _paths(self, call: str, texts: list[str]) -> list[str]:
        """Return the one or two paths of a call on names, if they are below the root."""
        found = [_bytes(text) for text in texts]
        if call.endswith(("at", "at2")):
            found = [os.path.join(*found[n : n + 2]) for n in range(0, len(found), 2)]  # noqa: PTH118
        paths = [self._relative(path) for path in found]
        return [path for path in paths if path is not None]

    def _on_names(self, call: str, paths: list[str], bare: list[str]) -> Iterator[Op]:
        kind = call.removesuffix("2").removesuffix("at")
        if kind == "unlink" and "AT_REMOVEDIR" in bare:
            kind = "rmdir"
        if kind in ("mkdir", "rmdir"):
            yield Op("mkdir" if kind == "mkdir" else "rmdir", paths[0])
        elif kind == "unlink":
            yield Op("unlink", paths[0], self._files[paths[0]])
        elif kind in ("rename", "link"):
            source, target = paths  # nothing is moved into the root or out of it
            yield Op("rename" if kind == "rename" else "link", source, self._files[source], target)
        else:
            raise AssertionError(f"{call} cannot be replayed: {paths}")

    def _follow(self, op: Op) -> None:
        if op.kind in ("rename", "unlink"):
            del self._files[op.path]
        if op.kind in ("rename", "link"):
            self._files[op.target] = op.inode
        elif op.kind == "create":
            self._files[op.path] = op.inode
        elif op.kind == "truncate":
            self._ends[op.inode] = op.at
        elif op.kind == "write":
            end = self._ends.get(op.inode, 0)
            self._ends[op.inode] = max(end, op.at + len(op.data))

    def _relative(self, raw: bytes) -> str | None:
        path = Path(os.fsdecode(os.path.normpath(raw)))
        if not path.is_relative_to(self._root) or path == self._root:
            return None
        relative = path.relative_to(self._root)
        return None if _is_ignored(relative) else str(relative)
