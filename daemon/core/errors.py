"""Exceptions, each named for the daemon's next step, and the exit codes.

Packages translate foreign errors into these at their boundaries and catch nothing else. They are
caught in one place per document: the engine for reading, `supervisor.loop` for everything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of the console script (78 is EX_CONFIG of sysexits.h)."""

    OK = 0
    SOME_FAILED = 1
    MISCONFIGURED = 78
    INTERRUPTED = 130


class DaemonError(Exception):
    """Base of the errors whose text is a sentence for the operator."""


class Rejected(DaemonError):
    """This document will never be readable: its bytes go to failed/, with the reason beside them.

    `reason` is a stable word for programs (corrupt, encrypted, unsupported, too_large, killed),
    `message` one sentence for people.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(reason, message)
        self.reason = reason
        self.message = message

    def __str__(self) -> str:
        return self.message


class Deferred(DaemonError):
    """The environment is at fault (disk full, share gone, permission): wait and try again.

    Counts as no attempt. The document keeps its place; if many documents wait, intake pauses.
    """


class Unconfirmed(Deferred):
    """A worker says that the environment is at fault; the daemon has not found the fault itself.

    Believed a few times for each document: a worker that a file has taken over could otherwise keep
    it waiting for ever.
    """


class Misconfigured(DaemonError):
    """The daemon cannot start with this config: exit code 78, with key, value and remedy.

    `location` is where the value was found, such as `/srv/ocr/config.yaml, line 3`, empty if that
    is not known.
    """

    def __init__(self, key: str, value: object, remedy: str, location: str = "") -> None:
        super().__init__(key, value, remedy, location)
        self.key = key
        self.value = value
        self.remedy = remedy
        self.location = location

    def __str__(self) -> str:
        where = f"{self.location}: " if self.location else ""
        return f"{where}{self.key} = {self.value!s}: {self.remedy}"


class UnknownKey(Misconfigured):
    """A key of the config that does not exist, or no longer: most likely a typing error."""


class InvalidConfig(Misconfigured):
    """All errors of a config, likely typing errors first; its key and value are of the first."""

    def __init__(self, errors: Sequence[Misconfigured]) -> None:
        first = errors[0]
        super().__init__(first.key, first.value, first.remedy, first.location)
        self.errors = tuple(errors)

    def __str__(self) -> str:
        if len(self.errors) == 1:
            return str(self.errors[0])
        lines = (f"  {error}" for error in self.errors)
        return "\n".join([f"the configuration has {len(self.errors)} errors:", *lines])


class LedgerLost(Misconfigured):
    """The ledger was deleted or damaged: the daemon rebuilds it from the sidecars and continues."""


class Died(DaemonError):
    """A worker died, or exceeded its time or memory: counts as an attempt, then isolates the page.

    `kind` is killed, timeout, memory or crashed; `signal` the number of the signal that ended the
    process, None without one.
    """

    def __init__(self, kind: str, message: str, signal: int | None = None) -> None:
        super().__init__(kind, message, signal)
        self.kind = kind
        self.message = message
        self.signal = signal

    def __str__(self) -> str:
        return self.message


class Undelivered(DaemonError):
    """A notification did not reach its hook: it is sent again, after `not_before` seconds or more.

    After `attempts` failures, or at once if the failure `is_final`, the notification is dead until
    an operator retries it. A failure that does not count (`counts`) was an attempt that the daemon
    itself interrupted.
    """

    def __init__(
        self, message: str, *, is_final: bool = False, not_before: float = 0.0, counts: bool = True
    ) -> None:
        super().__init__(message)
        self.message = message
        self.is_final = is_final
        self.not_before = not_before
        self.counts = counts
