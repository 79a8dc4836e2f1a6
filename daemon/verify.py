"""The proof that nothing is lost: landed = answered + waiting.

An answer that is gone from the outbox was collected by whoever it was for; one that is there but
unreadable is torn; a claimed file that is neither held nor answered is lost.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from daemon import files
from daemon.config import Config
from daemon.inbox.scan import WORK_FOLDER
from daemon.journal import Entry, Journal
from daemon.ledger import ledger_path
from daemon.outbox.publish import Outbox
from daemon.run import scanner

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


def _fate(entry: Entry, journal: Journal, config: Config) -> str:
    outbox = Outbox(config.folders.outbox)
    if entry.state not in ("answered", "closed"):
        if _is_held(entry, config):
            return "waiting"
        now = journal.entry(entry.id)
        if now is None:
            return "waiting"  # just given back: the inbox has it
        if now.state == entry.state:
            own = outbox.answer_of(entry.id, entry.name, entry.answer)
            return "answered" if own else "lost"
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
