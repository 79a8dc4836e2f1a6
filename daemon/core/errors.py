"""What can go wrong, named for what the daemon does next.

Rooms translate foreign errors into these at their own door and catch nothing else;
the one catch is at the document (engine/local.py for reading, service.py for the rest).
"""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of the console script (78 is EX_CONFIG of sysexits.h)."""

    OK = 0
    SOME_FAILED = 1
    MISCONFIGURED = 78
    INTERRUPTED = 130


class DaemonError(Exception):
    """Base of the errors that carry a plain sentence for the operator."""


class Rejected(DaemonError):
    """This document cannot be read, today or tomorrow: keep its bytes in failed/ and say why.

    `reason` is a stable word for programs (corrupt, encrypted, unsupported, too_large, killed);
    the message is one plain sentence for people.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(reason, message)
        self.reason = reason
        self.message = message

    def __str__(self) -> str:
        return self.message


class Deferred(DaemonError):
    """The environment is at fault (disk full, share gone, permission): wait and try again.

    Costs no attempt; the document keeps its place, and where many are held intake rests.
    """


class Misconfigured(DaemonError):
    """The daemon cannot start like this: exit code 78 with key, value and remedy."""

    def __init__(self, key: str, value: object, remedy: str) -> None:
        super().__init__(key, value, remedy)
        self.key = key
        self.value = value
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.key} = {self.value!s}: {self.remedy}"


class LedgerLost(Misconfigured):
    """The ledger was deleted or damaged: the daemon makes it anew from the sidecars and goes on."""


class Died(DaemonError):
    """A worker died, ran out of time or memory: costs an attempt, then the page is isolated.

    `kind` is killed, timeout, memory or crashed; `signal` the number that ended the process, if
    one did.
    """

    def __init__(self, kind: str, message: str, signal: int | None = None) -> None:
        super().__init__(kind, message, signal)
        self.kind = kind
        self.message = message
        self.signal = signal

    def __str__(self) -> str:
        return self.message


class Undelivered(DaemonError):
    """A hook was not told: its letter waits and is tried again, `not_before` so many seconds.

    After `attempts` of them, or at once where it `is_final`, the letter is dead until an operator
    says otherwise; one that does not count was broken off by us.
    """

    def __init__(
        self, why: str, *, is_final: bool = False, not_before: float = 0.0, counts: bool = True
    ) -> None:
        super().__init__(why)
        self.is_final = is_final
        self.not_before = not_before
        self.counts = counts
