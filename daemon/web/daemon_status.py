"""How the daemon stands, as its heartbeat tells: starting, runs, held up, stuck or stopped.

A page says it in its own language; what holds the daemon up is said in the daemon's words, with
the last names of paths alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from daemon.monitoring import heartbeat

# the folders on the way to a name are nobody's business on a page
_PATH = re.compile(r"(?<![\w/.])/(?:[^/\s]+/)*([^/\s]*)")


@dataclass(frozen=True, slots=True)
class Standing:
    """`word` is starting, alive, held, stuck or stopped; `faults` what holds it up, for how long.

    `seconds` is the age of the heartbeat.
    """

    word: str
    seconds: int = 0
    faults: tuple[tuple[str, int], ...] = ()


def standing(state: Path, now: float) -> Standing:
    """Read the heartbeat in `state`; `now` is monotonic seconds."""
    try:
        last = heartbeat.last(state)
        age, status = now - last.beat_at, heartbeat.status_of(last, now)
        told = [(str(why), max(0, int(now - since))) for why, since in last.faults]
    except (OSError, ValueError, TypeError):
        return Standing("stopped")
    if status == "starting":
        return Standing("starting", int(age))
    if status == "down":
        return Standing("stuck", max(0, int(age)))
    faults = tuple((_PATH.sub(r"\1", why), seconds) for why, seconds in told)
    return Standing("held" if faults else "alive", int(age), faults)
