"""The nouns that travel along the path; nothing here computes, and nothing heavy is imported.

Arrays are numpy uint8 with their shape in the docstring; boxes are whole pixels, right and bottom
exclusive. A frame is a coordinate system: `original` is the page as a viewer shows it (EXIF
orientation and PDF /Rotate applied) at its full size, `page` is that page as decoded (perhaps
scaled down). What travels between the rooms of a worker alone is in `daemon.ocr.records`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

TextSource = Literal["ocr", "text_layer", "mixed"]
PageStatus = Literal["done", "partial", "failed"]
Status = Literal["done", "partial", "failed", "duplicate"]
BlockKind = Literal["text", "heading", "table", "header", "footer"]
OutputKind = Literal["text", "hocr", "alto", "searchable_pdf", "picture"]


class DocumentState(StrEnum):
    """Where a claimed document stands. The ledger stores all but the first and the last."""

    UNRECORDED = "unrecorded"  # claimed, not in the ledger yet
    CLAIMED = "claimed"  # in the ledger; it is read, and its outputs are rendered
    ANSWERING = "answering"  # the ledger names the sidecar that is about to be published
    ANSWERED = "answered"  # the sidecar is durable
    CLOSED = "closed"  # the original is archived, deleted, failed or left where it lies
    RELEASED = "released"  # given back to the inbox; its row is dropped


_LEVEL = 0.5  # of the lower one's height that two boxes of one row share


@dataclass(frozen=True, slots=True)
class Box:
    """An upright rectangle in pixels; right and bottom are exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def around(cls, boxes: Iterable[Box]) -> Box:
        """Return the smallest box around all of `boxes`; there must be one."""
        lefts, tops, rights, bottoms = zip(
            *((box.left, box.top, box.right, box.bottom) for box in boxes), strict=True
        )
        return cls(min(lefts), min(tops), max(rights), max(bottoms))

    def leads_to(self, other: Box) -> bool:
        """Tell whether `other` goes on this one's row: it is further right, and about level."""
        low = min(self.bottom - self.top, other.bottom - other.top)
        shared = min(self.bottom, other.bottom) - max(self.top, other.top)
        return other.left > self.left and shared >= _LEVEL * low


# --- what is read -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a line, box in the original frame; confidence 0..1, None from a text layer."""

    text: str
    confidence: float | None
    box: Box


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line of text as published, box in the original frame."""

    text: str
    confidence: float | None
    box: Box
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table: its first row and column, 0-based, and over how many of each it reaches.

    `lines` are the places of its lines in reading order: among the page's lines while the table is
    laid out (its box is in the clean frame then), among the block's when it is published (box in
    the original frame). An empty cell has no lines and an empty text.
    """

    row: int
    column: int
    row_span: int
    column_span: int
    box: Box
    lines: tuple[int, ...]
    text: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Cells row by row, each row from the left; together they fill `rows` x `columns`."""

    rows: int
    columns: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that belong together (a paragraph, a column's part), in reading order.

    A block of the kind "table" has its table besides; its lines come cell by cell.
    """

    lines: tuple[TextLine, ...]
    kind: BlockKind = "text"
    table: Table | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page as decoded: `image` is H,W,3 BGR or H,W gray.

    `scale` is decoded pixels per original pixel. `rotation` is the clockwise turn in degrees that
    was applied to the stored pixels to show the page as a viewer does. `text_layer` is text that
    the page carries, None without such; the image then shows the rest, and is empty where nothing
    is left to read. `defect` is a sentence on what is missing of a page that decoded in part.
    """

    number: int
    width: int
    height: int
    image: Pixels
    scale: float = 1.0
    dpi: float | None = None
    rotation: int = 0
    text_layer: tuple[Block, ...] | None = None
    defect: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something failed: `kind` is a stable word, `message` one plain sentence.

    `page` is 1-based where one page is to blame; `signal` the number that ended a worker.
    """

    kind: str
    message: str
    page: int | None = None
    attempt: int | None = None
    signal: int | None = None


@dataclass(frozen=True, slots=True)
class PageText:
    """One page as published; `failure` says why a page is partial or failed.

    `rotation` is the page's, `orientation` the clean page's: the first is how the stored pixels are
    shown, the second how the page as shown was turned to be read. `curvature` is by how many
    original pixels the most bent of its rows was straightened.
    """

    number: int
    width: int
    height: int
    dpi: float | None
    rotation: int
    skew: float
    text_source: TextSource
    status: PageStatus
    text: str
    confidence: float | None
    blocks: tuple[Block, ...]
    failure: Failure | None = None
    orientation: int = 0
    curvature: float = 0.0

    @classmethod
    def unread(cls, number: int, failure: Failure) -> PageText:
        """Return a page of which nothing is known but why."""
        return cls(
            number=number, width=0, height=0, dpi=None, rotation=0, skew=0.0, text_source="ocr",
            status="failed", text="", confidence=None, blocks=(), failure=failure,
        )  # fmt: skip


# --- what is worked on --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stamp:
    """What changes when a file changes: bytes, mtime in nanoseconds, inode number."""

    size: int
    modified_ns: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> Stamp:
        """Take the stamp of a file now, not following a link."""
        return cls.from_status(path.lstat())

    @classmethod
    def from_status(cls, status: os.stat_result) -> Stamp:
        """Take the stamp out of a stat result."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ino)

    def __str__(self) -> str:
        return f"{self.size}:{self.modified_ns}:{self.inode}"


@dataclass(frozen=True, slots=True)
class Claim:
    """A file in our possession: `name` is its path relative to the inbox, `path` where it lies now.

    `id` is the token of this possession; the file's identity is `sha256` + profile, never its name.
    """

    id: str
    name: str
    path: Path
    stamp: Stamp
    sha256: str


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One row of the ledger: what became of a claim; `id` is its token."""

    id: str
    name: str
    bytes: int
    sha256: str
    profile: str
    stamp: str
    state: DocumentState
    starts: int
    attempts: int
    status: Status | None
    answer: str | None
    claimed_at: str


@dataclass(frozen=True, slots=True)
class Fault:
    """What the environment holds us up with, in a sentence, and since when (monotonic seconds)."""

    why: str
    since: float


@dataclass(frozen=True, slots=True)
class PageCount:
    """What a worker returns for `CountPages`; `seconds` are wall seconds by stage."""

    media_type: str
    page_count: int
    seconds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class PagesRead:
    """What a worker returns for `ReadPages`: the pages of its range and what they cost.

    `page_count` is the document's, `seconds` the worker's wall seconds by stage, `precision` what
    its network computes in.
    """

    media_type: str
    page_count: int
    pages: tuple[PageText, ...]
    seconds: Mapping[str, float]
    precision: str | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A document as read, or why it was not; `seconds` are wall seconds by stage over all pages."""

    status: Status
    media_type: str | None
    pages: tuple[PageText, ...]
    seconds: Mapping[str, float]
    attempt: int
    failure: Failure | None = None
    duplicate_of: str | None = None
    precision: str | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """A file that is published beside a sidecar and listed in it; `name` is that of the file."""

    kind: OutputKind
    name: str
    bytes: int
    sha256: str
    media_type: str


@dataclass(frozen=True, slots=True)
class Missing:
    """An output that was wanted and could not be made; the failure's page is 1-based, or None."""

    kind: OutputKind
    failure: Failure
