"""Why files wait: the daemon's own reasons, from the report that it writes after each scan."""

from __future__ import annotations

import time
from collections.abc import Collection
from pathlib import Path

from daemon.monitoring import waiting
from daemon.web.daemon_status import daemon_status, last_names
from daemon.web.index.records import WaitingReason


class WaitingReasons:
    """The reasons at one moment; `pending` are the names of the files that are in the inbox now."""

    def __init__(self, state: Path, pending: Collection[str]) -> None:
        """`state` is the folder with the daemon's heartbeat and report."""
        self._status = daemon_status(state, time.monotonic()).status
        self._report = waiting.last(state)
        still_waiting = (name for name in self._report.files.upcoming if name in pending)
        self._places = {name: place for place, name in enumerate(still_waiting)}

    def of_file(self, name: str) -> WaitingReason:
        """Return why a file in the inbox waits."""
        report, files = self._report, self._report.files
        if self._status == "down":
            return WaitingReason("down")
        if self._status == "starting":
            return WaitingReason("starting")
        if name in files.blocked:
            return WaitingReason("blocked", last_names(files.blocked[name]))
        if name in files.incomplete:
            return WaitingReason("incomplete", files.incomplete[name])
        if report.paused is not None:
            return WaitingReason("paused", last_names(report.paused))
        if name in files.unstable:
            return WaitingReason("unstable")
        if name in self._places:
            place = self._places[name]
            return WaitingReason("ready", ahead=place) if place else WaitingReason("next")
        if files.ready > len(files.upcoming):  # further back than those that the report names
            return WaitingReason("ready", ahead=len(self._places))
        return WaitingReason("arrived")

    def of_document(self, claim: str) -> WaitingReason | None:
        """Return what holds up a document that is being read, None if nothing does."""
        if self._status == "down":
            return WaitingReason("down")
        message = self._report.retrying.get(claim)
        return WaitingReason("retrying", last_names(message)) if message else None
