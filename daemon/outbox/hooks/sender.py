"""One hook's turn: what is due is sent, oldest first; what fails rests, and is dead in the end.

A letter rests a chance share of `wait_seconds`, doubled with each attempt (full jitter), so that
many of them do not come back at once. While nothing reaches a hook its other letters wait as well,
a minute at most: an outage costs attempts of a few letters and not of all.
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
from daemon.core.errors import Undelivered
from daemon.ledger.deliveries import MAX_WAIT_SECONDS, Deliveries
from daemon.ledger.notification import Notification
from daemon.outbox.hooks import command

if TYPE_CHECKING:
    from daemon.outbox.hooks.webhook import WebhookClient

log = structlog.get_logger()

LONGEST_PAUSE = 60.0  # seconds that a hook as a whole rests after a failure
MOST_WHY = 2000  # characters of a reason that the ledger keeps


class HookSender:
    """Delivers the letters of one hook, one at a time."""

    def __init__(
        self,
        hook: Hook,
        deliveries: Deliveries,
        outbox: Path,
        clock: Callable[[], float],
        chance: random.Random,
        stop: threading.Event,
    ) -> None:
        """`clock` tells seconds since 1970: the ledger's times outlast a restart.

        Once `stop` is set, a program that runs is ended and its letter waits.
        """
        self._hook = hook
        self._deliveries = deliveries
        self._outbox = outbox
        self._clock = clock
        self._chance = chance
        self._mailbox: WebhookClient | None = None
        self._failures = 0  # since the last letter that arrived
        self._pause_ends = 0.0
        self._stop = stop
        self._unmarked: str | None = None  # arrived, which the ledger has refused to note

    def turn(self) -> float | None:
        """Try to deliver what is due, one letter; return the seconds to wait, None without one."""
        now = self._clock()
        pause = self._pause_ends - now
        if 0 < pause <= LONGEST_PAUSE:  # else it is over, or the clock was set
            return pause
        notification = self._deliveries.due(self._hook.name, now)
        if notification is None:
            due_at = self._deliveries.next_due(self._hook.name)
            return None if due_at is None else min(max(0.0, due_at - now), MAX_WAIT_SECONDS)
        if notification.id != self._unmarked:
            failpoints.reach("hook.due", notification.name)
            try:
                self._send(notification, now)
            except Undelivered as error:
                if error.counts:
                    self._put_off(notification, error)
                return 0.0
            failpoints.reach("hook.sent", notification.name)
        self._arrived(notification)
        return 0.0

    def _send(self, notification: Notification, now: float) -> None:
        if self._hook.command is not None:
            command.call(self._hook, notification, self._outbox, self._stop)
            return
        if self._mailbox is None:
            from daemon.outbox.hooks.webhook import WebhookClient

            self._mailbox = WebhookClient(self._hook)
        self._mailbox.put(notification, now)

    def _arrived(self, notification: Notification) -> None:
        self._failures, self._pause_ends = 0, 0.0
        self._unmarked = notification.id
        self._deliveries.mark_delivered(notification)
        self._unmarked = None
        log.info("hook.delivered", **_facts(notification), attempts=notification.attempts + 1)

    def _put_off(self, notification: Notification, error: Undelivered) -> None:
        now, attempt = self._clock(), notification.attempts + 1
        self._failures += 1
        self._pause_ends = now + self._rest(self._failures, LONGEST_PAUSE)
        facts = {**_facts(notification), "attempt": attempt, "why": str(error)}
        why = str(error)[:MOST_WHY]
        if error.is_final or attempt >= self._hook.attempts:
            self._deliveries.mark_dead(notification, why)
            remedy = "mend it, then: ocr-daemon hooks --retry"
            log.error("hook.dead", **facts, remedy=remedy)
            return
        rest = min(MAX_WAIT_SECONDS, max(self._rest(attempt, MAX_WAIT_SECONDS), error.not_before))
        self._deliveries.postpone(notification, why, now + rest)
        log.warning("hook.failed", **facts, again_in=round(rest, 1))

    def _rest(self, failures: int, most: float) -> float:
        doublings = min(failures - 1, 30)
        return self._chance.uniform(0.0, min(most, self._hook.wait_seconds * 2**doublings))


def _facts(notification: Notification) -> dict[str, str]:
    name = fs.to_unicode(notification.name)
    return {
        "hook": notification.hook,
        "name": name,
        "told": notification.event,
        "id": notification.id,
    }
