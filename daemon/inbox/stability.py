"""When has a file settled? Still on our own monotonic clock, and complete for its format.

Three answers, each file gets exactly one: ready, busy, cannot. A file that stays still but
incomplete for `incomplete_seconds` is ready all the same: the reader will say what it lacks.
"""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from daemon.core.folder_rules import FolderRules
from daemon.core.records import Stamp
from daemon.inbox.scan import Listing


@dataclass(frozen=True, slots=True)
class StabilityReport:
    """The still files of a listing; `incomplete` and `blocked` with a reason each.

    `ready` has by name since when (monotonic seconds) each has been still, the oldest first.

    `due` is the time at which the next moving file could be still, None when nothing moves.
    """

    ready: Mapping[str, float]
    incomplete: Mapping[str, str]
    blocked: Mapping[str, str]
    due: float | None


@dataclass(slots=True)
class _Watched:
    """A file as last seen; `missing` is what its end lacks, asked once for each stamp."""

    stamp: Stamp
    since: float
    missing: str | None = None
    asked: bool = False


class StabilityTracker:
    """Remembers since when each file has been still."""

    def __init__(
        self,
        inbox: Path,
        quiet_seconds: FolderRules[float],
        incomplete_seconds: float,
        missing_end: Callable[[Path], str | None],
        *,
        must_move: bool,
    ) -> None:
        """`quiet_seconds` may be 0 where files come complete, by a rename: they are not waited for.

        `must_move` says that a file can be taken only where its folder may be written.
        """
        self._inbox = inbox
        self._quiet = quiet_seconds
        self._patience = incomplete_seconds
        self._missing_end = missing_end
        self._must_move = must_move
        self._watched: dict[str, _Watched] = {}

    @property
    def oldest(self) -> float | None:
        """When (monotonic seconds) the file last changed that has not for longest, None without."""
        return min((file.since for file in self._watched.values()), default=None)

    def observe(self, listing: Listing, now: float) -> StabilityReport:
        """Answer for every file of the listing; forget the vanished. `now` is monotonic seconds."""
        self._watched = {
            name: seen
            if (seen := self._watched.get(name)) and seen.stamp == stamp
            else _Watched(stamp, now)
            for name, stamp in listing.items()
        }
        ready: dict[str, float] = {}
        incomplete: dict[str, str] = {}
        blocked: dict[str, str] = {}
        for name, file in sorted(self._watched.items(), key=lambda item: item[1].since):
            if now - file.since < self._quiet.of(name):
                continue
            try:
                if missing := self._lacks(name, file, now):
                    incomplete[name] = missing
                elif refusal := self._refusal(self._inbox / name):
                    blocked[name] = refusal
                else:
                    ready[name] = file.since
            except FileNotFoundError:
                continue  # vanished since the listing: the next one forgets it
            except OSError as error:
                blocked[name] = f"{error.strerror}; {who_may(self._inbox / name)}"
        return StabilityReport(ready, incomplete, blocked, self._due(now, incomplete))

    def _lacks(self, name: str, file: _Watched, now: float) -> str | None:
        if file.stamp.size == 0:
            return "is empty (0 bytes)"
        if now - file.since >= self._patience:
            return None
        if not file.asked:
            file.missing = self._missing_end(self._inbox / name)
            file.asked = True
        return file.missing

    def _refusal(self, path: Path) -> str | None:
        if not os.access(path, os.R_OK):
            return f"it cannot be read; {who_may(path)}"
        if self._must_move and not os.access(path.parent, os.W_OK | os.X_OK):
            return f"it cannot be moved out of its folder; {who_may(path.parent)}"
        return None

    def _due(self, now: float, incomplete: Mapping[str, str]) -> float | None:
        waits = [
            file.since + (self._patience if name in incomplete else self._quiet.of(name))
            for name, file in self._watched.items()
            if file.stamp.size
        ]
        return min((due for due in waits if due > now), default=None)


def who_may(path: Path) -> str:
    """Return who owns a path and with which mode, for the sentence that asks for permission."""
    status = path.lstat()
    try:
        owner = pwd.getpwuid(status.st_uid).pw_name
    except KeyError:
        owner = f"uid {status.st_uid}"
    return (
        f"it belongs to {owner} with mode {stat.S_IMODE(status.st_mode):04o} "
        f"and this daemon runs as uid {os.geteuid()}; give it permission"
    )
