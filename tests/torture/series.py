"""A series: traffic, kills at random, a watcher, the proof all the while; and its figures."""

from __future__ import annotations

import os
import statistics
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from daemon.cli.verify import verify
from daemon.config.load import load
from tests.support.running_daemon import Workspace
from tests.torture import oracle, traffic
from tests.torture.kills import Killer, Toll
from tests.torture.life import quick_workspace
from tests.torture.matrix import open_rows
from tests.torture.oracle import Count, Landed
from tests.torture.watcher import Watcher

WORKERS = 2
BACKLOG = 24  # files that wait in the inbox as long as files are landed
REST_SECONDS = 900.0  # within which all must be answered once the kills are over
FIRST_ANSWER_SECONDS = 5.0  # after a start and its loading, wherever there is something to answer
PROOF_SHARE = 0.05  # of the time that goes into proving meanwhile


@dataclass(slots=True)
class Figures:
    """What a series came to; `seconds` are from the first file to the last answer."""

    program: str
    counted: Count
    toll: Toll
    seconds: float = 0.0
    is_finished: bool = False
    first_answers: list[float] = field(default_factory=list)
    attempts: dict[int, int] = field(default_factory=dict)
    disproofs: list[str] = field(default_factory=list)
    proofs: int = 0

    @property
    def holds(self) -> bool:
        """Whether nothing was lost, answered twice or torn, and the daemon never fell by itself."""
        return self.is_finished and self.counted.holds and not self.disproofs and not self.toll.fell

    @property
    def rate(self) -> float:
        """Answers a second, loading and recovery included."""
        return self.counted.answered / self.seconds

    def lines(self) -> Iterator[str]:
        """Return the figures as lines of text."""
        kills = self.toll.kills
        yield f"{self.program} reading: {kills.total()} kills {dict(kills)}"
        yield f"  {self.counted}"
        yield f"  all answered: {self.is_finished}; daemon fell by itself: {len(self.toll.fell)}"
        yield from (f"    {fall!r}" for fall in self.toll.fell[:5])
        yield f"  `verify` meanwhile: {self.proofs} times, wrong {len(self.disproofs)}"
        yield from (f"    {disproof}" for disproof in self.disproofs[:5])
        yield f"  answers by attempt: {self.attempts}"
        yield f"  {self.seconds:.0f} s, {self.rate:.2f} answers/s"
        if self.toll.loads:
            yield f"  start to ready: {_spread(self.toll.loads)}"
        if self.first_answers:
            late = sum(seconds > FIRST_ANSWER_SECONDS for seconds in self.first_answers)
            yield f"  ready to first answer: {_spread(self.first_answers)}, {late} above 5 s"


def run(
    root: Path, program: str, kills: int, seed: int, gap: float, limit: float, files: int = 0
) -> Figures:
    """Run a series below `root`: that many kills or `limit` seconds of them, then answer all.

    `files` is how many are landed at least; without kills, how many are landed.
    """
    workspace = quick_workspace(root, program, workers=WORKERS, tasks_per_worker=200)
    tap = Tap(workspace, program, seed)
    watcher, proofs = Watcher(workspace.outbox), Proofs(workspace)
    began = time.monotonic()
    killer = Killer(workspace, program, seed, gap, tap.top_up)
    killer.strike(kills, began + limit)
    tap.limit = max(files, len(tap.landed))
    finished = killer.rest(lambda: tap.is_dry and is_done(workspace), REST_SECONDS)
    seconds = time.monotonic() - began
    killer.end()
    watcher.stop()
    proofs.stop()
    counted = oracle.count(workspace, tap.landed)
    counted.torn += watcher.torn
    counted.duplicated += watcher.replaced()
    return Figures(
        program, counted, killer.toll, seconds, finished, _first_answers(killer.toll, watcher),
        _attempts(workspace), proofs.wrong, proofs.made,
    )  # fmt: skip


class Tap:
    """Lands files so that some always wait, up to `limit` in all."""

    def __init__(self, workspace: Workspace, program: str, seed: int) -> None:
        self._workspace = workspace
        self._files = traffic.endless(program, seed)
        self.landed: list[Landed] = []
        self.limit: float = float("inf")

    @property
    def is_dry(self) -> bool:
        """Whether all that is to land has landed."""
        return len(self.landed) >= self.limit

    def top_up(self) -> None:
        """Land what is missing of the backlog."""
        if self.is_dry:
            return
        waiting = sum(path.is_file() for path in self._workspace.inbox.glob("[0-9a]*/*"))
        for _ in range(min(BACKLOG - waiting, int(min(self.limit - len(self.landed), BACKLOG)))):
            self.landed.append(traffic.drop(self._workspace, next(self._files)))


class Proofs:
    """`ocr-daemon verify` again and again on the live folders, in a thread of its own."""

    def __init__(self, workspace: Workspace) -> None:
        self._config = load(workspace.config)
        self._ledger_file = workspace.state / "ledger.sqlite3"
        self._over = threading.Event()
        self.made = 0
        self.wrong: list[str] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Prove a last time and end."""
        self._over.set()
        self._thread.join()
        self._prove()

    def _run(self) -> None:
        pause = 0.5
        while not self._over.wait(pause):
            began = time.monotonic()
            if self._ledger_file.exists() and self._ledger_file.stat().st_size:
                self._prove()
            pause = max(0.5, (time.monotonic() - began) / PROOF_SHARE)

    def _prove(self) -> None:
        try:
            balance = verify(self._config)
        except Exception as error:
            self.wrong.append(repr(error))
            return
        self.made += 1
        self.wrong += [f"torn {name}" for name in balance.torn]
        self.wrong += [f"lost {name}" for name in balance.lost]


def is_done(workspace: Workspace) -> bool:
    """Tell whether nothing waits or is in work."""
    waits = any(set(names) - {"lock"} for _, _, names in os.walk(workspace.inbox))
    return not waits and not open_rows(workspace)


def _first_answers(toll: Toll, watcher: Watcher) -> list[float]:
    """Return the seconds from ready to the first answer, of the lives that came to one."""
    found = []
    ends = [start for start, _ in toll.starts[1:]] + [float("inf")]
    for (start, ready), end in zip(toll.starts, ends, strict=True):
        first = watcher.first_after(start)
        if ready is not None and first is not None and first < end:
            found.append(max(0.0, first - ready))
    return found


def _attempts(workspace: Workspace) -> dict[int, int]:
    numbers = [answer["processing"]["attempt"] for answer in workspace.answers().values()]
    return {number: numbers.count(number) for number in sorted(set(numbers))}


def _spread(seconds: list[float]) -> str:
    return f"median {statistics.median(seconds):.2f} s, most {max(seconds):.2f} s"
