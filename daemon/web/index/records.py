"""Records that the catalogue passes to templates and JSON serializers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

from daemon.core.records import Status

DocumentStatus = Literal[Status, "reading", "waiting"]
STATUSES: Final[tuple[DocumentStatus, ...]] = get_args(DocumentStatus)
UNANSWERED: Final = ("reading", "waiting")


@dataclass(frozen=True, slots=True)
class SnippetFragment:
    """A fragment of a snippet; `is_hit` if it matches the query."""

    text: str
    is_hit: bool


@dataclass(frozen=True, slots=True)
class DocumentSummary:
    """A document in a list.

    `id` is its claim in the ledger, which an upload has from the start; before its claim another
    file in the inbox has `w-<hash>`. `name` is the path relative to the inbox as valid Unicode,
    `title` its last part; times are UTC in RFC 3339. `snippet` is empty without a query. `pages`
    and `confidence` are known once there is a result; `error` is a sentence, `error_class` its word
    for programs. `unread_count` regions of its pages look like text and were not read,
    `warning_count` warnings are on the document or on its pages. `is_gone`: the result was
    collected or deleted.
    """

    id: str
    name: str
    title: str
    status: DocumentStatus
    bytes: int
    pages: int = 0
    confidence: float | None = None
    claimed_at: str | None = None
    answered_at: str | None = None
    snippet: tuple[SnippetFragment, ...] = ()
    error: str | None = None
    error_class: str | None = None
    unread_count: int = 0
    warning_count: int = 0
    is_gone: bool = False


@dataclass(frozen=True, slots=True)
class DocumentList:
    """A part of the list of documents, newest first, and the number of all that match."""

    documents: tuple[DocumentSummary, ...]
    total: int


@dataclass(frozen=True, slots=True)
class DocumentDetails:
    """A document with its result.

    `sidecar` is None while the document is read, if the result is gone, and if it is too large to
    be parsed (`is_large`): then its bytes are still among the outputs, and `Catalogue.page` has
    its pages. `outputs` are the sidecar's own list: kind, name, bytes, sha256, media_type;
    `warnings` are those on the document as a whole: class, message, page.
    `original` is None if retention, an operator or a retry has removed it. `inbox_name` is the
    path relative to the inbox as it was, including undecodable bytes.
    """

    summary: DocumentSummary
    sidecar: dict[str, Any] | None
    outputs: tuple[dict[str, Any], ...]
    original: Path | None
    inbox_name: str = ""
    sha256: str | None = None
    is_large: bool = False
    warnings: tuple[dict[str, Any], ...] = ()
