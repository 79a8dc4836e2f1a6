"""A thread for each hook: one that does not answer holds up neither another nor the path."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import structlog

from daemon.config.hook import Hook
from daemon.core.counters import Counters
from daemon.core.errors import DaemonError, Deferred
from daemon.core.records import Fault
from daemon.ledger.deliveries import Deliveries, NotificationCounts
from daemon.outbox.hooks.command import GRACE_SECONDS
from daemon.outbox.hooks.sender import HookSender

log = structlog.get_logger()

STOP_SECONDS = 3 * GRACE_SECONDS + 0.5  # a program ends within its grace, SIGTERM and SIGKILL
LONG_SECONDS = 300.0  # that a letter waits until it is told of
_AGAIN_SECONDS = 5.0  # after which a ledger is asked again that could not be
_LOOK_SECONDS = 2.0  # between two looks at what waits and what is dead
_RING_SECONDS = 30.0  # after which the ledger is asked without a ring
_CHANCE = random.Random()  # noqa: S311 -- it spreads times, and is no secret


class HookDispatcher:
    """The threads of all hooks, from `start` to `stop`; none where there is no hook."""

    def __init__(
        self,
        hooks: Sequence[Hook],
        ledger_file: Path,
        outbox: Path,
        clock: Callable[[], float] = time.time,
        chance: random.Random = _CHANCE,
    ) -> None:
        self._threads = [_Thread(hook, ledger_file, outbox, clock, chance) for hook in hooks]

    @property
    def faults(self) -> list[Fault]:
        """What of the hooks an operator must know, and since when (monotonic seconds)."""
        return list(filter(None, [thread.fault for thread in self._threads]))

    def count(self, counters: Counters) -> None:
        """Say how many letters wait and how many are dead; nothing where there is no hook."""
        posts = [thread.post for thread in self._threads]
        counters.hooks_waiting = sum(post.waiting for post in posts) if posts else None
        counters.hooks_dead = sum(post.dead for post in posts) if posts else None

    def start(self) -> None:
        """Begin to deliver, first what an earlier run has left."""
        for thread in self._threads:
            thread.start()

    def notify(self) -> None:
        """Say that there may be something new; costs nothing where there is no hook."""
        for thread in self._threads:
            thread.wakeup.set()

    def stop(self) -> None:
        """End within seconds; what is not delivered waits in the ledger.

        A thread that a network holds dies with the process.
        """
        for thread in self._threads:
            thread.stopping.set()
            thread.wakeup.set()
        ends = time.monotonic() + STOP_SECONDS
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, ends - time.monotonic()))


class _Thread(threading.Thread):
    """One hook's thread, with a connection to the ledger of its own."""

    def __init__(
        self,
        hook: Hook,
        ledger_file: Path,
        outbox: Path,
        clock: Callable[[], float],
        chance: random.Random,
    ) -> None:
        super().__init__(name=f"hook {hook.name}", daemon=True)
        self.wakeup = threading.Event()
        self.stopping = threading.Event()
        self.fault: Fault | None = None
        self.post = NotificationCounts()
        self._hook, self._ledger_file, self._outbox = hook, ledger_file, outbox
        self._clock, self._chance = clock, chance

    def run(self) -> None:
        """Deliver until told to stop; a ledger that is at fault is asked again."""
        while not self.stopping.is_set():
            try:
                deliveries = Deliveries(self._ledger_file)
            except (DaemonError, OSError) as error:
                self._say_ledger(error)
                continue
            try:
                self._deliver(deliveries)
            except (DaemonError, OSError) as error:
                self._say_ledger(error)
            except Exception as error:  # a bug of ours must not end the telling for good
                log.exception("hook.crashed", hook=self._hook.name)
                self._say_ledger(error)
            finally:
                deliveries.close()

    def _deliver(self, deliveries: Deliveries) -> None:
        sender = HookSender(
            self._hook, deliveries, self._outbox, self._clock, self._chance, self.stopping
        )
        looked_at = float("-inf")
        while not self.stopping.is_set():
            self.wakeup.clear()
            try:
                seconds = sender.turn()
            except Deferred as error:  # the sender knows what has arrived and is not noted
                self._say_ledger(error)
                continue
            if time.monotonic() >= looked_at + _LOOK_SECONDS:
                looked_at = time.monotonic()
                self._look(deliveries)
            self.wakeup.wait(_RING_SECONDS if seconds is None else min(seconds, _RING_SECONDS))

    def _look(self, deliveries: Deliveries) -> None:
        """Take in what is dead, or has waited for long."""
        self.post = post = deliveries.undelivered_counts(self._hook.name)
        age = 0.0
        if post.oldest is not None:
            age = self._clock() - datetime.fromisoformat(post.oldest).timestamp()
        if post.dead:
            why = f"letters that nobody tries to deliver any more: {post.dead}; "
            self._tell(why + "`ocr-daemon hooks` says why, --retry tries again")
        elif age > LONG_SECONDS:
            self._tell(f"letters that wait for long: {post.waiting}; `ocr-daemon hooks` says why")
        else:
            self.fault = None

    def _tell(self, why: str) -> None:
        since = self.fault.since if self.fault else time.monotonic()
        self.fault = Fault(f"hook {self._hook.name}: {why}", since)

    def _say_ledger(self, error: Exception) -> None:
        if not self.stopping.is_set():
            log.warning("hook.waiting", hook=self._hook.name, reason=str(error))
            self.stopping.wait(_AGAIN_SECONDS)
