"""The failures that nobody has dealt with, as `list failed`, `retry` and `status` see them.

A failure stands while its file is in failed/ or its failed answer is in the outbox.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from daemon.config.settings import Config
from daemon.core import fs
from daemon.core.records import LedgerEntry
from daemon.inbox.failed import Arrival, FailedFile
from daemon.ledger.ledger import Ledger
from daemon.outbox import reader
from daemon.outbox.publish import Outbox
from daemon.outbox.reader import Answer
from daemon.outbox.removal import remove_answer
from daemon.supervisor.wiring import failed_files


@dataclass(frozen=True, slots=True)
class FailedAnswer:
    """A failed answer in the outbox whose file is gone; `failed_at` in seconds since 1970."""

    name: str
    place: str
    reason: str | None
    failed_at: float | None


@dataclass(frozen=True, slots=True)
class Failures:
    """The failed files, and the answers of those whose file is gone.

    `places`: where the failed answer to a file is, by the name and bytes with which it arrived.
    """

    files: list[FailedFile]
    answers: list[FailedAnswer]
    places: Mapping[Arrival, LedgerEntry]

    @property
    def number(self) -> int:
        """How many failures stand."""
        return len(self.files) + len(self.answers)

    def answer_to(self, file: FailedFile) -> LedgerEntry | None:
        """Return the row of the failed answer to a file, None where there is none any more."""
        return None if file.arrival is None else self.places.get(file.arrival)


def standing_failures(config: Config) -> Failures:
    """Return the failures that stand."""
    files = list(failed_files(config))
    if not config.ledger_file.exists():
        return Failures(files, [], {})
    with contextlib.closing(Ledger(config.ledger_file, read_only=True)) as ledger:
        entries = ledger.failures()
    outbox = Outbox(config.folders.outbox)
    arrivals = {file.arrival for file in files}
    unrecorded = {file.name for file in files if file.arrival is None}
    places, answers = dict[Arrival, LedgerEntry](), list[FailedAnswer]()
    for entry in entries:
        answer = outbox.read(entry.answer or "")
        if answer is None or not reader.belongs_to(entry.id, answer):
            continue  # collected or deleted
        arrival = Arrival(fs.to_unicode(entry.name), entry.sha256)
        places[arrival] = entry
        is_in_inbox = config.moves_files and os.path.lexists(config.folders.inbox / entry.name)
        if arrival not in arrivals and entry.name not in unrecorded and not is_in_inbox:
            answers.append(_failed_answer(entry, answer))
    return Failures(files, answers, places)


def _failed_answer(entry: LedgerEntry, answer: Answer) -> FailedAnswer:
    reason = failed_at = None
    with contextlib.suppress(ValueError, LookupError, TypeError):
        reason = str(answer["error"]["message"])
        failed_at = datetime.fromisoformat(answer["processing"]["finished_at"]).timestamp()
    return FailedAnswer(entry.name, entry.answer or "", reason, failed_at)


def dismiss(outbox: Path, entry: LedgerEntry) -> bool:
    """Remove a failed answer that no retry will replace; return whether it was there.

    OSErrors pass through.
    """
    answer = reader.read(outbox / (entry.answer or ""))
    outputs = reader.output_names(answer)
    with contextlib.suppress(FileNotFoundError):
        return remove_answer(
            outbox,
            entry.answer or "",
            lambda place: reader.belongs_to(entry.id, reader.read(outbox / place)),
            outputs,
        )
    return False
