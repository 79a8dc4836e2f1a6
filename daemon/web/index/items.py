"""A card of the index becomes an item of a list."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from daemon.core import fs
from daemon.web.index import tokenizer
from daemon.web.index.records import Item
from daemon.web.index.search_index import Card


def shown_as(card: Card) -> Item:
    """Return a document as a person sees it."""
    name = fs.to_unicode(card.name)
    status = card.status if card.is_answered and card.status else "reading"
    return Item(
        id=card.id,
        name=name,
        title=PurePosixPath(name).name,
        status=status,  # type: ignore[arg-type]  # the ledger knows no others
        bytes=card.bytes,
        pages=card.pages,
        confidence=card.confidence,
        claimed_at=card.claimed_at,
        answered_at=card.answered_at,
        snippet=tokenizer.pieces(card.snippet),
        error=card.error,
        error_class=card.error_class,
        is_gone=card.is_gone,
    )


def itself(card: Card) -> dict[str, Any]:
    """Return the sidecar as one of the outputs."""
    name = PurePosixPath(fs.to_unicode(card.answer or "")).name
    return {
        "kind": "answer", "name": name, "bytes": None, "sha256": None,
        "media_type": "application/json",
    }  # fmt: skip
