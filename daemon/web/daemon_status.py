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

START_SECONDS = 300.0  # loading the model and recovery take less
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
    status = _health_word(last, age)
    return DaemonStatus(status, max(0, int(age)), () if status == "down" else faults)


def _health_word(last: Heartbeat, age: float) -> HealthWord:
    """Return the status by the last heartbeat and its age in seconds.

    While the daemon starts, the heartbeat has the status "starting" and the time of the start.
    """
    is_starting = getattr(last, "status", None) == "starting"
    if not 0 <= age <= (START_SECONDS if is_starting else heartbeat.STALE_SECONDS):
        return "down"
    return "starting" if is_starting else "degraded" if last.faults else "ok"
