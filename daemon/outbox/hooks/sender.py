"""Sends the notifications of one hook, oldest first, with retries and, in the end, dead letters.

The wait before a retry is a random share of `wait_seconds`, which doubles with each attempt (full
jitter), so that many retries do not come at once. After a failure the other notifications of the
hook wait as well, a minute at most: an outage costs attempts of a few notifications, not of all.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from daemon.config.hook import Hook
from daemon.core import failpoints, fs
from daemon.core.clock import Clock, JumpDetector
from daemon.core.errors import Undelivered
from daemon.ledger.deliveries import MAX_WAIT_SECONDS, Deliveries
from daemon.ledger.notification import Notification
from daemon.outbox.hooks import command

if TYPE_CHECKING:
    from daemon.outbox.hooks.webhook import WebhookClient

log = structlog.get_logger()

MAX_PAUSE_SECONDS = 60.0  # seconds without any attempt of a hook after a failure
MAX_REASON = 2000  # characters of a reason that the ledger stores


class HookSender:
    """Delivers the notifications of one hook, one at a time."""

    def __init__(
        self,
        hook: Hook,
        deliveries: Deliveries,
        outbox: Path,
        clock: Callable[[], float],
        chance: random.Random,
        stop: threading.Event,
        steady: Clock | None = None,
    ) -> None:
        """`clock` returns seconds since 1970: the times in the ledger outlast a restart.

        `steady` is a clock that nobody sets; without it, `clock` is taken for one.
        Once `stop` is set, a running program is ended and its notification waits.
        """
        self._hook = hook
        self._deliveries = deliveries
        self._outbox = outbox
        self._clock = clock
        self._chance = chance
        self._jumps = JumpDetector(clock, steady or clock)
        self._webhook: WebhookClient | None = None
        self._failures = 0  # since the last delivery
        self._pause_ends = 0.0
        self._stop = stop
        self._unrecorded: str | None = None  # delivered, but not yet marked so in the ledger

    @property
    def clock_set_at(self) -> float | None:
        """When the clock was set last (by `steady`), None if it was not."""
        return self._jumps.jumped_at

    def turn(self) -> float | None:
        """Try to deliver one due notification; return the seconds to wait, None if none waits."""
        if jump := self._jumps.jump():
            self._follow_clock(jump)
        now = self._clock()
        pause = self._pause_ends - now
        if 0 < pause <= MAX_PAUSE_SECONDS:  # otherwise it is over
            return pause
        notification = self._deliveries.due(self._hook.name, now)
        if notification is None:
            due_at = self._deliveries.next_due(self._hook.name)
            return None if due_at is None else min(max(0.0, due_at - now), MAX_WAIT_SECONDS)
        if notification.id != self._unrecorded:
            failpoints.reach("hook.due", notification.name)
            try:
                self._send(notification, now)
            except Undelivered as error:
                if error.counts:
                    self._retry_later(notification, error)
                return 0.0
            failpoints.reach("hook.sent", notification.name)
        self._record_delivery(notification)
        return 0.0

    def _follow_clock(self, jump: float) -> None:
        """Keep the waits before retries as long as they are when the clock is set."""
        self._pause_ends += jump
        self._deliveries.shift(self._hook.name, jump)
        log.warning("hook.clock_set", hook=self._hook.name, seconds=round(jump, 1))

    def _send(self, notification: Notification, now: float) -> None:
        if self._hook.command is not None:
            command.call(self._hook, notification, self._outbox, self._stop)
            return
        if self._webhook is None:
            from daemon.outbox.hooks.webhook import WebhookClient

            self._webhook = WebhookClient(self._hook)
        self._webhook.send(notification, now)

    def _record_delivery(self, notification: Notification) -> None:
        self._failures, self._pause_ends = 0, 0.0
        self._unrecorded = notification.id
        self._deliveries.mark_delivered(notification)
        self._unrecorded = None
        log.info("hook.delivered", **_facts(notification), attempts=notification.attempts + 1)

    def _retry_later(self, notification: Notification, error: Undelivered) -> None:
        now, attempt = self._clock(), notification.attempts + 1
        self._failures += 1
        self._pause_ends = now + self._backoff(self._failures, MAX_PAUSE_SECONDS)
        facts = {**_facts(notification), "attempt": attempt, "reason": str(error)}
        reason = str(error)[:MAX_REASON]
        if error.is_final or attempt >= self._hook.attempts:
            self._deliveries.mark_dead(notification, reason)
            remedy = "correct the cause, then run: ocr-daemon hooks --retry"
            log.error("hook.dead", **facts, remedy=remedy)
            return
        seconds = min(
            MAX_WAIT_SECONDS, max(self._backoff(attempt, MAX_WAIT_SECONDS), error.not_before)
        )
        self._deliveries.postpone(notification, reason, now + seconds)
        log.warning("hook.failed", **facts, retry_in=round(seconds, 1))

    def _backoff(self, failures: int, max_seconds: float) -> float:
        doublings = min(failures - 1, 30)
        return self._chance.uniform(0.0, min(max_seconds, self._hook.wait_seconds * 2**doublings))


def _facts(notification: Notification) -> dict[str, str]:
    name = fs.to_unicode(notification.name)
    return {
        "hook": notification.hook,
        "name": name,
        "type": notification.event,
        "id": notification.id,
    }
