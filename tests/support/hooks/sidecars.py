"""A published answer, and letters of it, for the tests of hooks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from daemon.config.hook import Hook
from daemon.core.records import Claim, Stamp
from daemon.ledger.ledger import Ledger
from daemon.ledger.notification import Notification
from daemon.outbox.hooks.payload import notifications


def sidecar(claim: str = "c1", status: str = "done", **changes: Any) -> dict[str, Any]:
    return {
        "source": {
            "name": "scan.png", "relative_path": "in/scan.png", "sha256": "ab" * 32, "bytes": 7,
            "media_type": "image/png",
        },
        "status": status,
        "engine": {"profile": "default@1"},
        "processing": {
            "claim": claim, "started_at": "2026-11-24T13:32:00.827Z",
            "finished_at": "2026-11-24T13:32:00.896Z", "seconds": 0.07, "attempt": 1,
        },
        "pages": [{"confidence": 0.9}, {"confidence": None}, {"confidence": 0.8}],
        "text": "发票 2041",
        **changes,
    }  # fmt: skip


def notification(hook: Hook, claim: str = "c1", **changes: Any) -> Notification:
    (made,) = notifications("in/scan.png", "in/scan.png.json", sidecar(claim, **changes), [hook])
    return made


def keep(ledger_file: Path, *made: Notification) -> None:
    """Answer the claims of these letters in a ledger that is made if need be."""
    ledger = Ledger(ledger_file)
    for each in made:
        ledger.claimed(Claim(each.claim, each.name, Path("x"), Stamp(7, 1, 1), "ab" * 32), "p")
        ledger.answering(each.claim, "done", each.answer)
        ledger.answered(each.claim, [each])
    ledger.close()
