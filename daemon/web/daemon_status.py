"""The health of the daemon, computed from its heartbeat: starting, ok, degraded or down.

The page describes the status in the reader's language. Faults are the daemon's own sentences,
with each path reduced to its last name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, get_args

from daemon.monitoring import heartbeat
from daemon.monitoring.heartbeat import HealthStatus

HEALTH_STATUSES: Final[tuple[HealthStatus, ...]] = get_args(HealthStatus)

# the page does not show the folders that lead to a file
_PATH = re.compile(r"(?<![\w/.])/(?:[^/\s]+/)*([^/\s]*)")


@dataclass(frozen=True, slots=True)
class DaemonStatus:
    """The status, the age of the heartbeat, and each fault with its duration in seconds.

    `age_seconds` is None if the daemon is down without a heartbeat; a daemon that is down with an
    old heartbeat does not respond any more.
    """

    status: HealthStatus
    age_seconds: int | None = None
    faults: tuple[tuple[str, int], ...] = ()


def daemon_status(state: Path, now: float) -> DaemonStatus:
    """Return the status by the heartbeat in the `state` folder; `now` is monotonic seconds."""
    try:
        last = heartbeat.last(state)
        age = now - last.beat_at
        faults = tuple(
            (last_names(str(message)), max(0, int(now - since))) for message, since in last.faults
        )
    except (OSError, ValueError, TypeError):
        return DaemonStatus("down")
    status = heartbeat.status_of(last, now)
    return DaemonStatus(status, max(0, int(age)), () if status == "down" else faults)


def last_names(sentence: str) -> str:
    """Return a sentence of the daemon with each path reduced to its last name."""
    return _PATH.sub(r"\1", sentence)
