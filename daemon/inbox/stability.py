"""When has a file settled? It has not changed for `quiet_seconds`, and is complete.

Time is the monotonic clock of this machine, not the modification time. Each file is either
unstable, incomplete, blocked or ready. A file that stays unchanged but incomplete for
`incomplete_seconds` is ready all the same: the worker that reads it reports what is missing.

Where very many files wait, what is known about one is not asked for again with each scan: its stamp
is needed when it is first seen, when its quiet time is over, and when it is claimed. A scan opens
at most `MAX_CHECKS` files to see whether they are complete; the others are ready as far as anybody
knows, and are checked by a later scan or when they are claimed, whichever comes first.
"""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from daemon.core.folder_rules import FolderRules, folder_of
from daemon.core.records import Stamp
from daemon.inbox.scan import Listing

EMPTY = "it is empty (0 bytes); it waits until it has content; delete it if nothing is coming"
MAX_CHECKS = 2000  # files that one scan checks: 0.1 s
MANY = (
    2000  # unstable files above which their stamps are compared at the end of the quiet time only
)


class NotReady(Exception):
    """A file that was thought ready is not: the next scan tells what it is."""


@dataclass(frozen=True, slots=True)
class StabilityReport:
    """The unchanged files of a listing; `incomplete` and `blocked` have a reason each.

    `ready` maps each name to the time (monotonic seconds) since which the file is unchanged, the
    oldest first. `due` is when the next file could become ready, None if there is no other.
    `unchecked` is how many of the ready files nobody has looked into yet.
    """

    ready: Mapping[str, float]
    incomplete: Mapping[str, str]
    blocked: Mapping[str, str]
    due: float | None
    unchecked: int = 0


@dataclass(slots=True)
class _Judgement:
    """A report in the making; `writable` has the folders that were tried."""

    ready: dict[str, float]
    incomplete: dict[str, str]
    blocked: dict[str, str]
    writable: dict[str, bool]
    due: float = float("inf")
    checks: int = 0
    unchecked: int = 0
    unstable: int = 0

    def report(self) -> StabilityReport:
        """Return it as a report."""
        due = None if self.due == float("inf") else self.due
        return StabilityReport(self.ready, self.incomplete, self.blocked, due, self.unchecked)


@dataclass(slots=True)
class _TrackedFile:
    """A file as last seen; `missing` says what is incomplete, checked once for each stamp.

    `is_settled` once the quiet time is over, `is_accessible` once it was found to be.
    """

    stamp: Stamp
    since: float
    missing: str | None = None
    is_checked: bool = False
    is_settled: bool = False
    is_accessible: bool = False


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
        appears_complete: Callable[[str, Stamp], bool] = lambda *_: False,
    ) -> None:
        """`quiet_seconds` may be 0 for folders whose files appear complete, by a rename.

        With `must_move`, a file is blocked unless its folder can be written. `appears_complete`
        tells by name and stamp which files have no quiet time, whatever their folder.
        """
        self._inbox = inbox
        self._quiet_seconds = quiet_seconds
        self._incomplete_seconds = incomplete_seconds
        self._missing_end = missing_end
        self._must_move = must_move
        self._appears_complete = appears_complete
        self._files: dict[str, _TrackedFile] = {}
        self._unstable = 0

    @property
    def oldest(self) -> float | None:
        """Since when (monotonic seconds) the oldest file is unchanged, None without a file."""
        return min((file.since for file in self._files.values()), default=None)

    def knows(self, now: float) -> Callable[[str], bool]:
        """Return whether `observe` at `now` can do with the stamp of the scan before, by name.

        That is so for a file that waits for nothing but its turn, and for one of very many whose
        quiet time is not over.
        """
        files, quiet, are_many = self._files, self._quiet_seconds, self._unstable > MANY

        def knows(name: str) -> bool:
            file = files.get(name)
            if file is None:
                return False
            if file.is_settled:
                is_ready = file.missing is None and (file.is_accessible or not file.is_checked)
                return is_ready and file.stamp.size > 0
            return are_many and now - file.since < quiet.of(name)

        return knows

    def observe(self, listing: Listing, now: float) -> StabilityReport:
        """Judge every file of a listing; forget files that are gone. `now` is monotonic seconds."""
        self._files = {
            name: seen
            if (seen := self._files.get(name)) and seen.stamp == stamp
            else _TrackedFile(stamp, now)
            for name, stamp in listing.items()
        }
        judged = _Judgement({}, {}, {}, {})
        for name, file in sorted(self._files.items(), key=lambda item: item[1].since):
            if not file.is_settled:
                settles = file.since + self._quiet_seconds.of(name)
                if now < settles and not self._appears_complete(name, file.stamp):
                    judged.unstable += 1
                    judged.due = min(judged.due, settles)
                    continue
                file.is_settled = True
            if file.is_accessible:
                judged.ready[name] = file.since
                continue
            try:
                self._judge(name, file, now, judged)
            except FileNotFoundError:
                continue  # gone since the listing: the next one forgets it
            except OSError as error:
                judged.blocked[name] = f"{error.strerror}; {owner_and_mode(self._inbox / name)}"
        self._unstable = judged.unstable
        return judged.report()

    def _judge(self, name: str, file: _TrackedFile, now: float, judged: _Judgement) -> None:
        """Say what an unchanged file is that was not known to be ready."""
        if not file.is_checked:
            if judged.checks >= MAX_CHECKS:
                judged.ready[name] = file.since  # as far as we know
                judged.unchecked += 1
                return
            judged.checks += 1
        if missing := self._missing(name, file, now):
            judged.incomplete[name] = missing
            if file.stamp.size:
                judged.due = min(judged.due, file.since + self._incomplete_seconds)
        elif reason := self._denied(name, judged.writable):
            judged.blocked[name] = reason
        else:
            file.is_accessible = True
            judged.ready[name] = file.since

    def verify(self, name: str, settled: Stamp, now: float) -> None:
        """Raise NotReady unless a ready file is complete and still the one that settled.

        Called when it is claimed; an OSError but that of a file that is gone passes through.
        """
        file = self._files.get(name)
        if file is None:
            return
        try:
            is_same = Stamp.of(self._inbox / name) == settled
        except (FileNotFoundError, NotADirectoryError):
            is_same = False
        if not is_same:
            self.recheck(name)
            raise NotReady(name)
        if not file.is_accessible:
            if self._missing(name, file, now):
                raise NotReady(name)
            file.is_accessible = self._denied(name, {}) is None

    def recheck(self, name: str) -> None:
        """Ask for the stamp of a file with the next scan, and whether it may be read."""
        if file := self._files.get(name):
            file.is_settled = file.is_accessible = False

    def _missing(self, name: str, file: _TrackedFile, now: float) -> str | None:
        if file.stamp.size == 0:
            return EMPTY
        if now - file.since >= self._incomplete_seconds:
            file.missing, file.is_checked = None, True
        elif not file.is_checked:
            file.missing = self._missing_end(self._inbox / name)
            file.is_checked = True
        return file.missing

    def _denied(self, name: str, writable: dict[str, bool]) -> str | None:
        """Return why a file may not be read or moved; `writable` caches the answers by folder."""
        path = self._inbox / name
        if not os.access(path, os.R_OK):
            return f"it cannot be read; {owner_and_mode(path)}"
        if not self._must_move:
            return None
        folder = folder_of(name)
        if folder not in writable:
            writable[folder] = os.access(path.parent, os.W_OK | os.X_OK)
        if not writable[folder]:
            return f"it cannot be moved out of its folder; {owner_and_mode(path.parent)}"
        return None


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
