"""Named places at which tests make the daemon stop, die or fail; without FAILPOINTS they are empty.

    FAILPOINTS="publish.linked=stop;worker.page@bad.pdf#2=3*segv" ocr-daemon run

A rule is `point[@label]=[count*]action`; rules are parted by `;`. Without a label it holds for each
passing, without a count for ever (counts are a process's own). Names and syntax follow FreeBSD's
fail(9). The points stand in the code in the order of the path; docs/guarantees.md lists them.
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
_hoard: list[bytearray] = []


def _stop() -> None:
    """Wait here until somebody sends SIGCONT; the test does meanwhile what it likes."""
    os.kill(os.getpid(), signal.SIGSTOP)


def _hang() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(3600)


def _eat() -> None:
    """Ask for memory without end."""
    for _ in itertools.count():
        _hoard.append(bytearray(b"x" * 16 * _MEGABYTE))


def _leak() -> None:
    _hoard.append(bytearray(b"x" * 64 * _MEGABYTE))


def _short() -> None:
    """Fail as an allocation does that the system refuses."""
    raise MemoryError


def _bug() -> None:
    raise ZeroDivisionError("a failpoint says so")


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
    left: float
    act: Callable[[], None]

    @classmethod
    def parse(cls, text: str) -> _Rule:
        """Parse `point[@label]=[count*]action`; an errno's name is an action too (ENOSPC)."""
        place, _, action = text.strip().rpartition("=")
        point, at, label = place.partition("@")
        count, _, name = action.rpartition("*")
        act = _ACTIONS.get(name) or _raising(getattr(errno, name))
        return cls(point, label if at else None, float(count or "inf"), act)

    def fits(self, point: str, label: str) -> bool:
        return self.point == point and self.label in (None, label) and self.left > 0


def _raising(number: int) -> Callable[[], None]:
    def fail() -> None:
        raise OSError(number, os.strerror(number), "failpoint")

    return fail


def _armed(rules: list[_Rule]) -> Callable[[str, str], None]:
    def reach(point: str, label: str = "") -> None:
        for rule in rules:
            if rule.fits(point, label):
                rule.left -= 1
                rule.act()

    return reach


def _nothing(point: str, label: str = "") -> None:
    pass


def _reach(text: str | None) -> Callable[..., None]:
    if not text:
        return _nothing
    return _armed([_Rule.parse(rule) for rule in text.split(";")])


reach = _reach(os.environ.get(VARIABLE))
