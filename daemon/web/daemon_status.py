"""How the daemon stands, as its heartbeat tells: runs, held up by something, stuck or stopped.

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
    """`word` is alive, held, stuck or stopped; `faults` what holds it up, and for how many seconds.

    `seconds` is the age of the heartbeat.
    """

    word: str
    seconds: int = 0
    faults: tuple[tuple[str, int], ...] = ()


def standing(state: Path, now: float) -> Standing:
    """Read the heartbeat in `state`; `now` is monotonic seconds."""
    try:
        last = heartbeat.last(state)
        age = now - last.beat_at
        told = [(str(why), max(0, int(now - since))) for why, since in last.faults]
    except (OSError, ValueError, TypeError):
        return Standing("stopped")
    if not 0 <= age <= heartbeat.STALE_SECONDS:
        return Standing("stuck", max(0, int(age)))
    faults = tuple((_PATH.sub(r"\1", why), seconds) for why, seconds in told)
    return Standing("held" if faults else "alive", int(age), faults)
