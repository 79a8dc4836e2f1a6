"""The record of the ledger's second table: one notification to one hook."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Notification:
    """One answer to be sent to one hook: `text` is JSON, `event` its type (document.done).

    `name` and `answer` are paths relative to inbox and outbox. `attempts` have failed, the last one
    for `reason`. A notification that `is_dead` is not sent again until an operator asks for it.
    """

    claim: str
    hook: str
    event: str
    name: str
    answer: str
    text: str
    attempts: int = 0
    reason: str | None = None
    is_dead: bool = False

    @property
    def id(self) -> str:
        """The same on every attempt, and different from that of any other notification."""
        return f"{self.claim}-{self.hook}"
