"""Why each file in the inbox waits, as another process than the daemon can tell.

The daemon measures with a monotonic clock how long it has seen a file unchanged. Another process
can only ask how long ago the file was changed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from daemon.core.folder_rules import FolderRules
from daemon.inbox.scan import Listing
from daemon.inbox.stability import StabilityTracker

WaitingState = Literal["ready", "unstable", "incomplete", "blocked"]


@dataclass(frozen=True, slots=True)
class WaitingFile:
    """A file that waits: `reason` is a sentence; `seconds` have passed since it was changed.

    A `ready` file waits for a free worker.
    """

    name: str
    bytes: int
    seconds: float
    state: WaitingState
    reason: str


def waiting_files(
    inbox: Path,
    listing: Listing,
    quiet_seconds: FolderRules[float],
    incomplete_seconds: float,
    missing_end: Callable[[Path], str | None],
    *,
    must_move: bool,
    now: float | None = None,
) -> Iterator[WaitingFile]:
    """Return the files of a listing with the reason why each waits, the oldest first.

    `now` is in seconds since 1970, by default the time of the clock.
    """
    now = time.time() if now is None else now
    tracker = StabilityTracker(
        inbox, FolderRules(0.0), incomplete_seconds, missing_end, must_move=must_move
    )
    report = tracker.observe(listing, 0.0)
    for name, stamp in sorted(listing.items(), key=lambda item: item[1].modified_ns):
        seconds = max(0.0, now - stamp.modified_ns / 1e9)
        quiet = quiet_seconds.of(name)
        if name in report.blocked:
            state: WaitingState = "blocked"
            reason = report.blocked[name]
        elif name in report.incomplete and (seconds < incomplete_seconds or not stamp.size):
            state, reason = "incomplete", report.incomplete[name]
        elif seconds < quiet:
            state = "unstable"
            reason = f"changed {seconds:.0f} s ago; it is taken {quiet:g} s after its last change"
        else:
            state, reason = "ready", "waits for a free worker"
        yield WaitingFile(name, stamp.size, seconds, state, reason)
