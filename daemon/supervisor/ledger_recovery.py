"""Opens the ledger, and rebuilds it from the sidecars where it is lost."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from daemon.config.settings import Config
from daemon.core import fs
from daemon.core.errors import Deferred, LedgerLost, Misconfigured
from daemon.core.records import Claim, Stamp
from daemon.ledger.deliveries import Deliveries
from daemon.ledger.ledger import Ledger
from daemon.ledger.notification import Notification
from daemon.outbox.publish import Outbox
from daemon.outbox.sidecar import is_valid

log = structlog.get_logger()


def open_ledger(config: Config) -> Ledger:
    """Return the ledger, rebuilt from the sidecars where it is damaged, deleted or not there yet.

    The caller holds the lock of the state folder.
    """
    path = config.ledger_file
    try:
        if path.exists():
            return Ledger(path)
        reason = "it is not there"
    except LedgerLost as error:
        reason = error.remedy
    if found := rebuild(config):
        log.error("ledger.rebuilt", path=str(path), reason=reason, answers=found)
    return Ledger(path)


def rebuild(config: Config) -> int:
    """Rebuild the ledger from the sidecars in the outbox; the old one is kept beside it.

    The caller holds the lock of the state folder. Returns the number of sidecars found.
    """
    ledger_file = config.ledger_file
    undelivered = _undelivered(ledger_file)
    ending = datetime.now(UTC).strftime(".%Y%m%dT%H%M%S.old")
    _rename_old(ledger_file, ending)
    draft = ledger_file.with_name(
        f"{ledger_file.name}.draft"
    )  # a kill leaves this and not half a ledger
    _rename_old(draft, ending)
    ledger = Ledger(draft)
    found = 0
    with ledger.transaction():
        for at, place, answer in sorted(
            _sidecars(config.folders.outbox), key=lambda each: each[:2]
        ):
            claim = _claim_of(answer, config.folders.inbox)
            ledger.restore(claim, answer["engine"]["profile"], answer["status"], place, at)
            found += 1
        ledger.add_notifications(undelivered)
    ledger.close()
    draft.rename(ledger_file)
    return found


def _undelivered(ledger_file: Path) -> list[Notification]:
    """Return the notifications that the old ledger had not delivered, as far as it can be read.

    The sidecars in the outbox were announced before: they get no new notifications.
    """
    if not ledger_file.exists():
        return []
    try:
        with contextlib.closing(Deliveries(ledger_file, read_only=True)) as old:
            return old.undelivered()
    except (Deferred, Misconfigured, OSError):
        return []


def _rename_old(ledger_file: Path, ending: str) -> None:
    for suffix in ("", "-wal", "-shm"):
        old = ledger_file.with_name(ledger_file.name + suffix)
        if old.exists():
            old.rename(old.with_name(old.name + ending))


def _sidecars(outbox: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Return time, place and the needed parts of each sidecar."""
    reader = Outbox(outbox)
    for path in outbox.rglob("*.json"):
        place = os.fspath(path.relative_to(outbox))
        answer = reader.read(place)
        if answer is not None and is_valid(answer):
            parts = {key: answer[key] for key in ("source", "engine", "processing", "status")}
            yield answer["processing"]["started_at"], place, parts


def _claim_of(answer: dict[str, Any], inbox: Path) -> Claim:
    source = answer["source"]
    path, sha256 = inbox / source["relative_path"], source["sha256"]
    stamp = Stamp(source["bytes"], 0, 0)
    with contextlib.suppress(OSError):  # it is not there, or something else is
        stamp = Stamp.of(path) if fs.sha256_of(path) == sha256 else stamp
    return Claim(answer["processing"]["claim"], source["relative_path"], path, stamp, sha256)
