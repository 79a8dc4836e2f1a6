"""The noun of the ledger's other table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Notification:
    """What is told to one hook of one answer: `text` is JSON, `event` its type (document.done).

    `name` and `answer` are paths relative to inbox and outbox; `attempts` have failed, the last one
    for the reason `why`; nobody makes another where it `is_dead`.
    """

    claim: str
    hook: str
    event: str
    name: str
    answer: str
    text: str
    attempts: int = 0
    why: str | None = None
    is_dead: bool = False

    @property
    def id(self) -> str:
        """What stays the same however often it is delivered, and is no other letter's."""
        return f"{self.claim}-{self.hook}"
