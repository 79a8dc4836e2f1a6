"""`ocr-daemon observe`: watches how a scanner writes into a folder, and never changes a file.

The folder is listed ten times a second, events are recorded beside that, and the daemon's own check
tells whether a file that has not changed for a moment is complete.
"""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from queue import Empty, SimpleQueue
from types import FrameType
from typing import TextIO

from daemon.cli.recommend import Kind, Moment, files_of, recommend, snippet
from daemon.config.sections import Watch
from daemon.core import fs
from daemon.core.errors import Misconfigured
from daemon.core.logs import escape_controls
from daemon.core.volumes import mount_of
from daemon.core.wakeup import WakeupPipe
from daemon.inbox.completeness import missing_end
from daemon.inbox.scan import WORK_FOLDER, Listing, Scanner
from daemon.inbox.watch import FileEvent, delivers_events, recorded_events

LIST_SECONDS = 0.1  # between two listings; in a huge folder ten times the duration of one
STILL_SECONDS = 0.3  # without a change, after which a file is checked for its end
LAG_SECONDS = 1.0  # in which events of the last changes may still come


class Observation:
    """The observations of one folder; `look(now)` is one listing, `now` monotonic seconds."""

    def __init__(self, folder: Path, now: float) -> None:
        """Files that exist already count only if they change."""
        self.moments: list[Moment] = []
        self._folder = folder
        self._scanner = Scanner(folder, (), ())
        self._began = now
        self._listing: Listing = dict(self._scanner.scan().files)
        self._moving: dict[str, float] = {}

    def look(self, now: float) -> list[Moment]:
        """List the folder and return what has changed since the last listing."""
        listing = self._scanner.scan().files
        before, self._listing = self._listing, listing
        found = [*self._compared(before, listing, now), *self._stilled(listing, now)]
        self.moments += found
        return found

    def add_event(self, event: FileEvent) -> Moment | None:
        """Add a filesystem event; None for one that concerns no file of this folder."""
        name = self._below(event.path) or self._below(event.to)
        if name is None:
            return None
        kind: Kind = "event"
        if event.what == "moved" and f"/{WORK_FOLDER}/" in event.to:
            kind = "taken"
        elif event.what == "moved" and name not in self._listing:
            name = self._below(event.to) or name
        moment = Moment(self._since(event.at), kind, name, detail=event.what)
        self.moments.append(moment)
        return moment

    def _compared(self, before: Listing, now_there: Listing, now: float) -> Iterator[Moment]:
        """Return the differences; a file whose inode has another name was renamed."""
        vanished = {stamp.inode: name for name, stamp in before.items() if name not in now_there}
        for name, stamp in now_there.items():
            old = before.get(name)
            if old == stamp:
                continue
            if old is None and (earlier := vanished.pop(stamp.inode, None)):
                if before[earlier] != stamp:  # written to, and renamed since the last look
                    yield Moment(self._since(now), "changed", earlier, stamp.size)
                    self._moving[name] = now
                elif earlier in self._moving:
                    self._moving[name] = self._moving[earlier]
                self._moving.pop(earlier, None)
                yield Moment(self._since(now), "renamed", earlier, stamp.size, name)
                continue
            self._moving[name] = now
            is_alike = old is not None and (old.size, old.inode) == (stamp.size, stamp.inode)
            kind: Kind = "touched" if is_alike else "changed"
            yield Moment(self._since(now), kind, name, stamp.size)
        for name in vanished.values():
            self._moving.pop(name, None)
            yield Moment(self._since(now), "gone", name)

    def _stilled(self, listing: Listing, now: float) -> Iterator[Moment]:
        for name, since in list(self._moving.items()):
            if now - since < STILL_SECONDS:
                continue
            del self._moving[name]
            size = listing[name].size
            try:
                lacks = "is empty" if not size else missing_end(self._folder / name)
            except OSError as error:
                lacks = error.strerror
            yield Moment(self._since(now), "still", name, size, lacks or "")

    def _below(self, path: str) -> str | None:
        """Return a path relative to the folder, None for our work folder and other places."""
        if not path or f"/{WORK_FOLDER}/" in path:
            return None
        with contextlib.suppress(ValueError):
            return str(Path(path).relative_to(self._folder))
        return None

    def _since(self, now: float) -> float:
        return round(now - self._began, 2)


class _StopRequest:
    """Whether SIGINT or SIGTERM came."""

    def __init__(self) -> None:
        self.wakeup = WakeupPipe()
        self.is_requested = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._request)

    def _request(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.is_requested = True
        self.wakeup.notify()


def run(folder: Path, minutes: float | None, record: Path | None) -> None:
    """Observe until SIGINT, SIGTERM or the end of `minutes`, then print the recommendation."""
    folder = folder.absolute()
    if not folder.is_dir():
        raise Misconfigured("DIR", folder, "is not a folder; name that of the scanner")
    if record and record.absolute().is_relative_to(folder):
        raise Misconfigured("--record", record, "is in the observed folder; name another place")
    stop = _StopRequest()
    until = time.monotonic() + minutes * 60 if minutes is not None else float("inf")
    with contextlib.ExitStack() as stack:
        lines = stack.enter_context(record.open("w", encoding="utf-8")) if record else None
        observation = _observe(folder, until, stop, lines)
    print(_report(observation.moments, folder))


def _observe(folder: Path, until: float, stop: _StopRequest, lines: TextIO | None) -> Observation:
    event: SimpleQueue[FileEvent] = SimpleQueue()
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(recorded_events(folder, event))
        except OSError as error:
            _print(f"no events here ({error}); the folder is listed all the same")
        observation = Observation(folder, time.monotonic())
        _print(f"observing {folder}; scan as usual, several documents, then press Ctrl-C")
        while not stop.is_requested and time.monotonic() < until:
            began = time.monotonic()
            _list_once(observation, event, lines)
            stop.wakeup.wait(max(LIST_SECONDS, 10 * (time.monotonic() - began)))
        time.sleep(LAG_SECONDS)
        _list_once(observation, event, lines)
    return observation


def _list_once(
    observation: Observation, event: SimpleQueue[FileEvent], lines: TextIO | None
) -> None:
    """List the folder once, and print and record what happened."""
    try:
        found = observation.look(time.monotonic())
    except OSError as error:
        _print(f"the folder cannot be listed ({error.strerror})")
        found = []
    with contextlib.suppress(Empty):
        while True:
            if moment := observation.add_event(event.get_nowait()):
                found.append(moment)
    for moment in found:
        if lines:
            record = asdict(moment) | {"name": fs.to_unicode(moment.name)}
            lines.write(json.dumps(record, ensure_ascii=False) + "\n")
        if moment.kind != "event":
            detail = f" {moment.detail}" if moment.detail else ""
            _print(f"{moment.at:8.1f} s  {moment.kind:<8} {moment.name}  {moment.bytes} B{detail}")
    if lines:
        lines.flush()


def _report(moments: list[Moment], folder: Path) -> str:
    """Return a line for each file, the reasons, and the section for the config."""
    ignored = Watch().ignore
    recommendation = recommend(
        moments, ignored, mount_of(folder)[1], is_silent=not delivers_events(folder)
    )
    if recommendation is None:
        return "nothing was written; let the scanner write while this runs"
    rows = [
        f"{escape_controls(' -> '.join(file.names))}: written {_times(len(file.changes))} in "
        f"{file.changes[-1][0] - file.changes[0][0]:.1f} s, closed {_times(file.closes)}, "
        f"{len(file.events)} events, longest pause "
        f"{max((seconds for seconds, _ in file.pauses(())), default=0.0):.1f} s"
        for file in files_of(moments)
    ]
    return "\n".join([*rows, "", *recommendation.reasons, "", snippet(recommendation, ignored)])


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _print(line: str) -> None:
    print(escape_controls(line), file=sys.stderr, flush=True)
