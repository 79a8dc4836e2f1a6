"""How long originals are kept once they are answered: by age and by size, off the path.

Nothing is removed but on the ledger's word: its bytes are hashed, and every claim on them must be
answered and closed. What the ledger does not know is left, and told. A file is as old as its answer
and as its place in the folder (ctime, which copies do not keep), whichever is younger.

A thread of its own does it, so that a share that hangs holds up nothing else; a turn is bounded.
A kill leaves at most the reason of a failed file without the file, which goes at a later turn.
"""

from __future__ import annotations

import contextlib
import heapq
import json
import os
import re
import threading
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import structlog

from daemon.core import failpoints, fs
from daemon.core.errors import DaemonError
from daemon.core.logs import escape_controls
from daemon.core.volumes import Volume
from daemon.inbox.archive import REASON_ENDING, reason_of
from daemon.inbox.scan import WORK_FOLDER
from daemon.ledger.ledger import Ledger

if TYPE_CHECKING:
    from daemon.config.sections import Retention

log = structlog.get_logger()

TURN_SECONDS = 3600.0  # between two looks
MORE_SECONDS = 10.0  # until the next look where a turn did not get to its end
SPENT_SECONDS = 60.0  # that a turn takes: hashing must not keep the disk for itself
BATCH = 1000  # files hashed in a turn, the oldest first
EVERYTHING = 1_000_000_000  # files hashed where a person asks
MOST_UNKNOWN = 100_000  # that the ledger does not know, remembered so as not to hash them again
NICE = 10  # of the thread: reading comes first
DAY = 86_400.0
# no answer is older than this program: a machine that starts without a clock says 1970
FIRST_ANSWER = datetime.fromisoformat("2026-01-01T00:00:00Z").timestamp()
_DRAFT = re.compile(r"\.(probe-)?[0-9a-f]{32}\.tmp")
_SAID = {"age": "has had its days", "size": "is over the megabytes"}

Which = Literal["archive", "failed"]
Values = Callable[[str], "Retention"]
"""By the path of a kept file, which is that of the original: what holds for it.

Files for which it returns the same object share its megabytes.
"""


@dataclass(frozen=True, slots=True)
class Original:
    """A kept file: its path below its folder, its bytes with those of its reason, its ctime.

    The reason of a failed file counts for one where it lies without that file.
    """

    name: str
    bytes: int
    since: float
    inode: int


@dataclass(frozen=True, slots=True)
class Due:
    """An original that has had its time: when it was answered, and which limit it is over."""

    which: Which
    original: Original
    answered_at: str
    why: Literal["age", "size"]


class RetentionFolder:
    """One folder of kept originals, and what may go from it."""

    def __init__(
        self, which: Which, folder: Path, values: Values, others: Container[Path] = ()
    ) -> None:
        """`others` are folders that are left out where they lie in this one."""
        self.which: Which = which
        self.folder = folder
        self.has_more = False
        self._values = values
        self._others = others
        self._volume = Volume(folder)
        self._unknown: set[tuple[int, float]] = set()
        self._told = 0
        self._alive: dict[int, Retention] = {}

    def due(self, ledger_file: Path, now: float, most: int = BATCH) -> Iterator[Due]:
        """Return what has had its time at `now` (seconds since 1970), the oldest first.

        At most `most` files are hashed. An OSError where the folder is away.
        """
        self._volume.check()
        excess = self._excess()
        old = self._old(excess, now, most)
        self.has_more = len(old) == most and len(self._unknown) < MOST_UNKNOWN
        if not old:
            return
        with contextlib.closing(Ledger(ledger_file, read_only=True)) as ledger:
            for original, values in old:
                days, _ = self._limits(values)
                is_over = excess[id(values)] > 0
                if not is_over and not _is_past(original.since, days, now):
                    continue
                at = self._answered_at(original, ledger)
                is_old = at is not None and _is_past(
                    datetime.fromisoformat(at).timestamp(), days, now
                )
                if is_over or is_old:  # what is not ours to remove does not count as too much
                    excess[id(values)] -= original.bytes
                if at is not None and (is_over or is_old):
                    yield Due(self.which, original, at, "age" if is_old else "size")
        self._tell_unknown()

    def remove(self, due: Due) -> bool:
        """Remove an original, then its reason; False where somebody took it away meanwhile."""
        original = due.original
        if not fs.remove_beneath(self.folder, original.name, original.inode):
            return False
        failpoints.reach("retention.removed", original.name)
        reason = reason_of(Path(original.name))
        if self.which == "failed":
            with contextlib.suppress(OSError):
                inode = (self.folder / reason).lstat().st_ino
                fs.remove_beneath(self.folder, os.fspath(reason), inode)
        return True

    def _limits(self, values: Retention) -> tuple[float | None, int | None]:
        if self.which == "archive":
            return values.archive_days, values.archive_megabytes
        return values.failed_days, values.failed_megabytes

    def _known(self) -> Iterator[tuple[Original, Retention]]:
        """Return what lies here and is not known to be unknown, with what holds for it."""
        for original in originals(self.folder, self._others):
            if (original.inode, original.since) not in self._unknown:
                values = self._values(original.name)
                self._alive[id(values)] = values  # else another might get its id
                yield original, values

    def _excess(self) -> dict[int, float]:
        """Return by values how many bytes too many are kept; below the limit it is negative."""
        excess: dict[int, float] = {}
        for original, values in self._known():
            _, megabytes = self._limits(values)
            limit = float("inf") if megabytes is None else megabytes * 1e6
            excess[id(values)] = excess.get(id(values), -limit) + original.bytes
        return excess

    def _old(
        self, excess: Mapping[int, float], now: float, most: int
    ) -> list[tuple[Original, Retention]]:
        """Return the oldest of what may have had its time."""
        candidates = (
            (original, values)
            for original, values in self._known()
            if excess.get(id(values), 0.0) > 0
            or _is_past(original.since, self._limits(values)[0], now)
        )
        return heapq.nsmallest(most, candidates, key=lambda each: each[0].since)

    def _answered_at(self, original: Original, ledger: Ledger) -> str | None:
        """Return when an original was answered, None where it is not, or not for sure."""
        digest = self._digest(original)
        times = ledger.answer_times(digest) if digest else [None]
        if not times and len(self._unknown) < MOST_UNKNOWN:
            self._unknown.add((original.inode, original.since))
        known = [at for at in times if at is not None]
        return max(known) if known and len(known) == len(times) else None

    def _digest(self, original: Original) -> str | None:
        """Return the digest of the original's bytes, None where it cannot be read or has changed.

        Of a reason that lies without its file it is the digest that the reason tells.
        """
        try:
            with fs.open_beneath(self.folder, original.name) as file:
                status = os.fstat(file.fileno())
                if (status.st_ino, status.st_ctime) != (original.inode, original.since):
                    return None
                if self.which == "failed" and original.name.endswith(REASON_ENDING):
                    return str(json.load(file)["sha256"])
                return fs.digest_of(file)
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def _tell_unknown(self) -> None:
        if len(self._unknown) > self._told:
            self._told = len(self._unknown)
            why = "the ledger does not know their bytes; they are left, and yours to remove"
            log.warning("retention.unknown", folder=str(self.folder), files=self._told, reason=why)


class RetentionSweeper:
    """The thread that removes what has had its time."""

    def __init__(self, retention_folders: Iterable[RetentionFolder], ledger_file: Path) -> None:
        self._folders = list(retention_folders)
        self._ledger_file = ledger_file
        self._ended = threading.Event()
        threading.Thread(target=self._run, name="retention", daemon=True).start()

    def end(self) -> None:
        """Begin nothing more; a removal in hand is finished, or hangs with its share."""
        self._ended.set()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        while not self._ended.is_set():
            has_more = [self._turn(retention_folder) for retention_folder in self._folders]
            self._ended.wait(MORE_SECONDS if any(has_more) else TURN_SECONDS)

    def _turn(self, retention_folder: RetentionFolder) -> bool:
        """Remove what is due from one folder; return whether there may be more."""
        ends = time.monotonic() + SPENT_SECONDS
        try:
            for due in retention_folder.due(self._ledger_file, time.time()):
                if self._ended.is_set():
                    return False
                if retention_folder.remove(due):
                    _log(due)
                if time.monotonic() >= ends:
                    return True
        except (OSError, DaemonError) as error:
            log.warning(
                "retention.retrying", folder=str(retention_folder.folder), reason=str(error)
            )
            return False
        except Exception:  # a bug here must not end the thread without a word
            log.exception("retention.failed", folder=str(retention_folder.folder))
            return False
        return retention_folder.has_more


def plan(retention_folders: Iterable[RetentionFolder], ledger_file: Path, now: float) -> str:
    """Return what would be removed at `now`, a line each, and the sum; removes nothing."""
    lines, total = [], 0
    for retention_folder in retention_folders:
        for due in retention_folder.due(ledger_file, now, EVERYTHING):
            name = escape_controls(f"{due.which}/{due.original.name}")
            lines.append(f"{name}  answered {due.answered_at}, {_SAID[due.why]}")
            total += due.original.bytes
    return "\n".join([*lines, f"{len(lines)} originals, {total / 1e6:.1f} MB, would go now"])


def originals(folder: Path, others: Container[Path] = ()) -> Iterator[Original]:
    """Return what is kept in a folder, at any depth; links, drafts and `others` are left out."""
    waiting = [""]
    while waiting:
        prefix = waiting.pop()
        found: dict[str, os.stat_result] = {}
        with contextlib.suppress(FileNotFoundError), os.scandir(folder / prefix) as entries:
            for entry in entries:
                if entry.name == WORK_FOLDER or _DRAFT.fullmatch(entry.name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    waiting += [] if Path(entry.path) in others else [f"{prefix}{entry.name}/"]
                elif entry.is_file(follow_symlinks=False):
                    with contextlib.suppress(FileNotFoundError):
                        found[entry.name] = entry.stat(follow_symlinks=False)
        yield from _with_reasons(prefix, found)


def _with_reasons(prefix: str, found: Mapping[str, os.stat_result]) -> Iterator[Original]:
    """Return the files of one folder, each with its reason, and reasons that lie alone."""
    reasons = {name: reason_of(Path(name)).name for name in found}
    accompanied = set(reasons.values())
    for name, status in found.items():
        if name in accompanied:
            continue
        reason = found.get(reasons[name])
        size = status.st_size + (reason.st_size if reason else 0)
        yield Original(prefix + name, size, status.st_ctime, status.st_ino)


def _is_past(since: float, days: float | None, now: float) -> bool:
    return days is not None and since >= FIRST_ANSWER and now - since > days * DAY


def _log(due: Due) -> None:
    log.info(
        "retention.removed", name=fs.to_unicode(due.original.name), folder=due.which,
        bytes=due.original.bytes, answered_at=due.answered_at, reason=due.why,
    )  # fmt: skip
