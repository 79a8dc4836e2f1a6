"""Resident memory of the processes of a daemon over time, as rows of a CSV file.

The kernel tells three kinds of resident pages apart (proc(5)): `anon` is what the process has
written itself and grows with a leak, `file` is mapped programs and libraries, which processes
share, `shmem` is shared memory (SQLite's index of its log).
"""

from __future__ import annotations

import csv
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal

import psutil

from tests.torture.life import Life

Role = Literal["daemon", "worker", "other"]


@dataclass(frozen=True, slots=True)
class MemoryRow:
    """One process at one moment: seconds since the run and its daemon began, memory in MB."""

    run: int
    seconds: float
    life: int  # how often the daemon was started before, in this run
    age: float
    documents: int
    role: Role
    pid: int
    resident: float
    anon: float
    file: float
    shmem: float


COLUMNS = [field.name for field in fields(MemoryRow)]


def rows(life: Life, run: int, began: float, number: int, now: float, documents: int) -> Iterator:
    """Yield a `MemoryRow` for each process of a daemon; `began` and `now` are monotonic seconds."""
    moment = run, round(now - began, 1), number, round(now - life.started, 1), documents
    processes: list[psutil.Process] = [life.process, *life.process.children(recursive=True)]
    for process in processes:
        try:
            command = process.cmdline()
            pages = _pages(process.pid)
        except (psutil.Error, OSError, KeyError):
            continue  # it has just ended
        yield MemoryRow(*moment, _role(process, life, command), process.pid, *pages)


def _role(process: psutil.Process, life: Life, command: list[str]) -> Role:
    if process.pid == life.process.pid:
        return "daemon"
    return "worker" if "worker_main" in " ".join(command) else "other"


def _pages(pid: int) -> tuple[float, float, float, float]:
    """Return resident memory in MB: all of it, anonymous, of files, shared."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    values = dict(line.split(":", 1) for line in lines)
    names = ("VmRSS", "RssAnon", "RssFile", "RssShmem")
    return tuple(round(int(values[name].split()[0]) / 1000, 2) for name in names)  # type: ignore[return-value]


class MemoryLog:
    """Appends rows to a CSV file, which a later run continues."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.run = 1 + max((row.run for row in read(path)), default=0)
        if not path.exists():
            with path.open("w", newline="") as file:
                csv.writer(file).writerow(COLUMNS)

    def append(self, found: Iterable[MemoryRow]) -> None:
        """Write rows and close the file, so that a kill loses none."""
        with self._path.open("a", newline="") as file:
            csv.DictWriter(file, COLUMNS).writerows(asdict(row) for row in found)


def read(path: Path) -> list[MemoryRow]:
    """Return the rows of a CSV file, none if there is no file; a torn last line is left out."""
    if not path.exists():
        return []
    found = []
    with path.open(newline="") as file:
        for line in csv.DictReader(file):
            if all(line.get(name) for name in COLUMNS):
                found.append(_row(line))
    return found


def _row(line: dict[str, str]) -> MemoryRow:
    kinds = {"role": str, "run": int, "life": int, "documents": int, "pid": int}
    return MemoryRow(**{name: kinds.get(name, float)(line[name]) for name in COLUMNS})


def table(found: list[MemoryRow], parts: int = 8) -> Iterator[str]:
    """Yield lines: for each part of all runs, the median of each role's memory."""
    yield f"{'part':>4} {'run':>3} {'documents':>9} {'role':12} {'anon':>7} {'file':>7} {'max':>7}"
    moments = sorted({(row.run, row.seconds) for row in found})
    size = max(1, -(-len(moments) // parts))
    for part in range(0, len(moments), size):
        chosen = set(moments[part : part + size])
        within = [row for row in found if (row.run, row.seconds) in chosen]
        for role in ("daemon", "worker"):
            of_role = [row for row in within if row.role == role]
            if of_role:
                yield (
                    f"{part // size + 1:4} {of_role[-1].run:3} {of_role[-1].documents:9} {role:12} "
                    f"{statistics.median(row.anon for row in of_role):7.1f} "
                    f"{statistics.median(row.file for row in of_role):7.1f} "
                    f"{max(row.resident for row in of_role):7.1f}"
                )
