"""Runs each reader in a process of its own, on one core: its time and memory are separate."""

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

from bench.peers import NotInstalled
from bench.readers import PageReading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from multiprocessing.connection import Connection

    from bench.readers import PageReader


@dataclass(frozen=True)
class ResidentMemory:
    """Resident set (RSS) in MB: the peak, and at the end, which is 0 for a command."""

    peak: float
    end: float


class ReaderProcess:
    """A loaded reader in a process of its own."""

    def __init__(self, reader: PageReader) -> None:
        """Start the process and wait until it is loaded; raises NotInstalled if it cannot be."""
        context = multiprocessing.get_context("spawn")
        self.name = reader.name
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(reader, theirs), daemon=True)
        with _environment(reader.environment):
            self._process.start()
        theirs.close()
        error = self._pipe.recv()
        if error is not None:
            self._process.join()
            raise NotInstalled(error)

    def read(self, file: Path) -> PageReading:
        """Read the first page of a file; raises EOFError when the process dies."""
        self._pipe.send(file)
        return self._pipe.recv()

    def memory(self) -> ResidentMemory:
        """Return the memory used so far."""
        self._pipe.send(None)
        return self._pipe.recv()

    def __enter__(self) -> ReaderProcess:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._pipe.close()
        self._process.join()


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Add `values` to the environment of processes started in the block."""
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def serve(reader: PageReader, pipe: Connection) -> None:
    """Answer a file with its reading and None with the memory used, until the pipe is closed."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(
        0, {cores[os.getppid() % len(cores)]}
    )  # concurrent benchmarks use different cores
    try:
        read = reader.load()
    except NotInstalled as error:
        pipe.send(str(error))
        return
    pipe.send(None)
    try:
        while True:
            file = pipe.recv()
            pipe.send(_memory(reader.forks) if file is None else read_or_empty(read, file))
    except EOFError:
        return


def read_or_empty(read: Callable[[Path], PageReading], file: Path) -> PageReading:
    """Read a page; a failure is printed and counts as an empty page."""
    try:
        return read(file)
    except Exception as error:  # each of four libraries has its own
        print(f"{file.name} not read: {error!r}", flush=True)
        return PageReading("", np.zeros((0, 4)), {})


def _memory(forks: bool) -> ResidentMemory:
    if forks:
        return ResidentMemory(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024, 0.0)
    lines = (line.split() for line in Path("/proc/self/status").read_text().splitlines())
    kilobytes = {words[0]: words[1] for words in lines if len(words) > 1}
    return ResidentMemory(int(kilobytes["VmHWM:"]) / 1024, int(kilobytes["VmRSS:"]) / 1024)
