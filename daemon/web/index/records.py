"""What travels from the catalogue to templates and JSON; nothing here computes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

from daemon.core.records import Status

ItemStatus = Literal[Status, "reading", "waiting"]
STATUSES: Final[tuple[ItemStatus, ...]] = get_args(ItemStatus)
UNANSWERED: Final = ("reading", "waiting")


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a snippet; `is_hit` where it is what was searched for."""

    text: str
    is_hit: bool


@dataclass(frozen=True, slots=True)
class Item:
    """A document in a list: `id` is the ledger's claim, `u-<token>` of an upload not claimed yet.

    `name` is the path relative to the inbox as valid Unicode, `title` its last part; times are UTC
    in RFC 3339. `snippet` is empty where nothing was searched for. `pages` and `confidence` are
    known once it is answered; `error` is a sentence,
    `error_class` its word for programs. `is_gone`: its answer is not there any more.
    """

    id: str
    name: str
    title: str
    status: ItemStatus
    bytes: int
    pages: int = 0
    confidence: float | None = None
    claimed_at: str | None = None
    answered_at: str | None = None
    snippet: tuple[Piece, ...] = ()
    error: str | None = None
    error_class: str | None = None
    is_gone: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """A part of the list, newest first, and how many there are in all."""

    items: tuple[Item, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Found:
    """A document looked at: `sidecar` is None while it is read, or where its answer is gone.

    `outputs` are the sidecar's own list: kind, name, bytes, sha256, media_type. `original` is None
    where retention, an operator or a retry has taken it away. `sidecar` is also None where it is
    too large to be held in memory (`is_large`): its bytes are among the outputs still, and
    `Catalogue.page` has its pages. `landed_as` is the path relative to the inbox as it came,
    undecodable bytes and all.
    """

    item: Item
    sidecar: dict[str, Any] | None
    outputs: tuple[dict[str, Any], ...]
    original: Path | None
    landed_as: str = ""
    sha256: str | None = None
    is_large: bool = False
