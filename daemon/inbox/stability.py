"""When has a file settled? It has not changed for `quiet_seconds`, and is complete.

Time is the monotonic clock of this machine, not the modification time. Each file is either
unstable, incomplete, blocked or ready. A file that stays unchanged but incomplete for
`incomplete_seconds` is ready all the same: the worker that reads it reports what is missing.
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
    """The unchanged files of a listing; `incomplete` and `blocked` have a reason each.

    `ready` maps each name to the time (monotonic seconds) since which the file is unchanged, the
    oldest first. `due` is when the next file could become ready, None if there is no other.
    """

    ready: Mapping[str, float]
    incomplete: Mapping[str, str]
    blocked: Mapping[str, str]
    due: float | None


@dataclass(slots=True)
class _TrackedFile:
    """A file as last seen; `missing` says what is incomplete, checked once for each stamp."""

    stamp: Stamp
    since: float
    missing: str | None = None
    is_checked: bool = False


class StabilityTracker:
    """Remembers since when each file has been unchanged."""

    def __init__(
        self,
        inbox: Path,
        quiet_seconds: FolderRules[float],
        incomplete_seconds: float,
        missing_end: Callable[[Path], str | None],
        *,
        must_move: bool,
    ) -> None:
        """`quiet_seconds` may be 0 for folders whose files appear complete, by a rename.

        With `must_move`, a file is blocked unless its folder can be written.
        """
        self._inbox = inbox
        self._quiet_seconds = quiet_seconds
        self._incomplete_seconds = incomplete_seconds
        self._missing_end = missing_end
        self._must_move = must_move
        self._files: dict[str, _TrackedFile] = {}

    @property
    def oldest(self) -> float | None:
        """Since when (monotonic seconds) the oldest file is unchanged, None without a file."""
        return min((file.since for file in self._files.values()), default=None)

    def observe(self, listing: Listing, now: float) -> StabilityReport:
        """Judge every file of a listing; forget files that are gone. `now` is monotonic seconds."""
        self._files = {
            name: seen
            if (seen := self._files.get(name)) and seen.stamp == stamp
            else _TrackedFile(stamp, now)
            for name, stamp in listing.items()
        }
        ready: dict[str, float] = {}
        incomplete: dict[str, str] = {}
        blocked: dict[str, str] = {}
        for name, file in sorted(self._files.items(), key=lambda item: item[1].since):
            if now - file.since < self._quiet_seconds.of(name):
                continue
            try:
                if missing := self._missing(name, file, now):
                    incomplete[name] = missing
                elif reason := self._denied(self._inbox / name):
                    blocked[name] = reason
                else:
                    ready[name] = file.since
            except FileNotFoundError:
                continue  # gone since the listing: the next one forgets it
            except OSError as error:
                blocked[name] = f"{error.strerror}; {owner_and_mode(self._inbox / name)}"
        return StabilityReport(ready, incomplete, blocked, self._due(now, incomplete))

    def _missing(self, name: str, file: _TrackedFile, now: float) -> str | None:
        if file.stamp.size == 0:
            return "is empty (0 bytes)"
        if now - file.since >= self._incomplete_seconds:
            return None
        if not file.is_checked:
            file.missing = self._missing_end(self._inbox / name)
            file.is_checked = True
        return file.missing

    def _denied(self, path: Path) -> str | None:
        if not os.access(path, os.R_OK):
            return f"it cannot be read; {owner_and_mode(path)}"
        if self._must_move and not os.access(path.parent, os.W_OK | os.X_OK):
            return f"it cannot be moved out of its folder; {owner_and_mode(path.parent)}"
        return None

    def _due(self, now: float, incomplete: Mapping[str, str]) -> float | None:
        times = [
            file.since
            + (self._incomplete_seconds if name in incomplete else self._quiet_seconds.of(name))
            for name, file in self._files.items()
            if file.stamp.size
        ]
        return min((due for due in times if due > now), default=None)


def owner_and_mode(path: Path) -> str:
    """Return a sentence about owner and mode of a path that asks for permission."""
    status = path.lstat()
    try:
        owner = pwd.getpwuid(status.st_uid).pw_name
    except KeyError:
        owner = f"uid {status.st_uid}"
    return (
        f"it belongs to {owner} with mode {stat.S_IMODE(status.st_mode):04o} "
        f"and this daemon runs as uid {os.geteuid()}; give it permission"
    )
