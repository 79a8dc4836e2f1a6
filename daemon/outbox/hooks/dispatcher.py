"""Runs a thread for each hook: one that does not respond delays neither others nor OCR."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import structlog

from daemon.config.hook import Hook
from daemon.core.clock import Clock, elapsed
from daemon.core.counters import Counters
from daemon.core.errors import DaemonError, Deferred
from daemon.core.records import Fault
from daemon.ledger.deliveries import Deliveries, NotificationCounts
from daemon.outbox.hooks.command import GRACE_SECONDS
from daemon.outbox.hooks.sender import HookSender

log = structlog.get_logger()

STOP_SECONDS = 3 * GRACE_SECONDS + 0.5  # a program ends within its grace time, SIGTERM and SIGKILL
LONG_SECONDS = 300.0  # after which a waiting notification is reported as a fault
_RETRY_SECONDS = 5.0  # after a fault of the ledger
_COUNT_SECONDS = 2.0  # between two counts of waiting and dead notifications
_POLL_SECONDS = 30.0  # after which the ledger is queried without a wakeup
_CHANCE = random.Random()  # noqa: S311 -- it spreads times, and is no secret


class HookDispatcher:
    """The threads of all hooks, from `start` to `stop`; none without a hook."""

    def __init__(
        self,
        hooks: Sequence[Hook],
        ledger_file: Path,
        outbox: Path,
        clock: Clock = time.time,
        chance: random.Random = _CHANCE,
        steady: Clock = elapsed,
    ) -> None:
        self._threads = [
            _HookThread(hook, ledger_file, outbox, clock, chance, steady) for hook in hooks
        ]

    @property
    def faults(self) -> list[Fault]:
        """The faults of hooks that an operator must know, and since when (monotonic seconds)."""
        return list(filter(None, [thread.fault for thread in self._threads]))

    def count(self, counters: Counters) -> None:
        """Set the numbers of waiting and dead notifications; None without a hook."""
        counts = [thread.counts for thread in self._threads]
        counters.hooks_waiting = sum(each.waiting for each in counts) if counts else None
        counters.hooks_dead = sum(each.dead for each in counts) if counts else None

    def start(self) -> None:
        """Start delivering, first the notifications that an earlier run has left."""
        for thread in self._threads:
            thread.start()

    def notify(self) -> None:
        """Wake the threads: there may be a new notification. Costs nothing without a hook."""
        for thread in self._threads:
            thread.wakeup.set()

    def stop(self) -> None:
        """End within seconds; undelivered notifications wait in the ledger.

        A thread that waits for a network ends with the process.
        """
        for thread in self._threads:
            thread.stopping.set()
            thread.wakeup.set()
        ends = time.monotonic() + STOP_SECONDS
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, ends - time.monotonic()))


class _HookThread(threading.Thread):
    """The thread of one hook, with its own connection to the ledger."""

    def __init__(
        self,
        hook: Hook,
        ledger_file: Path,
        outbox: Path,
        clock: Clock,
        chance: random.Random,
        steady: Clock,
    ) -> None:
        super().__init__(name=f"hook {hook.name}", daemon=True)
        self.wakeup = threading.Event()
        self.stopping = threading.Event()
        self.fault: Fault | None = None
        self.counts = NotificationCounts()
        self._hook, self._ledger_file, self._outbox = hook, ledger_file, outbox
        self._clock, self._chance, self._steady = clock, chance, steady

    def run(self) -> None:
        """Deliver until `stop`; after a fault of the ledger, try again."""
        while not self.stopping.is_set():
            try:
                deliveries = Deliveries(self._ledger_file)
            except (DaemonError, OSError) as error:
                self._wait_for_ledger(error)
                continue
            try:
                self._deliver(deliveries)
            except (DaemonError, OSError) as error:
                self._wait_for_ledger(error)
            except Exception as error:  # a bug must not end the deliveries for good
                log.exception("hook.crashed", hook=self._hook.name)
                self._wait_for_ledger(error)
            finally:
                deliveries.close()

    def _deliver(self, deliveries: Deliveries) -> None:
        sender = HookSender(
            self._hook, deliveries, self._outbox, self._clock, self._chance, self.stopping,
            self._steady,
        )  # fmt: skip
        counted_at = float("-inf")
        while not self.stopping.is_set():
            self.wakeup.clear()
            try:
                seconds = sender.turn()
            except Deferred as error:  # the sender knows which delivery is not recorded yet
                self._wait_for_ledger(error)
                continue
            if time.monotonic() >= counted_at + _COUNT_SECONDS:
                counted_at = time.monotonic()
                self._count(deliveries, sender.clock_set_at)
            self.wakeup.wait(_POLL_SECONDS if seconds is None else min(seconds, _POLL_SECONDS))

    def _count(self, deliveries: Deliveries, clock_set_at: float | None) -> None:
        """Update the counts, and the fault if notifications are dead or have waited for long."""
        self.counts = counts = deliveries.undelivered_counts(self._hook.name)
        age = 0.0 if counts.oldest is None else self._age(counts.oldest, clock_set_at)
        if counts.dead:
            self._set_fault(
                f"notifications given up: {counts.dead}; `ocr-daemon hooks` shows the reasons, "
                "`ocr-daemon hooks --retry` tries again"
            )
        elif age > LONG_SECONDS:
            self._set_fault(
                f"notifications waiting: {counts.waiting}, the oldest for more than "
                f"{LONG_SECONDS:.0f} s; `ocr-daemon hooks` shows the reasons"
            )
        else:
            self.fault = None

    def _age(self, made_at: str, clock_set_at: float | None) -> float:
        """Return for how many seconds a notification has waited, or a lower bound of it.

        When the clock was set (`clock_set_at`, by the steady clock), only the time since then is
        certain.
        """
        age = self._clock() - datetime.fromisoformat(made_at).timestamp()
        if clock_set_at is None:
            return age
        since = self._steady() - clock_set_at
        return min(age, since) if age >= 0 else since

    def _set_fault(self, reason: str) -> None:
        since = self.fault.since if self.fault else time.monotonic()
        self.fault = Fault(f"hook {self._hook.name}: {reason}", since)

    def _wait_for_ledger(self, error: Exception) -> None:
        if not self.stopping.is_set():
            log.warning("hook.waiting", hook=self._hook.name, reason=str(error))
            self.stopping.wait(_RETRY_SECONDS)
