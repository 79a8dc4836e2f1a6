"""Seeded kills at random moments, and the daemon started again after each of its deaths.

A moment is uniform within the daemon's activity: up to twice the mean gap after it was ready (in
one life out of five, after its very start, so that loading and recovery are hit too).
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

Kind = Literal["kill worker", "kill daemon", "terminate", "stop worker", "stop daemon"]
KINDS: dict[Kind, int] = {
    "kill worker": 48, "kill daemon": 20, "terminate": 8, "stop worker": 12, "stop daemon": 12,
}  # fmt: skip
STOP_SECONDS = 0.3  # on average, between SIGSTOP and SIGCONT
DRAIN_SECONDS = 60.0
TICK_SECONDS = 0.02


@dataclass(slots=True)
class Toll:
    """What was done to the daemon, and how its lives went; all times are monotonic seconds."""

    kills: Counter[Kind] = field(default_factory=Counter)
    starts: list[tuple[float, float | None]] = field(default_factory=list)
    fell: list[str] = field(default_factory=list)

    @property
    def loads(self) -> list[float]:
        """Seconds from each start to ready, of the lives that came so far."""
        return [ready - start for start, ready in self.starts if ready is not None]


class Killer:
    """Holds one daemon alive and strikes it; `tend` is called all the while (to land files)."""

    def __init__(
        self, workspace: Workspace, program: str, seed: int, gap: float, tend: Callable[[], None]
    ) -> None:
        self._workspace, self._program, self._gap, self.tend = workspace, program, gap, tend
        self._chance = random.Random(seed)
        self.toll = Toll()
        self.life = self._start()

    def strike(self, kills: int, until: float) -> None:
        """Do that many kills, or as many as there is time for (monotonic seconds)."""
        for kind in self._kinds(kills):
            self._wait_for_moment()
            if time.monotonic() >= until:
                break
            self._hit(kind)
            if self.toll.kills.total() % 100 == 0:
                print(f"  {self.toll.kills.total()} kills", file=sys.stderr, flush=True)
            if self.life.is_over:
                self._bury()
                self.life = self._start()

    def rest(self, is_done: Callable[[], bool], seconds: float) -> bool:
        """Let it work on undisturbed until done; restart it should it fall."""
        ends = time.monotonic() + seconds
        while not (done := is_done()) and time.monotonic() < ends:
            self._pass(0.2)
        return done

    def end(self) -> None:
        """Stop the daemon as a person would."""
        self._note_ready()
        if (code := self.life.terminate()) != 0:
            self.toll.fell.append(f"SIGTERM ended it with code {code}")
        self._bury()

    def _kinds(self, kills: int) -> Iterator[Kind]:
        for _ in range(kills):
            yield self._chance.choices(list(KINDS), list(KINDS.values()))[0]

    def _start(self) -> Life:
        self._is_early = self._chance.random() < 0.2
        return Life(self._workspace, self._program)

    def _wait_for_moment(self) -> None:
        while not self._is_early and self.life.ready is None:
            self._pass(TICK_SECONDS)
        self._pass(self._chance.uniform(0, 2 * self._gap))
        self._is_early = False

    def _pass(self, seconds: float) -> None:
        """Let time pass, landing files; a daemon that falls by itself is noted and restarted."""
        ends = time.monotonic() + seconds
        while True:
            self.tend()
            self._note_ready()
            if self.life.is_over:
                self.toll.fell.append(self.life.said().decode(errors="replace")[-500:])
                self._bury()
                self.life = self._start()
            if time.monotonic() >= ends:
                return
            time.sleep(min(TICK_SECONDS, max(0.0, ends - time.monotonic())))

    def _note_ready(self) -> None:
        _ = self.life.ready  # takes the time when it is first seen

    def _bury(self) -> None:
        self.toll.starts.append((self.life.started, self.life.ready))

    def _hit(self, kind: Kind) -> None:
        workers = self.life.workers()
        if "worker" in kind and not workers:
            kind = "kill daemon"
        self.toll.kills[kind] += 1
        if kind == "kill daemon":
            self.life.kill()
        elif kind == "terminate":
            self._terminate()
        else:
            victim = self._chance.choice(workers) if "worker" in kind else self.life.process
            self._strike_down(victim, kind)

    def _strike_down(self, victim: psutil.Process, kind: Kind) -> None:
        try:
            if kind == "kill worker":
                victim.kill()
                return
            os.kill(victim.pid, signal.SIGSTOP)
            time.sleep(self._chance.uniform(0, 2 * STOP_SECONDS))
            os.kill(victim.pid, signal.SIGCONT)
        except (psutil.NoSuchProcess, ProcessLookupError):
            return  # it ended by itself at this very moment

    def _terminate(self) -> None:
        was_ready = self.life.ready is not None
        self.life.process.terminate()
        ends = time.monotonic() + DRAIN_SECONDS
        while not self.life.is_over and time.monotonic() < ends:
            time.sleep(TICK_SECONDS)
        code = self.life.process.poll()
        if code != 0 and (was_ready or code != -signal.SIGTERM):
            self.toll.fell.append(f"SIGTERM ended it with code {code}")
            self.life.kill() if code is None else None
