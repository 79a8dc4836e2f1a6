"""A process for each reader, on one core: its seconds and its memory are its own."""

from __future__ import annotations

import multiprocessing
import os
import resource
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np

from bench.peers import Missing
from bench.readers import Seen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from multiprocessing.connection import Connection

    from bench.readers import Reader


@dataclass(frozen=True)
class Memory:
    """Resident set (RSS) in MB: its peak, and at the end; a command's process does not stay."""

    peak: float
    end: float


class Engine:
    """A reader, warm in a process of its own."""

    def __init__(self, reader: Reader) -> None:
        """Start the process and wait until it can read; raises Missing where it never will."""
        context = multiprocessing.get_context("spawn")
        self.name = reader.name
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(reader, theirs), daemon=True)
        with _environment(reader.environment):
            self._process.start()
        theirs.close()
        absent = self._pipe.recv()
        if absent is not None:
            self._process.join()
            raise Missing(absent)

    def read(self, file: Path) -> Seen:
        """Read the first page of a file; EOFError where the process died of it."""
        self._pipe.send(file)
        return self._pipe.recv()

    def memory(self) -> Memory:
        """Return what the reader has taken so far."""
        self._pipe.send(None)
        return self._pipe.recv()

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._pipe.close()
        self._process.join()


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Let what is started within have `values` besides."""
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def serve(reader: Reader, pipe: Connection) -> None:
    """Answer files with what was seen, and None with the memory taken, until the pipe is closed."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[os.getppid() % len(cores)]})  # benches side by side spread out
    try:
        read = reader.load()
    except Missing as absent:
        pipe.send(str(absent))
        return
    pipe.send(None)
    try:
        while True:
            file = pipe.recv()
            pipe.send(_memory(reader.forks) if file is None else seen_or_nothing(read, file))
    except EOFError:
        return


def seen_or_nothing(read: Callable[[Path], Seen], file: Path) -> Seen:
    """Read a page; what a reader cannot read is said, and counts as an empty page."""
    try:
        return read(file)
    except Exception as unread:  # of four libraries: each has its own
        print(f"{file.name} not read: {unread!r}", flush=True)
        return Seen("", np.zeros((0, 4)), {})


def _memory(forks: bool) -> Memory:
    if forks:
        return Memory(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024, 0.0)
    lines = (line.split() for line in Path("/proc/self/status").read_text().splitlines())
    kilobytes = {words[0]: words[1] for words in lines if len(words) > 1}
    return Memory(int(kilobytes["VmHWM:"]) / 1024, int(kilobytes["VmRSS:"]) / 1024)
