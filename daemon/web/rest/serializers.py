"""What of a document is shown as JSON; no path of this machine is in it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from daemon.web.index.records import Found, Item
from daemon.web.uploads.uploads import Draft


def place(identity: str) -> str:
    """Return where a document is asked for."""
    return f"/documents/{identity}"


def upload(identity: str, draft: Draft) -> dict[str, Any]:
    """Return what is known of a file that was just taken."""
    return {
        "id": identity,
        "name": draft.name,
        "status": "waiting",
        "bytes": draft.bytes,
        "sha256": draft.sha256,
        "location": place(identity),
    }


def item(item: Item) -> dict[str, Any]:
    """Return a document of a list."""
    return {
        "id": item.id,
        "name": item.name,
        "status": item.status,
        "bytes": item.bytes,
        "page_count": item.pages,
        "confidence": item.confidence,
        "claimed_at": item.claimed_at,
        "answered_at": item.answered_at,
        "error": item.error,
        "error_class": item.error_class,
        "snippet": [{"text": piece.text, "hit": piece.is_hit} for piece in item.snippet],
        "location": place(item.id),
    }


def document(found: Found, full: Found | None = None) -> dict[str, Any]:
    """Return a document with what was read; `full` is the one that a duplicate points to.

    `pages` and `text` are null of a duplicate of what is gone, and of a very large one: they are
    streamed.
    """
    sidecar = found.sidecar or {}
    here = place(found.item.id)
    content = item(found.item)
    del content["snippet"]
    return {
        **content,
        "sha256": found.sha256,
        **_read(full or found),
        "duplicate_of": sidecar.get("duplicate_of"),
        "duplicate_location": place(full.item.id) if full and full is not found else None,
        "outputs": [
            {**output, "location": f"{here}/outputs/{quote(output['name'])}"}
            for output in found.outputs
        ],
        "original": f"{here}/original" if found.original else None,
    }


def _read(found: Found) -> dict[str, Any]:
    sidecar = found.sidecar or {}
    is_unknown = found.is_large or found.item.status == "duplicate"
    return {
        "page_count": found.item.pages,
        "confidence": found.item.confidence,
        "text": None if is_unknown else sidecar.get("text", ""),
        "pages": None if is_unknown else sidecar.get("pages", []),
    }
