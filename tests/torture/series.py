"""A series of random kills under traffic, with a watcher and `verify` running, and its figures."""

from __future__ import annotations

import os
import random
import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from daemon.cli.verify import verify
from daemon.config.load import load
from tests.support.running_daemon import Workspace
from tests.torture import oracle, traffic
from tests.torture.kills import Killer, KillLog
from tests.torture.life import IN_PLACE, quick_workspace
from tests.torture.matrix import open_rows
from tests.torture.oracle import Count, Landed
from tests.torture.watcher import Watcher

WORKERS = 2
BACKLOG = 24  # files that wait in the inbox while files are dropped
REST_SECONDS = 900.0  # to answer everything after the last kill
FIRST_ANSWER_SECONDS = 5.0  # after loading, if there is something to answer
VERIFY_SHARE = 0.05  # share of the time spent in `verify`
# of hundred drops with claim: ledger, those after which an answered file is touched or removed
TOUCHED, REMOVED = 8, 25
RECENT = 300  # of the answered files the oldest are removed, so that the inbox does not only grow

ClaimMode = Literal["rename", "ledger"]


@dataclass(slots=True)
class Figures:
    """The figures of a series; `seconds` are from the first file to the last answer."""

    program: str
    claim: ClaimMode
    counted: Count
    kill_log: KillLog
    seconds: float = 0.0
    is_finished: bool = False
    first_answers: list[float] = field(default_factory=list)
    attempts: dict[int, int] = field(default_factory=dict)
    verify_errors: list[str] = field(default_factory=list)
    verifications: int = 0

    @property
    def holds(self) -> bool:
        """Whether nothing was lost, answered twice or torn, and the daemon did not exit itself."""
        errors = self.verify_errors or self.kill_log.unexpected_exits
        return self.is_finished and self.counted.holds and not errors

    @property
    def rate(self) -> float:
        """Answers per second, loading and recovery included."""
        return self.counted.answered / self.seconds

    def lines(self) -> Iterator[str]:
        """Return the figures as lines of text."""
        kills, exits = self.kill_log.kills, self.kill_log.unexpected_exits
        yield f"{self.program} OCR, claim {self.claim}: {kills.total()} kills {dict(kills)}"
        yield f"  {self.counted}"
        yield f"  all answered: {self.is_finished}; unexpected exits of the daemon: {len(exits)}"
        yield from (f"    {output!r}" for output in exits[:5])
        yield f"  `verify` ran {self.verifications} times, errors {len(self.verify_errors)}"
        yield from (f"    {error}" for error in self.verify_errors[:5])
        yield f"  answers by attempt: {self.attempts}"
        yield f"  {self.seconds:.0f} s, {self.rate:.2f} answers/s"
        if self.kill_log.load_seconds:
            yield f"  start to ready: {_summary(self.kill_log.load_seconds)}"
        if self.first_answers:
            late = sum(seconds > FIRST_ANSWER_SECONDS for seconds in self.first_answers)
            yield f"  ready to first answer: {_summary(self.first_answers)}, {late} above 5 s"


def run(
    root: Path,
    program: str,
    kills: int,
    seed: int,
    gap: float,
    limit: float,
    files: int = 0,
    claim: ClaimMode = "rename",
) -> Figures:
    """Run a series below `root`: `kills` kills or `limit` seconds of them, then answer everything.

    At least `files` files are dropped, exactly as many if there are no kills.
    """
    config = {"workers": WORKERS, "tasks_per_worker": 200}
    config |= IN_PLACE if claim == "ledger" else {}
    workspace = quick_workspace(root, program, **config)
    watcher, verify_loop = Watcher(workspace.outbox), VerifyLoop(workspace)
    feeder: Feeder = (
        InPlaceFeeder(workspace, program, seed, watcher)
        if claim == "ledger"
        else Feeder(workspace, program, seed)
    )
    began = time.monotonic()
    killer = Killer(workspace, program, seed, gap, feeder.top_up)
    killer.run(kills, began + limit)
    feeder.limit = max(files, len(feeder.landed))
    finished = killer.run_undisturbed(
        lambda: feeder.is_exhausted and feeder.is_answered and not open_rows(workspace),
        REST_SECONDS,
    )
    seconds = time.monotonic() - began
    killer.end()
    watcher.stop()
    verify_loop.stop()
    counted = oracle.count(workspace, feeder.landed, feeder.removed, in_place=claim == "ledger")
    counted.torn += watcher.torn
    counted.duplicated += watcher.replaced()
    return Figures(
        program, claim, counted, killer.kill_log, seconds, finished,
        _first_answers(killer.kill_log, watcher), attempts_of(workspace),
        verify_loop.errors, verify_loop.count,
    )  # fmt: skip


class Feeder:
    """Drops files so that some always wait, up to `limit` in all."""

    def __init__(self, workspace: Workspace, program: str, seed: int, first: int = 0) -> None:
        """`first` is the number of the first file; another number is another file."""
        self._workspace = workspace
        self._files = traffic.endless(program, seed, first)
        self.landed: list[Landed] = []
        self.removed: list[Landed] = []  # by this class, after their answer
        self.limit: float = float("inf")

    @property
    def is_exhausted(self) -> bool:
        """Whether all files have been dropped."""
        return len(self.landed) >= self.limit

    @property
    def is_answered(self) -> bool:
        """Whether nothing waits in the inbox."""
        return not waits(self._workspace)

    def top_up(self) -> None:
        """Drop the files missing from the backlog."""
        if self.is_exhausted:
            return
        missing = BACKLOG - self._waiting()
        for _ in range(min(missing, int(min(self.limit - len(self.landed), BACKLOG)))):
            self._drop(next(self._files))

    def _waiting(self) -> int:
        return sum(path.is_file() for path in self._workspace.inbox.glob("[0-9a]*/*"))

    def _drop(self, file: Landed) -> None:
        self.landed.append(traffic.drop(self._workspace, file))


class InPlaceFeeder(Feeder):
    """Drops files that stay in the inbox (claim: ledger), and treats them as their owner may.

    An answered file is overwritten by another one of its name, touched, which must bring no second
    answer, or removed.
    """

    def __init__(self, workspace: Workspace, program: str, seed: int, watcher: Watcher) -> None:
        super().__init__(workspace, program, seed)
        self._watcher = watcher
        self._rng = random.Random(seed)
        self._present: dict[str, Landed] = {}  # by name, oldest first
        self._wanted: Counter[str] = Counter()

    @property
    def is_answered(self) -> bool:
        """Whether each file has its answer."""
        return self._waiting() <= 0

    def _waiting(self) -> int:
        return len(self.landed) - self._watcher.answered.total()

    def _drop(self, file: Landed) -> None:
        previous = self._present.get(file.name)
        if previous and self._has_answer(previous) and previous.content != file.content:
            self._forget(previous)
            self._workspace.drop(file.name, file.content)
        else:
            file = traffic.drop(self._workspace, file)
        self.landed.append(file)
        self._present[file.name] = file
        self._wanted[file.sha256] += 1
        chance = self._rng.randrange(100)
        if chance < TOUCHED:
            self._touch(self._rng.choice(list(self._present.values())))
        elif chance < REMOVED and len(self._present) > RECENT:
            self._remove(next(iter(self._present.values())))

    def _has_answer(self, file: Landed) -> bool:
        """Whether all files with these bytes are answered."""
        return self._watcher.answered[file.sha256] >= self._wanted[file.sha256]

    def _touch(self, file: Landed) -> None:
        if file.text is not None and self._has_answer(file):  # a failed one would be read again
            os.utime(self._workspace.inbox / file.name)

    def _remove(self, file: Landed) -> None:
        if self._has_answer(file):
            self._forget(file)
            (self._workspace.inbox / file.name).unlink()

    def _forget(self, file: Landed) -> None:
        del self._present[file.name]
        self.removed.append(file)


class VerifyLoop:
    """Runs `ocr-daemon verify` repeatedly on the live folders, in a thread."""

    def __init__(self, workspace: Workspace) -> None:
        self._config = load(workspace.config)
        self._ledger_file = workspace.state / "ledger.sqlite3"
        self._stopping = threading.Event()
        self.count = 0
        self.errors: list[str] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Verify once more and end."""
        self._stopping.set()
        self._thread.join()
        self._verify()

    def _run(self) -> None:
        pause = 0.5
        while not self._stopping.wait(pause):
            began = time.monotonic()
            if self._ledger_file.exists() and self._ledger_file.stat().st_size:
                self._verify()
            pause = max(0.5, (time.monotonic() - began) / VERIFY_SHARE)

    def _verify(self) -> None:
        try:
            balance = verify(self._config)
        except Exception as error:
            self.errors.append(repr(error))
            return
        self.count += 1
        self.errors += [f"torn {name}" for name in balance.torn]
        self.errors += [f"lost {name}" for name in balance.lost]


def is_done(workspace: Workspace) -> bool:
    """Return whether nothing waits or is in progress, where originals leave the inbox."""
    return not waits(workspace) and not open_rows(workspace)


def waits(workspace: Workspace) -> bool:
    """Return whether a file lies in the inbox or in the work folder."""
    names = (name for _, _, names in os.walk(workspace.inbox) for name in names)
    return any(name != "lock" and not oracle.is_probe(name) for name in names)


def _first_answers(kill_log: KillLog, watcher: Watcher) -> list[float]:
    """Return the seconds from ready to the first answer, for the runs with one."""
    found = []
    ends = [start for start, _ in kill_log.starts[1:]] + [float("inf")]
    for (start, ready), end in zip(kill_log.starts, ends, strict=True):
        first = watcher.first_after(start)
        if ready is not None and first is not None and first < end:
            found.append(max(0.0, first - ready))
    return found


def attempts_of(workspace: Workspace) -> dict[int, int]:
    """Return the number of answers by the attempt that they came from."""
    numbers = [answer["processing"]["attempt"] for answer in workspace.answers().values()]
    return {number: numbers.count(number) for number in sorted(set(numbers))}


def _summary(seconds: list[float]) -> str:
    return f"median {statistics.median(seconds):.2f} s, maximum {max(seconds):.2f} s"
