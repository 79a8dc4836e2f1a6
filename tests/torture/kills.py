"""Seeded kills at random moments, with a restart of the daemon after each exit.

The moment is uniform over the activity of the daemon: up to twice the mean gap after it was ready
(in one run of five, after its start, so that loading and recovery are interrupted too).
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import psutil

from tests.support.running_daemon import Workspace
from tests.torture.life import Life

Kind = Literal[
    "kill worker", "kill daemon", "terminate", "stop worker", "stop daemon",
    "kill scheduler", "kill process", "terminate worker",
]  # fmt: skip
"""The last three are those of a cluster (dask_kills.py)."""
KINDS: dict[Kind, int] = {
    "kill worker": 48, "kill daemon": 20, "terminate": 8, "stop worker": 12, "stop daemon": 12,
}  # fmt: skip
STOP_SECONDS = 0.3  # on average, between SIGSTOP and SIGCONT
DRAIN_SECONDS = 60.0
TICK_SECONDS = 0.02


@dataclass(slots=True)
class KillLog:
    """Kills by kind, start and ready times in monotonic seconds, and exits without a kill."""

    kills: Counter[Kind] = field(default_factory=Counter)
    starts: list[tuple[float, float | None]] = field(default_factory=list)
    unexpected_exits: list[str] = field(default_factory=list)

    @property
    def load_seconds(self) -> list[float]:
        """Seconds from each start to ready, for the runs that became ready."""
        return [ready - start for start, ready in self.starts if ready is not None]


class Killer:
    """Keeps a daemon running and kills it; calls `on_tick` all the time (to drop files)."""

    def __init__(
        self, workspace: Workspace, program: str, seed: int, gap: float, on_tick: Callable[[], None]
    ) -> None:
        self._workspace, self._program, self._gap, self.on_tick = workspace, program, gap, on_tick
        self._rng = random.Random(seed)
        self.kill_log = KillLog()
        self.life = self._start()

    def run(self, kills: int, until: float) -> None:
        """Kill `kills` times, or until the time `until` (monotonic seconds)."""
        for kind in self._kinds(kills):
            self._wait_for_kill()
            if time.monotonic() >= until:
                break
            self._apply(kind)
            if self.kill_log.kills.total() % 100 == 0:
                print(f"  {self.kill_log.kills.total()} kills", file=sys.stderr, flush=True)
            if self.life.is_over:
                self._record_start()
                self.life = self._start()

    def run_undisturbed(self, is_done: Callable[[], bool], seconds: float) -> bool:
        """Run without kills until `is_done`, restarting if needed; return whether it is done."""
        deadline = time.monotonic() + seconds
        while not (done := is_done()) and time.monotonic() < deadline:
            self._wait(0.2)
        return done

    def end(self) -> None:
        """Stop the daemon with SIGTERM."""
        self._note_ready()
        if (code := self.life.terminate()) != 0:
            self.kill_log.unexpected_exits.append(f"exit code {code} after SIGTERM")
        self._record_start()

    def _kinds(self, kills: int) -> Iterator[Kind]:
        for _ in range(kills):
            yield self._rng.choices(list(KINDS), list(KINDS.values()))[0]

    def _start(self) -> Life:
        self._is_early = self._rng.random() < 0.2
        return Life(self._workspace, self._program)

    def _wait_for_kill(self) -> None:
        while not self._is_early and self.life.ready is None:
            self._wait(TICK_SECONDS)
        self._wait(self._rng.uniform(0, 2 * self._gap))
        self._is_early = False

    def _wait(self, seconds: float) -> None:
        """Wait with calls of `on_tick`; record and restart a daemon that exits by itself."""
        deadline = time.monotonic() + seconds
        while True:
            self.on_tick()
            self._note_ready()
            if self.life.is_over:
                printed = self.life.printed().decode(errors="replace")
                self.kill_log.unexpected_exits.append(printed[-500:])
                self._record_start()
                self.life = self._start()
            if time.monotonic() >= deadline:
                return
            time.sleep(min(TICK_SECONDS, max(0.0, deadline - time.monotonic())))

    def _note_ready(self) -> None:
        _ = self.life.ready  # the first access records the time

    def _record_start(self) -> None:
        self.kill_log.starts.append((self.life.started, self.life.ready))

    def _apply(self, kind: Kind) -> None:
        workers = self.life.workers()
        if "worker" in kind and not workers:
            kind = "kill daemon"
        self.kill_log.kills[kind] += 1
        if kind == "kill daemon":
            self.life.kill()
        elif kind == "terminate":
            self._terminate()
        else:
            target = self._rng.choice(workers) if "worker" in kind else self.life.process
            self._signal(target, kind)

    def _signal(self, target: psutil.Process, kind: Kind) -> None:
        try:
            if kind == "kill worker":
                target.kill()
                return
            os.kill(target.pid, signal.SIGSTOP)
            time.sleep(self._rng.uniform(0, 2 * STOP_SECONDS))
            os.kill(target.pid, signal.SIGCONT)
        except (psutil.NoSuchProcess, ProcessLookupError):
            return  # it has just ended by itself

    def _terminate(self) -> None:
        was_ready = self.life.ready is not None
        self.life.process.terminate()
        deadline = time.monotonic() + DRAIN_SECONDS
        while not self.life.is_over and time.monotonic() < deadline:
            time.sleep(TICK_SECONDS)
        code = self.life.process.poll()
        if code != 0 and (was_ready or code != -signal.SIGTERM):
            self.kill_log.unexpected_exits.append(f"exit code {code} after SIGTERM")
            self.life.kill() if code is None else None
