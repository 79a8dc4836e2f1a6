"""The ledger as the daemon finds it: opened, or made anew from the sidecars where it is lost."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from daemon import files
from daemon.config import Config
from daemon.errors import LedgerLost
from daemon.journal import Journal
from daemon.outbox.publish import Outbox
from daemon.outbox.sidecar import is_valid
from daemon.records import Claim, Stamp

log = structlog.get_logger()

LEDGER_NAME = "ledger.sqlite3"


def ledger_path(config: Config) -> Path:
    """Return where the ledger lies."""
    return config.folders.state / LEDGER_NAME


def opened(config: Config) -> Journal:
    """Return the ledger; a damaged or deleted one is made anew. The caller holds the lock."""
    path = ledger_path(config)
    try:
        if path.exists():
            return Journal(path)
        why = "it is not there"
    except LedgerLost as error:
        why = error.remedy
    if found := rebuild(config):
        log.error("ledger.rebuilt", path=str(path), why=why, answers=found)
    return Journal(path)


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
    claim = answer["processing"]["claim"]
    return Claim(claim, source["relative_path"], path, stamp, source["sha256"])
