"""How the daemon stands, as its heartbeat tells: runs, held up by something, stuck or stopped.

A page says it in its own language; what holds the daemon up is said in the daemon's words, with
the names of folders and without their paths.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from daemon.health import HEARTBEAT_NAME, STALE_SECONDS, Heartbeat


@dataclass(frozen=True, slots=True)
class Standing:
    """`word` is alive, held, stuck or stopped; `faults` what holds it up, and for how many seconds.

    `seconds` is the age of the heartbeat.
    """

    word: str
    seconds: int = 0
    faults: tuple[tuple[str, int], ...] = ()


def standing(state: Path, folders: Iterable[Path], now: float) -> Standing:
    """Read the heartbeat in `state`; `now` is monotonic seconds."""
    try:
        heartbeat = Heartbeat(**json.loads((state / HEARTBEAT_NAME).read_text(encoding="utf-8")))
        age = now - heartbeat.beat_at
        told = [(str(why), max(0, int(now - since))) for why, since in heartbeat.faults]
    except (OSError, ValueError, TypeError):
        return Standing("stopped")
    if not 0 <= age <= STALE_SECONDS:
        return Standing("stuck", max(0, int(age)))
    faults = tuple((_without_paths(why, folders), seconds) for why, seconds in told)
    return Standing("held" if faults else "alive", int(age), faults)


def _without_paths(sentence: str, folders: Iterable[Path]) -> str:
    """Return the sentence with the names of the daemon's folders in the place of their paths."""
    for folder in sorted(folders, key=lambda each: -len(os.fspath(each))):
        sentence = sentence.replace(os.fspath(folder), folder.name)
    return sentence
