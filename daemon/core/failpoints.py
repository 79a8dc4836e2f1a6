"""Named points where tests make the daemon stop, die or fail; without FAILPOINTS they do nothing.

    FAILPOINTS="publish.linked=stop;worker.page@bad.pdf#2=3*segv" ocr-daemon run

A rule is `point[@label]=[count*]action`; rules are separated by `;`. A rule without a label applies
to every label, one without a count for ever; each process counts for itself. Names and syntax
follow FreeBSD's fail(9). docs/test-report.md lists the points in the order in which a document
passes them.
"""

from __future__ import annotations

import errno
import itertools
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

VARIABLE = "FAILPOINTS"
_MEGABYTE = 1_000_000
_allocated: list[bytearray] = []


def _stop() -> None:
    """Stop this process until it gets SIGCONT."""
    os.kill(os.getpid(), signal.SIGSTOP)


def _hang() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(3600)


def _eat() -> None:
    """Allocate memory without end."""
    for _ in itertools.count():
        _allocated.append(bytearray(b"x" * 16 * _MEGABYTE))


def _leak() -> None:
    _allocated.append(bytearray(b"x" * 64 * _MEGABYTE))


def _short() -> None:
    """Fail like an allocation that the system refuses."""
    raise MemoryError


def _bug() -> None:
    raise ZeroDivisionError("raised by a failpoint")


_ACTIONS: dict[str, Callable[[], None]] = {
    "stop": _stop,
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "segv": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "exit": lambda: os._exit(0),
    "hang": _hang,
    "eat": _eat,
    "leak": _leak,
    "short": _short,
    "bug": _bug,
}


@dataclass(slots=True)
class _Rule:
    point: str
    label: str | None
    remaining: float
    action: Callable[[], None]

    @classmethod
    def parse(cls, text: str) -> _Rule:
        """Parse `point[@label]=[count*]action`; the name of an errno (ENOSPC) raises an OSError."""
        target, _, counted = text.strip().rpartition("=")
        point, at, label = target.partition("@")
        count, _, name = counted.rpartition("*")
        action = _ACTIONS.get(name) or _raising(getattr(errno, name))
        return cls(point, label if at else None, float(count or "inf"), action)

    def matches(self, point: str, label: str) -> bool:
        return self.point == point and self.label in (None, label) and self.remaining > 0


def _raising(number: int) -> Callable[[], None]:
    def fail() -> None:
        raise OSError(number, os.strerror(number), "failpoint")

    return fail


def _reaching(rules: list[_Rule]) -> Callable[[str, str], None]:
    def reach(point: str, label: str = "") -> None:
        for rule in rules:
            if rule.matches(point, label):
                rule.remaining -= 1
                rule.action()

    return reach


def _do_nothing(point: str, label: str = "") -> None:
    pass


def _reach(text: str | None) -> Callable[..., None]:
    if not text:
        return _do_nothing
    return _reaching([_Rule.parse(rule) for rule in text.split(";")])


reach = _reach(os.environ.get(VARIABLE))
