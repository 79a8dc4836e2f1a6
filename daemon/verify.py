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
from daemon.claims import LOCK_NAME
from daemon.config import Config
from daemon.inbox.scan import WORK_FOLDER
from daemon.journal import Entry, Journal
from daemon.outbox.publish import Outbox
from daemon.outbox.sidecar import is_valid
from daemon.records import Claim, Stamp
from daemon.run import ledger_path, scanner


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
    """Hold ledger, inbox, work folder and outbox against each other; changes nothing."""
    journal = Journal(ledger_path(config), read_only=True)
    outbox = Outbox(config.folders.outbox)
    held = dict(_held(config.folders.inbox))
    answered = collected = waiting = 0
    torn, lost = [], []
    for entry in journal.all():
        match _fate(entry, outbox, entry.id in held or _still_there(config, entry)):
            case "answered":
                answered += 1
            case "collected":
                answered, collected = answered + 1, collected + 1
            case "waiting":
                waiting += 1
            case "torn":
                torn.append(files.printable(entry.answer or entry.name))
            case "lost":
                lost.append(files.printable(entry.name))
        held.pop(entry.id, None)
    waiting += len(held) + _unclaimed(config, journal)
    return Balance(answered, collected, waiting, tuple(torn), tuple(lost))


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


def _fate(entry: Entry, outbox: Outbox, is_held: bool) -> str:
    if entry.state in ("answered", "closed"):
        assert entry.answer is not None, "an answered row names its answer"
        if not os.path.lexists(outbox.folder / entry.answer):
            return "collected"
        return "answered" if outbox.read(entry.answer) is not None else "torn"
    if is_held:
        return "waiting"
    answer = entry.answer and outbox.holds(entry.answer, entry.sha256)
    return "answered" if answer else "lost"


def _held(inbox: Path) -> Iterator[tuple[str, Path]]:
    """Return the claim id and path of every file in a work folder, of any instance."""
    for instance in (inbox / WORK_FOLDER / "work").glob("*"):
        for path in instance.rglob("*"):
            if path.name != LOCK_NAME and files.is_regular(path):
                yield path.relative_to(instance).parts[0], path


def _still_there(config: Config, entry: Entry) -> bool:
    return config.claim == "journal" and os.path.lexists(config.folders.inbox / entry.name)


def _unclaimed(config: Config, journal: Journal) -> int:
    listing = scanner(config).scan()
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
