"""The heartbeat: one small file that says that the loop turns, and what holds it up.

Times are CLOCK_MONOTONIC seconds of this boot, which a changed wall clock cannot fool; after a
reboot an old file lies in the future and counts as stale.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from daemon.core.records import Fault

HEARTBEAT_NAME = "heartbeat.json"
BEAT_SECONDS = 5.0
STALE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """When the loop last turned and scanned, how much is in work, and what holds it up now."""

    pid: int
    beat_at: float
    scanned_at: float
    in_progress: int
    draining: bool
    faults: list[tuple[str, float]]  # a sentence each, and since when


def beat(state: Path, heartbeat: Heartbeat) -> None:
    """Write the heartbeat, atomically and without fsync: it is worthless after a power cut."""
    draft = state / f".{HEARTBEAT_NAME}.tmp"
    draft.write_text(json.dumps(asdict(heartbeat)), encoding="utf-8")
    draft.replace(state / HEARTBEAT_NAME)


def end(state: Path) -> None:
    """Take the heartbeat away: the daemon has been stopped."""
    with contextlib.suppress(OSError):
        (state / HEARTBEAT_NAME).unlink()


def last(state: Path) -> Heartbeat:
    """Return the last heartbeat; OSError, ValueError or TypeError where none can be read."""
    return Heartbeat(**json.loads((state / HEARTBEAT_NAME).read_text(encoding="utf-8")))


def diagnose(state: Path, now: float) -> tuple[bool, str]:
    """Return whether the daemon lives, and one sentence; `now` is monotonic seconds."""
    try:
        heartbeat = last(state)
    except FileNotFoundError:
        return False, f"no heartbeat in {state}: the daemon is not running"
    except (OSError, ValueError, TypeError) as error:
        return False, f"the heartbeat in {state} cannot be read: {error}"
    age = now - heartbeat.beat_at
    if not 0 <= age <= STALE_SECONDS:
        return False, f"the loop has not turned for {age:.0f} s (pid {heartbeat.pid})"
    if heartbeat.faults:
        told = [f"{why} (for {now - since:.0f} s)" for why, since in heartbeat.faults]
        return True, f"alive, but not all is well: {'; '.join(told)}"
    scan = "no scan yet"
    if heartbeat.scanned_at > float("-inf"):
        scan = f"last scan {now - heartbeat.scanned_at:.0f} s ago"
    return True, f"alive: {heartbeat.in_progress} in progress, {scan}"


def pulse(
    scanned_at: float, in_progress: int, draining: bool, faults: Iterable[Fault]
) -> Heartbeat:
    """Return the heartbeat of this process now."""
    told = [(fault.why, fault.since) for fault in faults]
    return Heartbeat(os.getpid(), time.monotonic(), scanned_at, in_progress, draining, told)
