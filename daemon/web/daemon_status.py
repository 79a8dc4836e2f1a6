"""The health of the daemon, computed from its heartbeat: starting, ok, degraded or down.

The page describes the status in the reader's language. Faults are the daemon's own sentences,
with each path reduced to its last name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

from daemon.monitoring import heartbeat
from daemon.monitoring.heartbeat import Heartbeat

HealthWord = Literal["starting", "ok", "degraded", "down"]
HEALTH_WORDS: Final[tuple[HealthWord, ...]] = get_args(HealthWord)

# the page does not show the folders that lead to a file
_PATH = re.compile(r"(?<![\w/.])/(?:[^/\s]+/)*([^/\s]*)")


@dataclass(frozen=True, slots=True)
class DaemonStatus:
    """The status, the age of the heartbeat, and each fault with its duration in seconds.

    `age_seconds` is None if the daemon is down without a heartbeat; a daemon that is down with an
    old heartbeat does not respond any more.
    """

    status: HealthWord
    age_seconds: int | None = None
    faults: tuple[tuple[str, int], ...] = ()


def daemon_status(state: Path, now: float) -> DaemonStatus:
    """Return the status by the heartbeat in the `state` folder; `now` is monotonic seconds."""
    try:
        last = heartbeat.last(state)
        age = now - last.beat_at
        faults = tuple(
            (_PATH.sub(r"\1", str(message)), max(0, int(now - since)))
            for message, since in last.faults
        )
    except (OSError, ValueError, TypeError):
        return DaemonStatus("down")
    if not 0 <= age <= heartbeat.STALE_SECONDS:
        return DaemonStatus("down", max(0, int(age)))
    return DaemonStatus(_health_word(last), int(age), faults)


def _health_word(last: Heartbeat) -> HealthWord:
    """Return the status that a fresh heartbeat stands for."""
    return "degraded" if last.faults else "ok"
