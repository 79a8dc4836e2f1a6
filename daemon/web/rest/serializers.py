"""JSON of documents and uploads; it contains no path of this machine."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from daemon.web.index.corrections import Correction
from daemon.web.index.records import DocumentDetails, DocumentSummary
from daemon.web.uploads.uploads import Upload


def document_path(identity: str) -> str:
    """Return the URL path of a document."""
    return f"/documents/{identity}"


def output_path(identity: str, name: str) -> str:
    """Return the URL path of an output of a document."""
    return f"{document_path(identity)}/outputs/{quote(name, safe='')}"


def upload_json(upload: Upload) -> dict[str, Any]:
    """Return the JSON of a file that was just accepted."""
    return {
        "id": upload.id,
        "name": upload.name,
        "status": "waiting",
        "bytes": upload.bytes,
        "sha256": upload.sha256,
        "location": document_path(upload.id),
    }


def summary_json(summary: DocumentSummary) -> dict[str, Any]:
    """Return the JSON of a document in a list."""
    waiting = summary.waiting
    return {
        "id": summary.id,
        "name": summary.name,
        "status": summary.status,
        "bytes": summary.bytes,
        "page_count": summary.pages,
        "confidence": summary.confidence,
        "claimed_at": summary.claimed_at,
        "answered_at": summary.answered_at,
        "error": summary.error,
        "error_class": summary.error_class,
        "unread_count": summary.unread_count,
        "warning_count": summary.warning_count,
        "waiting": waiting
        and {
            "cause": waiting.cause,
            "message": waiting.message or None,
            "ahead": waiting.ahead,
        },
        "snippet": [{"text": each.text, "hit": each.is_hit} for each in summary.snippet],
        "location": document_path(summary.id),
    }


def document_json(
    details: DocumentDetails, resolved: DocumentDetails | None = None
) -> dict[str, Any]:
    """Return the JSON of a document with its text.

    `resolved` is the document that a duplicate refers to. `pages` and `text` are null for a
    duplicate of a result that is gone, and for a very large document, which is streamed.
    """
    sidecar = details.sidecar or {}
    identity = details.summary.id
    content = summary_json(details.summary)
    del content["snippet"]
    return {
        **content,
        "sha256": details.sha256,
        **_result_json(resolved or details),
        "duplicate_of": sidecar.get("duplicate_of"),
        "duplicate_location": (
            document_path(resolved.summary.id) if resolved and resolved is not details else None
        ),
        "outputs": [
            {**output, "location": output_path(identity, output["name"])}
            for output in details.outputs
        ],
        "original": f"{document_path(identity)}/original" if details.original else None,
    }


def correction_json(correction: Correction) -> dict[str, Any]:
    """Return the JSON of a corrected line."""
    return {
        "page": correction.page,
        "box": correction.box,
        "read": correction.read,
        "text": correction.text,
        "model": correction.model,
        "corrected_at": correction.corrected_at,
    }


def _result_json(details: DocumentDetails) -> dict[str, Any]:
    sidecar = details.sidecar or {}
    is_unknown = details.is_large or details.summary.status == "duplicate"
    return {
        "page_count": details.summary.pages,
        "confidence": details.summary.confidence,
        "unread_count": details.summary.unread_count,
        "warning_count": details.summary.warning_count,
        "warnings": list(details.warnings),
        "text": None if is_unknown else sidecar.get("text", ""),
        "pages": None if is_unknown else sidecar.get("pages", []),
        "fields": None if is_unknown else sidecar.get("fields", []),
    }
