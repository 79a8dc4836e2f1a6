"""The proof that nothing is lost: landed = answered + waiting; and the ledger made anew.

An answer that is gone from the outbox was collected by whoever it was for; one that is there but
unreadable is torn; a claimed file that is neither held nor answered is lost.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from daemon import files
from daemon.config import Config
from daemon.inbox.scan import WORK_FOLDER
from daemon.journal import Entry, Journal
from daemon.outbox.publish import Outbox
from daemon.outbox.sidecar import is_valid
from daemon.records import Claim, Stamp
from daemon.run import ledger_path, scanner

FATES = ("answered", "collected", "waiting", "torn", "lost")


@dataclass(frozen=True, slots=True)
class Balance:
    """How many files landed and what became of them; the lists name what is wrong."""

    answered: int
    collected: int
    waiting: int
    torn: tuple[str, ...]
    lost: tuple[str, ...]

    @property
    def landed(self) -> int:
        """Every file that was ever seen."""
        return self.answered + self.waiting + len(self.torn) + len(self.lost)

    @property
    def holds(self) -> bool:
        """Whether landed = answered + waiting."""
        return not self.torn and not self.lost


def verify(config: Config) -> Balance:
    """Hold ledger, inbox, work folder and outbox against each other; changes nothing.

    The daemon may be running: a row whose file has just moved on is asked for again.
    """
    journal = Journal(ledger_path(config), read_only=True)
    found: dict[str, list[str]] = {fate: [] for fate in FATES}
    rows = set()
    for entry in journal.all():
        rows.add(entry.id)
        found[_fate(entry, journal, config)].append(files.printable(entry.answer or entry.name))
    unrecorded = sum(path.name not in rows for path in _tokens(config.folders.inbox))
    waiting = len(found["waiting"]) + unrecorded + _unclaimed(config, journal)
    journal.close()
    return Balance(
        answered=len(found["answered"]) + len(found["collected"]),
        collected=len(found["collected"]),
        waiting=waiting,
        torn=tuple(found["torn"]),
        lost=tuple(found["lost"]),
    )


def rebuild(config: Config) -> int:
    """Make the ledger anew from the sidecars in the outbox; the old one is kept beside it.

    The caller holds the lock of the state folder. Returns the number of answers found.
    """
    ledger = ledger_path(config)
    ending = datetime.now(UTC).strftime(".%Y%m%dT%H%M%S.old")
    for suffix in ("", "-wal", "-shm"):
        old = ledger.with_name(ledger.name + suffix)
        if old.exists():
            old.rename(old.with_name(old.name + ending))
    journal = Journal(ledger)
    found = 0
    for place, answer in _answers(config.folders.outbox):
        claim = _claim_of(answer, config.folders.inbox)
        at = answer["processing"]["started_at"]
        journal.restore(claim, answer["engine"]["profile"], answer["status"], place, at)
        found += 1
    journal.close()
    return found


def _fate(entry: Entry, journal: Journal, config: Config) -> str:
    outbox = Outbox(config.folders.outbox)
    if entry.state not in ("answered", "closed"):
        if _is_held(entry, config):
            return "waiting"
        now = journal.entry(entry.id)
        if now is None:
            return "waiting"  # just given back: the inbox has it
        if now.state == entry.state:
            own = outbox.answer_to(entry.sha256, entry.answer)
            return "answered" if own and own["status"] == entry.status else "lost"
        entry = now
    assert entry.answer is not None, "an answered row names its answer"
    if outbox.read(entry.answer) is not None:
        return "answered"
    return "torn" if os.path.lexists(outbox.folder / entry.answer) else "collected"


def _is_held(entry: Entry, config: Config) -> bool:
    if config.claim == "journal":
        return os.path.lexists(config.folders.inbox / entry.name)
    return any(path.name == entry.id for path in _tokens(config.folders.inbox))


def _tokens(inbox: Path) -> list[Path]:
    """Return the folder of each claim that holds a file, of any instance."""
    folders = (inbox / WORK_FOLDER / "work").glob("*/*")
    return [f for f in folders if f.is_dir() and any(p.is_file() for p in f.rglob("*"))]


def _unclaimed(config: Config, journal: Journal) -> int:
    listing = scanner(config).scan().files
    if config.claim == "rename":
        return len(listing)
    stamps = journal.stamps()
    return sum(stamps.get(name) != str(stamp) for name, stamp in listing.items())


def _answers(outbox: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    reader = Outbox(outbox)
    for path in sorted(outbox.rglob("*.json")):
        place = os.fspath(path.relative_to(outbox))
        answer = reader.read(place)
        if answer is not None and is_valid(answer):
            yield place, answer


def _claim_of(answer: dict[str, Any], inbox: Path) -> Claim:
    source = answer["source"]
    path = inbox / source["relative_path"]
    is_same = path.is_file() and files.sha256_of(path) == source["sha256"]
    stamp = Stamp.of(path) if is_same else Stamp(source["bytes"], 0, 0)
    return Claim(uuid.uuid4().hex, source["relative_path"], path, stamp, source["sha256"])
