"""Records that the catalogue passes to templates and JSON serializers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, get_args

from daemon.core.records import Status

DocumentStatus = Literal[Status, "reading", "waiting"]
STATUSES: Final[tuple[DocumentStatus, ...]] = get_args(DocumentStatus)
UNANSWERED: Final = ("reading", "waiting")
Order = Literal["newest", "oldest", "name", "confidence"]
ORDERS: Final[tuple[Order, ...]] = get_args(Order)
WaitingCause = Literal[
    "unstable",
    "incomplete",
    "blocked",
    "ready",
    "next",
    "paused",
    "arrived",
    "starting",
    "down",
    "retrying",
]
RetryState = Literal["possible", "under_way", "original_gone"]


@dataclass(frozen=True, slots=True)
class DocumentFilter:
    """Which documents a list has, and in which order.

    `text` are words in name or text, `status` "" for any. `since` (inclusive) and `until`
    (exclusive) are UTC times without a zone, such as 2026-07-01T00:00:00, "" without a limit; they
    apply to the time of the arrival, as the orders "newest" and "oldest" do. The order "confidence"
    begins with the lowest, files in the inbox come first in each order.
    """

    text: str = ""
    status: str = ""
    since: str = ""
    until: str = ""
    order: Order = "newest"


@dataclass(frozen=True, slots=True)
class WaitingReason:
    """Why a file waits: a word, the daemon's own sentence if it has one, the files before it."""

    cause: WaitingCause
    message: str = ""
    ahead: int = 0


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
    collected or deleted. `is_closed`: the daemon has finished with it, so that the result may be
    deleted. `outputs` are kind and name of each output file. `retry` tells of a failed document
    whether its original can be read again, `waiting` of an unanswered one what it waits for.
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
    is_closed: bool = False
    outputs: tuple[tuple[str, str], ...] = ()
    retry: RetryState | None = None
    waiting: WaitingReason | None = None


@dataclass(frozen=True, slots=True)
class DocumentList:
    """A part of the list of documents, and the number of all that match.

    `counts` has that number for each status, whatever the status of the filter, and "" for all.
    """

    documents: tuple[DocumentSummary, ...]
    total: int
    counts: Mapping[str, int] = field(default_factory=dict)


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
