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
from daemon.ledger.deliveries import LONGEST_REST, Deliveries
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
        letter = self._deliveries.due(self._hook.name, now)
        if letter is None:
            due_at = self._deliveries.next_due(self._hook.name)
            return None if due_at is None else min(max(0.0, due_at - now), LONGEST_REST)
        if letter.id != self._unmarked:
            failpoints.reach("hook.due", letter.name)
            try:
                self._send(letter, now)
            except Undelivered as error:
                if error.counts:
                    self._put_off(letter, error)
                return 0.0
            failpoints.reach("hook.sent", letter.name)
        self._arrived(letter)
        return 0.0

    def _send(self, letter: Notification, now: float) -> None:
        if self._hook.command is not None:
            command.call(self._hook, letter, self._outbox, self._stop)
            return
        if self._mailbox is None:
            from daemon.outbox.hooks.webhook import WebhookClient

            self._mailbox = WebhookClient(self._hook)
        self._mailbox.put(letter, now)

    def _arrived(self, letter: Notification) -> None:
        self._failures, self._pause_ends = 0, 0.0
        self._unmarked = letter.id
        self._deliveries.delivered(letter)
        self._unmarked = None
        log.info("hook.delivered", **_facts(letter), attempts=letter.attempts + 1)

    def _put_off(self, letter: Notification, error: Undelivered) -> None:
        now, attempt = self._clock(), letter.attempts + 1
        self._failures += 1
        self._pause_ends = now + self._rest(self._failures, LONGEST_PAUSE)
        facts = {**_facts(letter), "attempt": attempt, "why": str(error)}
        why = str(error)[:MOST_WHY]
        if error.is_final or attempt >= self._hook.attempts:
            self._deliveries.died(letter, why)
            remedy = "mend it, then: ocr-daemon hooks --retry"
            log.error("hook.dead", **facts, remedy=remedy)
            return
        rest = min(LONGEST_REST, max(self._rest(attempt, LONGEST_REST), error.not_before))
        self._deliveries.put_off(letter, why, now + rest)
        log.warning("hook.failed", **facts, again_in=round(rest, 1))

    def _rest(self, failures: int, most: float) -> float:
        doublings = min(failures - 1, 30)
        return self._chance.uniform(0.0, min(most, self._hook.wait_seconds * 2**doublings))


def _facts(letter: Notification) -> dict[str, str]:
    name = fs.printable(letter.name)
    return {"hook": letter.hook, "name": name, "told": letter.event, "id": letter.id}
