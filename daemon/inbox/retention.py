"""Retention: removes originals in archive/ and failed/ by age and by total size.

A file is removed only if the ledger confirms it: the file is hashed, and every claim on its bytes
must be answered and closed. Files that the ledger does not know stay, and are logged. The age of a
file counts from its answer or from its arrival in the folder (ctime, which copies do not preserve),
whichever is later. A clock that is set forward while the daemon runs makes nothing older for a day.

A thread of its own does this, so that a hanging share delays nothing else; a sweep is bounded. A
kill leaves at most the reason file of a failed original without the original, which a later sweep
removes.
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
from daemon.core.clock import Clock
from daemon.core.errors import DaemonError
from daemon.core.volumes import Volume
from daemon.inbox.archive import REASON_ENDING, reason_of
from daemon.inbox.scan import WORK_FOLDER
from daemon.ledger.ledger import Ledger

if TYPE_CHECKING:
    from daemon.config.sections import Retention

log = structlog.get_logger()

SWEEP_SECONDS = 3600.0  # between two sweeps
CONTINUE_SECONDS = 10.0  # until the next sweep if one was not finished
MAX_SWEEP_SECONDS = 60.0  # of one sweep: hashing must not occupy the disk
BATCH = 1000  # files that one sweep hashes, the oldest first
UNLIMITED = 1_000_000_000  # files that a preview hashes
MAX_UNKNOWN = 100_000  # files unknown to the ledger that are remembered, not to be hashed again
NICE = 10  # of the thread: OCR comes first
DAY = 86_400.0
# no answer is older than this program: a machine that starts without a clock reports 1970
FIRST_ANSWER = datetime.fromisoformat("2026-01-01T00:00:00Z").timestamp()
_DRAFT = re.compile(r"\.(probe-)?[0-9a-f]{32}\.tmp")

FolderName = Literal["archive", "failed"]
Limits = Callable[[str], "Retention"]
"""Returns the limits for an original, by its path below its folder.

Files for which it returns the same object share the limit of megabytes.
"""


@dataclass(frozen=True, slots=True)
class Original:
    """A file: its path below its folder, its size with that of its reason file, its ctime.

    A reason file without its original counts as an original.
    """

    name: str
    bytes: int
    since: float
    inode: int


@dataclass(frozen=True, slots=True)
class ExpiredOriginal:
    """An original that exceeds a limit: when it was answered, and which limit it is.

    `limit` is the value of retention, in days or megabytes.
    """

    folder: FolderName
    original: Original
    answered_at: str
    reason: Literal["age", "size"]
    limit: float

    def __str__(self) -> str:
        """Say what it exceeds, with the key of the limit."""
        if self.reason == "age":
            unit = "day" if self.limit == 1 else "days"
            return f"older than {self.limit:g} {unit} (retention.{self.folder}_days)"
        return f"over the limit of {self.limit:g} MB (retention.{self.folder}_megabytes)"


class RetentionFolder:
    """One folder of originals, and what may be removed from it."""

    def __init__(
        self, name: FolderName, folder: Path, limits: Limits, excluded: Container[Path] = ()
    ) -> None:
        """`excluded` are folders inside this one that are left out."""
        self.name: FolderName = name
        self.folder = folder
        self.has_more = False
        self._limits_of = limits
        self._excluded = excluded
        self._volume = Volume(folder)
        self._unknown: set[tuple[int, float]] = set()
        self._warned = 0
        self._alive: dict[int, Retention] = {}

    def expired(
        self, ledger_file: Path, now: float, max_files: int = BATCH
    ) -> Iterator[ExpiredOriginal]:
        """Return the originals that exceed a limit at `now` (seconds since 1970), oldest first.

        At most `max_files` are hashed. An OSError if the folder is away.
        """
        self._volume.check()
        excess = self._excess()
        candidates = self._candidates(excess, now, max_files)
        self.has_more = len(candidates) == max_files and len(self._unknown) < MAX_UNKNOWN
        if not candidates:
            return
        with contextlib.closing(Ledger(ledger_file, read_only=True)) as ledger:
            for original, limits in candidates:
                days, megabytes = self._days_and_megabytes(limits)
                is_over = excess[id(limits)] > 0
                if not is_over and not _is_past(original.since, days, now):
                    continue
                at = self._answered_at(original, ledger)
                is_old = at is not None and _is_past(
                    datetime.fromisoformat(at).timestamp(), days, now
                )
                if is_over or is_old:  # a file that may not be removed does not count as excess
                    excess[id(limits)] -= original.bytes
                if at is not None and (is_over or is_old):
                    limit = (days if is_old else megabytes) or 0
                    reason: Literal["age", "size"] = "age" if is_old else "size"
                    yield ExpiredOriginal(self.name, original, at, reason, limit)
        self._warn_unknown()

    def remove(self, expired: ExpiredOriginal) -> bool:
        """Remove an original, then its reason file; False if somebody has moved it meanwhile."""
        original = expired.original
        if not fs.remove_beneath(self.folder, original.name, original.inode):
            return False
        failpoints.reach("retention.removed", original.name)
        reason = reason_of(Path(original.name))
        if self.name == "failed":
            with contextlib.suppress(OSError):
                inode = (self.folder / reason).lstat().st_ino
                fs.remove_beneath(self.folder, os.fspath(reason), inode)
        return True

    def _days_and_megabytes(self, limits: Retention) -> tuple[float | None, int | None]:
        if self.name == "archive":
            return limits.archive_days, limits.archive_megabytes
        return limits.failed_days, limits.failed_megabytes

    def _known(self) -> Iterator[tuple[Original, Retention]]:
        """Return the originals with their limits, without those that the ledger does not know."""
        for original in originals(self.folder, self._excluded):
            if (original.inode, original.since) not in self._unknown:
                limits = self._limits_of(original.name)
                self._alive[id(limits)] = limits  # otherwise another object could get its id
                yield original, limits

    def _excess(self) -> dict[int, float]:
        """Return the bytes above the limit, by the id of the limits; negative if below."""
        excess: dict[int, float] = {}
        for original, limits in self._known():
            _, megabytes = self._days_and_megabytes(limits)
            limit = float("inf") if megabytes is None else megabytes * 1e6
            excess[id(limits)] = excess.get(id(limits), -limit) + original.bytes
        return excess

    def _candidates(
        self, excess: Mapping[int, float], now: float, max_files: int
    ) -> list[tuple[Original, Retention]]:
        """Return the oldest originals that may exceed a limit."""
        candidates = (
            (original, limits)
            for original, limits in self._known()
            if excess.get(id(limits), 0.0) > 0
            or _is_past(original.since, self._days_and_megabytes(limits)[0], now)
        )
        return heapq.nsmallest(max_files, candidates, key=lambda each: each[0].since)

    def _answered_at(self, original: Original, ledger: Ledger) -> str | None:
        """Return when an original was answered, None if it was not, or if that is not certain."""
        digest = self._digest(original)
        times = ledger.answer_times(digest) if digest else [None]
        if not times and len(self._unknown) < MAX_UNKNOWN:
            self._unknown.add((original.inode, original.since))
        known = [at for at in times if at is not None]
        return max(known) if known and len(known) == len(times) else None

    def _digest(self, original: Original) -> str | None:
        """Return the digest of an original, None if it cannot be read or has changed.

        For a reason file without its original, it is the digest that the reason file contains.
        """
        try:
            with fs.open_beneath(self.folder, original.name) as file:
                status = os.fstat(file.fileno())
                if (status.st_ino, status.st_ctime) != (original.inode, original.since):
                    return None
                if self.name == "failed" and original.name.endswith(REASON_ENDING):
                    return str(json.load(file)["sha256"])
                return fs.digest_of(file)
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def _warn_unknown(self) -> None:
        if len(self._unknown) > self._warned:
            self._warned = len(self._unknown)
            reason = "the ledger does not know these files; they stay until you remove them"
            folder = str(self.folder)
            log.warning("retention.unknown", folder=folder, files=self._warned, reason=reason)


class RetentionSweeper:
    """The thread that removes expired originals."""

    def __init__(
        self, retention_folders: Iterable[RetentionFolder], ledger_file: Path, clock: Clock
    ) -> None:
        self._folders = list(retention_folders)
        self._clock = clock
        self._ledger_file = ledger_file
        self._ended = threading.Event()
        threading.Thread(target=self._run, name="retention", daemon=True).start()

    def end(self) -> None:
        """Start no more removals; a running one finishes, or hangs with its share."""
        self._ended.set()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        while not self._ended.is_set():
            has_more = [self._sweep(retention_folder) for retention_folder in self._folders]
            self._ended.wait(CONTINUE_SECONDS if any(has_more) else SWEEP_SECONDS)

    def _sweep(self, retention_folder: RetentionFolder) -> bool:
        """Remove expired originals from one folder; return whether there may be more."""
        ends = time.monotonic() + MAX_SWEEP_SECONDS
        try:
            for expired in retention_folder.expired(self._ledger_file, self._clock()):
                if self._ended.is_set():
                    return False
                if retention_folder.remove(expired):
                    _log_removed(expired)
                if time.monotonic() >= ends:
                    return True
        except (OSError, DaemonError) as error:
            log.warning(
                "retention.retrying", folder=str(retention_folder.folder), reason=str(error)
            )
            return False
        except Exception:  # a bug here must not end the thread silently
            log.exception("retention.failed", folder=str(retention_folder.folder))
            return False
        return retention_folder.has_more


def expired_originals(
    retention_folders: Iterable[RetentionFolder], ledger_file: Path, now: float
) -> Iterator[ExpiredOriginal]:
    """Return what would be removed at `now`; removes nothing."""
    for retention_folder in retention_folders:
        yield from retention_folder.expired(ledger_file, now, UNLIMITED)


def originals(folder: Path, excluded: Container[Path] = ()) -> Iterator[Original]:
    """Return the originals in a folder, at any depth, without links, drafts and `excluded`."""
    prefixes = [""]
    while prefixes:
        prefix = prefixes.pop()
        found: dict[str, os.stat_result] = {}
        with contextlib.suppress(FileNotFoundError), os.scandir(folder / prefix) as entries:
            for entry in entries:
                if entry.name == WORK_FOLDER or _DRAFT.fullmatch(entry.name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    prefixes += [] if Path(entry.path) in excluded else [f"{prefix}{entry.name}/"]
                elif entry.is_file(follow_symlinks=False):
                    with contextlib.suppress(FileNotFoundError):
                        found[entry.name] = entry.stat(follow_symlinks=False)
        yield from _with_reasons(prefix, found)


def _with_reasons(prefix: str, found: Mapping[str, os.stat_result]) -> Iterator[Original]:
    """Return the originals of one folder with their reason files, and reason files without one."""
    reasons = {name: reason_of(Path(name)).name for name in found}
    reason_names = set(reasons.values())
    for name, status in found.items():
        if name in reason_names:
            continue
        reason = found.get(reasons[name])
        size = status.st_size + (reason.st_size if reason else 0)
        yield Original(prefix + name, size, status.st_ctime, status.st_ino)


def _is_past(since: float, days: float | None, now: float) -> bool:
    return days is not None and since >= FIRST_ANSWER and now - since > days * DAY


def _log_removed(expired: ExpiredOriginal) -> None:
    log.info(
        "retention.removed", name=fs.to_unicode(expired.original.name), folder=expired.folder,
        bytes=expired.original.bytes, answered_at=expired.answered_at, reason=expired.reason,
    )  # fmt: skip
