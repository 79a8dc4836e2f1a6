"""The heartbeat file: shows that the main loop runs, and names the faults that hold it up.

Times are CLOCK_MONOTONIC seconds of this boot, which a changed wall clock cannot affect. After a
reboot an old file lies in the future and counts as stale.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal

from daemon.core import private
from daemon.core.records import Fault

HEARTBEAT_NAME = "heartbeat.json"
BEAT_SECONDS = 5.0
STALE_SECONDS = 60.0
START_SECONDS = 300.0  # loading the model may take 120; recovery of unfinished documents follows

HealthStatus = Literal["starting", "ok", "degraded", "down"]
"""The health of a daemon in one word.

    starting    the model is being loaded, or recovery is not finished
    ok          the main loop runs and nothing is wrong
    degraded    the main loop runs, but a fault holds something up, or the daemon is stopping
    down        the main loop has not completed a turn for `STALE_SECONDS`, the start takes longer
                than `START_SECONDS`, or there is no heartbeat
"""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """When the loop last turned and scanned, how many documents are in progress, and the faults.

    `status` is the word that the daemon had for itself at `beat_at`; while it is "starting", that
    is the time at which the start began. A file written before 0.1.0 has no `status`.
    """

    pid: int
    beat_at: float
    scanned_at: float
    in_progress: int
    draining: bool
    faults: list[tuple[str, float]]  # a sentence each, and since when
    status: HealthStatus | None = None


def beat(state: Path, heartbeat: Heartbeat) -> None:
    """Write the heartbeat, atomically and without fsync: it is worthless after a power cut."""
    draft = state / f".{HEARTBEAT_NAME}.tmp"
    private.write_text(draft, json.dumps(asdict(heartbeat)))
    draft.replace(state / HEARTBEAT_NAME)


def begin(state: Path) -> None:
    """Write the first heartbeat of a start; the loop writes the next one when it turns.

    The caller holds the lock of the state folder. A state folder that refuses the file is reported
    by the log, and is no reason not to start.
    """
    with contextlib.suppress(OSError):
        beat(state, pulse("starting", float("-inf"), 0, False, ()))


def end(state: Path) -> None:
    """Remove the heartbeat: the daemon has stopped."""
    with contextlib.suppress(OSError):
        (state / HEARTBEAT_NAME).unlink()


@contextlib.contextmanager
def removed_at_end(state: Path) -> Iterator[None]:
    """Remove the heartbeat when the block ends, so that a start that failed is not "starting"."""
    try:
        yield
    finally:
        end(state)


def last(state: Path) -> Heartbeat:
    """Return the last heartbeat; OSError, ValueError or TypeError if none can be read.

    Unknown fields are ignored, so that an older version can read the file of a newer one.
    """
    content = json.loads((state / HEARTBEAT_NAME).read_text(encoding="utf-8"))
    known = {field.name for field in fields(Heartbeat)}
    return Heartbeat(**{key: value for key, value in dict(content).items() if key in known})


def status_of(heartbeat: Heartbeat, now: float) -> HealthStatus:
    """Return the health at `now` (monotonic seconds), from the last word and its age."""
    is_starting = heartbeat.status == "starting"
    if not 0 <= now - heartbeat.beat_at <= (START_SECONDS if is_starting else STALE_SECONDS):
        return "down"
    return heartbeat.status or ("degraded" if heartbeat.faults else "ok")


def diagnose(state: Path, now: float) -> tuple[HealthStatus, str]:
    """Return the health of the daemon and a sentence about it; `now` is monotonic seconds."""
    try:
        heartbeat = last(state)
        status = status_of(heartbeat, now)
        return status, _sentence(heartbeat, status, now)
    except FileNotFoundError:
        return (
            "down",
            f"the daemon is not running; start it: ocr-daemon run (no heartbeat in {state})",
        )
    except (OSError, ValueError, TypeError) as error:
        return "down", f"the heartbeat in {state} cannot be read: {error}"


def _sentence(heartbeat: Heartbeat, status: HealthStatus, now: float) -> str:
    age = now - heartbeat.beat_at
    if heartbeat.status == "starting":
        if status == "down":
            return f"the start has not finished for {age:.0f} s (pid {heartbeat.pid})"
        return f"the model is being loaded (for {age:.0f} s)"
    if status == "down":
        return f"the main loop has not completed a turn for {age:.0f} s (pid {heartbeat.pid})"
    if heartbeat.faults:
        return "; ".join(f"{fault} (for {now - since:.0f} s)" for fault, since in heartbeat.faults)
    progress = f"{heartbeat.in_progress} in progress"
    if heartbeat.draining:
        return f"no new files are taken, {progress}"
    if heartbeat.scanned_at == float("-inf"):
        return f"{progress}, no scan yet"
    return f"{progress}, last scan {now - heartbeat.scanned_at:.0f} s ago"


def pulse(
    status: HealthStatus,
    scanned_at: float,
    in_progress: int,
    draining: bool,
    faults: Iterable[Fault],
) -> Heartbeat:
    """Return the heartbeat of this process now."""
    reasons = [(fault.message, fault.since) for fault in faults]
    return Heartbeat(
        os.getpid(), time.monotonic(), scanned_at, in_progress, draining, reasons, status
    )
