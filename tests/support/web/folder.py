"""Folders, ledger and sidecars of a fake daemon."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from daemon.core.records import Claim, Stamp
from daemon.inbox.scan import Scanner
from daemon.ledger.ledger import Ledger
from daemon.web.index.catalogue import Catalogue
from daemon.web.index.paths import WebPaths


class Folder:
    """The folders of a fake daemon."""

    def __init__(self, root: Path) -> None:
        self.paths = WebPaths(
            root / "inbox", root / "outbox", root / "archive", root / "failed",
            root / "state/ledger.sqlite3", root / "state/search.sqlite3",
        )  # fmt: skip
        for path in (root / name for name in ("inbox", "outbox", "archive", "failed", "state")):
            path.mkdir()
        self.ledger = Ledger(self.paths.ledger_file)
        self.numbers = iter(range(1, 1000))

    def catalogue(self) -> Catalogue:
        return Catalogue(self.paths, Scanner(self.paths.inbox, (".*",), ()))

    def claim(self, name: str, sha256: str = "a" * 64) -> Claim:
        claim = Claim(f"{next(self.numbers):032x}", name, Path(name), Stamp(3, 0, 0), sha256)
        self.ledger.add_claim(claim, "default@1")
        return claim

    def answer(
        self, claim: Claim, text: str, status: str = "done", place: str = "", **more: Any
    ) -> Path:
        """Publish a sidecar as the daemon does, and close its row."""
        path = self.publish(claim, text, status, place, **more)
        self.ledger.mark_closed(claim.id)
        return path

    def publish(
        self, claim: Claim, text: str, status: str = "done", place: str = "", **more: Any
    ) -> Path:
        """Publish a sidecar; the original is not moved and the row not closed yet."""
        place = place or f"{claim.name}.json"
        path = self.paths.outbox / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(sidecar(claim, [text], status, **more))
        self.ledger.mark_answering(claim.id, status, place)  # type: ignore[arg-type]
        self.ledger.mark_answered(claim.id)
        return path


def sidecar(claim: Claim, texts: list[str], status: str = "done", **more: Any) -> str:
    words = [{"text": text, "confidence": 0.9, "box": [0, 0, 9, 9]} for text in texts]
    content = {
        "schema_version": "1.0",
        "source": {"sha256": claim.sha256, "media_type": "image/png"},
        "status": status,
        "processing": {"claim": claim.id, "finished_at": "2026-07-01T00:00:00.000Z"},
        "pages": [
            {"number": n + 1, "text": text, "confidence": 0.9, "blocks": [{"lines": words}]}
            for n, text in enumerate(texts)
        ],
        "text": "\n\n".join(texts),
        **more,
    }
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def names(catalogue: Catalogue, query: str = "", status: str = "") -> list[str]:
    return [item.name for item in catalogue.documents(query, status).documents]
