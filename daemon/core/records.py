"""The records that all packages exchange: frozen dataclasses without heavy imports.

Arrays are numpy uint8, with the shape in the docstring. Boxes are in whole pixels; right and bottom
are exclusive. A frame is a coordinate system: `original` is the page as a viewer shows it (EXIF
orientation and PDF /Rotate applied) at full size, `page` is that page as decoded (perhaps scaled
down). Records that only the stages of a worker exchange are in `daemon.ocr.records`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence  # msgspec resolves annotations of messages
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

TextSource = Literal["ocr", "text_layer", "mixed"]
PageStatus = Literal["done", "partial", "failed"]
Status = Literal["done", "partial", "failed", "duplicate"]
BlockKind = Literal["text", "heading", "table", "header", "footer", "seal"]
Direction = Literal["horizontal", "vertical", "rotated_90", "rotated_180", "rotated_270"]
UnreadReason = Literal["low_confidence", "too_small", "not_legible", "not_rendered"]
OutputKind = Literal[
    "text",
    "hocr",
    "alto",
    "searchable_pdf",
    "picture",
    "markdown",
    "csv",
    "xlsx",
    "docx",
    "pdfa",
    "fields_csv",
]
FieldType = Literal["text", "amount", "number", "date"]
FieldReason = Literal["no_label", "no_value", "no_match", "not_read"]
FileKind = OutputKind | Literal["part"]
"""What is published beside a sidecar: outputs, and the sidecars of the parts of a batch."""
Stage = Literal["decode", "codes", "clean", "segment", "recognize", "assemble"]
CodeFormat = Literal[
    "Aztec", "Codabar", "Code 128", "Code 39", "Code 93", "Data Matrix", "DataBar", "EAN-13",
    "EAN-8", "ITF", "MaxiCode", "Micro QR Code", "MicroPDF417", "PDF417", "Patch Code", "QR Code",
    "rMQR Code", "Telepen", "UPC-A", "UPC-E",
]  # fmt: skip
"""Symbologies by the names of their standards."""
MAX_CODES = 100  # of a page that are published


class DocumentState(StrEnum):
    """The state of a claimed document; the ledger stores all but the first and the last."""

    UNRECORDED = "unrecorded"  # claimed, not in the ledger yet
    CLAIMED = "claimed"  # in the ledger; it is read, and its outputs are rendered
    ANSWERING = "answering"  # the ledger names the sidecar that is about to be published
    ANSWERED = "answered"  # the sidecar is durable
    CLOSED = "closed"  # the original is archived, deleted, failed or left in place
    GIVEN_BACK = "given_back"  # returned to the inbox; its row is dropped


_MIN_OVERLAP = 0.5  # of the lower box's height, for two boxes to be in one row


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-aligned rectangle in pixels; right and bottom are exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def around(cls, boxes: Iterable[Box]) -> Box:
        """Return the smallest box around all of `boxes`, at least one."""
        lefts, tops, rights, bottoms = zip(
            *((box.left, box.top, box.right, box.bottom) for box in boxes), strict=True
        )
        return cls(min(lefts), min(tops), max(rights), max(bottoms))

    def precedes_in_row(self, other: Box) -> bool:
        """Tell whether `other` continues the row of this box: further right, and about level."""
        low = min(self.bottom - self.top, other.bottom - other.top)
        shared = min(self.bottom, other.bottom) - max(self.top, other.top)
        return other.left > self.left and shared >= _MIN_OVERLAP * low


# --- the text that is read ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a line, box in the original frame; confidence 0..1, None from a text layer."""

    text: str
    confidence: float | None
    box: Box


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line of text as published, box in the original frame.

    `direction` is how it runs on the page as it was read: from left to right, downwards with
    upright characters ("vertical", as Chinese is set), or turned clockwise by so many degrees.
    """

    text: str
    confidence: float | None
    box: Box
    words: tuple[Word, ...]
    direction: Direction = "horizontal"


@dataclass(frozen=True, slots=True)
class UnreadRegion:
    """A part of a page that looks like text and of which no text is published, original frame.

    `reason`: its reading had a confidence that is too low, its letters are too small to be read,
    nothing legible was found in it, or the decoder or renderer could not show it.
    """

    box: Box
    reason: UnreadReason


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table: its first row and column, 0-based, and how many of each it spans.

    `lines` are the indices of its lines in reading order. During layout they count the page's lines
    and the box is in the clean frame; when published they count the block's lines and the box is in
    the original frame. An empty cell has no lines and an empty text.
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
    """Cells row by row, each row from left to right; together they fill `rows` x `columns`."""

    rows: int
    columns: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that belong together (a paragraph, a part of a column), in reading order.

    A block of the kind "table" also has its `table`; its lines are ordered cell by cell.
    """

    lines: tuple[TextLine, ...]
    kind: BlockKind = "text"
    table: Table | None = None


@dataclass(frozen=True, slots=True)
class FieldValue:
    """What was found of a field on a page: text, box in the original frame, and value.

    `value` is a decimal number for amounts and numbers, a date of ISO 8601, or the text itself.
    `confidence` is the lowest of its words, None from a text layer. A lower `rank` fits better what
    the config asks for.
    """

    text: str
    value: str
    box: Box
    confidence: float | None
    rank: int = 0


@dataclass(frozen=True, slots=True)
class PageField:
    """A field as one page has it: its value, or the reason why it has none."""

    name: str
    found: FieldValue | None = None
    reason: FieldReason | None = None


@dataclass(frozen=True, slots=True)
class DocumentField:
    """A field of a document: its value with the page it stands on (1-based), or a reason."""

    name: str
    type: FieldType
    found: FieldValue | None = None
    page: int | None = None
    reason: FieldReason | None = None


@dataclass(frozen=True, slots=True)
class Code:
    """A barcode or matrix code, box in the original frame.

    `text` is its content; with `is_base64`, it is no text, but bytes (RFC 4648).
    """

    text: str
    format: CodeFormat
    box: Box
    is_base64: bool = False


@dataclass(frozen=True, slots=True)
class DocumentWarning:
    """Something that a reader of the answer should know although it is no failure.

    `kind` is a stable word for programs, `message` a sentence for people, `page` is 1-based.
    """

    kind: str
    message: str
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page as decoded: `image` is H,W,3 BGR or H,W gray.

    `scale` is decoded pixels per original pixel. `pixel_height` is the height of a pixel in widths
    of it: not 1 for a fax of 204 x 98 dpi. `rotation` is the clockwise rotation in degrees
    that was applied to the stored pixels to show the page as a viewer does. `text_layer` is the
    text that the page contains, None without any; the image then shows everything else, and is
    empty if nothing is left to read. `defect` is a sentence on the missing part of a page that was
    decoded incompletely. `warnings` say what the decoder or renderer complained of, or what of the
    page was left out on purpose; they do not make the page partial. `horizontal_rules` and
    `vertical_rules` are the ruling lines that the page draws as vector graphics, where it has a
    text layer; `not_rendered` are the places of images that could not be decoded. `picture` is the
    whole page, where that was asked for and the image does not show all of it.
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
    warnings: tuple[DocumentWarning, ...] = ()
    horizontal_rules: tuple[Box, ...] = ()
    vertical_rules: tuple[Box, ...] = ()
    not_rendered: tuple[Box, ...] = ()
    pixel_height: float = 1.0
    picture: Pixels | None = None

    @property
    def shown(self) -> Pixels:
        """The page as a viewer shows it, as far as it was drawn."""
        return self.image if self.picture is None else self.picture


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something failed: `kind` is a stable word for programs, `message` a sentence for people.

    `page` is the page that caused it, 1-based; `signal` the number that ended a worker.
    """

    kind: str
    message: str
    page: int | None = None
    attempt: int | None = None
    signal: int | None = None


@dataclass(frozen=True, slots=True)
class PageText:
    """One page as published; `failure` is the reason of a partial or failed page.

    `rotation` is how the stored pixels are turned to show the page, `orientation` how the page as
    shown was turned to be read. `curvature` is the largest deviation of a row from a straight line
    that dewarping removed, in original pixels. `unread` are the regions whose text is missing.
    `pixel_height` is that of `Page`. `fields` has an entry for each field that the recipe wants.
    `codes` is None where none were looked for, and `blank` where it was not asked whether the page
    is blank.
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
    unread: tuple[UnreadRegion, ...] = ()
    warnings: tuple[DocumentWarning, ...] = ()
    pixel_height: float = 1.0
    fields: tuple[PageField, ...] = ()
    codes: tuple[Code, ...] | None = None
    blank: bool | None = None

    @classmethod
    def not_read(cls, number: int, failure: Failure) -> PageText:
        """Return a failed page of which only the failure is known."""
        return cls(
            number=number, width=0, height=0, dpi=None, rotation=0, skew=0.0, text_source="ocr",
            status="failed", text="", confidence=None, blocks=(), failure=failure,
        )  # fmt: skip


# --- files and their state ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stamp:
    """Identifies a state of a file: size in bytes, mtime in nanoseconds, inode number."""

    size: int
    modified_ns: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> Stamp:
        """Return the present stamp of a file, without following a link."""
        return cls.from_status(path.lstat())

    @classmethod
    def from_status(cls, status: os.stat_result) -> Stamp:
        """Return the stamp from a stat result."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ino)

    def __str__(self) -> str:
        return f"{self.size}:{self.modified_ns}:{self.inode}"


@dataclass(frozen=True, slots=True)
class Claim:
    """A file that this daemon has claimed: `name` relative to the inbox, `path` where it is now.

    `id` is the token of this claim. The identity of the content is `sha256` + profile, never the
    name.
    """

    id: str
    name: str
    path: Path
    stamp: Stamp
    sha256: str


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One row of the ledger, the state of a claim; `id` is its token."""

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
    """A fault of the environment that stops the daemon: one sentence, and since when.

    `since` is in seconds of the monotonic clock.
    """

    message: str
    since: float


@dataclass(frozen=True, slots=True)
class PageCount:
    """A worker's result for `CountPages`; `seconds` are wall seconds by stage."""

    media_type: str
    page_count: int
    seconds: Mapping[Stage, float]


@dataclass(frozen=True, slots=True)
class PagesRead:
    """A worker's result for `ReadPages`: the pages of its range and the time they took.

    `page_count` is that of the document, `seconds` the worker's wall seconds by stage, `precision`
    the number format of its network, `warnings` are those on the document as a whole.
    """

    media_type: str
    page_count: int
    pages: tuple[PageText, ...]
    seconds: Mapping[Stage, float]
    precision: str | None = None
    warnings: tuple[DocumentWarning, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A document as read, or its failure; `seconds` are wall seconds by stage over all pages.

    `pages` may be unpacked one at a time: keep none that is not needed. `fields` are those that the
    config wants, found or not. `is_selection` tells that pages were left out on purpose: in
    outputs, those that are there follow each other.
    """

    status: Status
    media_type: str | None
    pages: Sequence[PageText]
    seconds: Mapping[str, float]
    attempt: int
    failure: Failure | None = None
    duplicate_of: str | None = None
    precision: str | None = None
    warnings: tuple[DocumentWarning, ...] = ()
    fields: tuple[DocumentField, ...] = ()
    is_selection: bool = False

    @property
    def unread(self) -> tuple[UnreadRegion, ...]:
        """The unread regions of all pages."""
        return tuple(region for page in self.pages for region in page.unread)

    @property
    def all_warnings(self) -> tuple[DocumentWarning, ...]:
        """The warnings on the document as a whole, then those on its pages, each with its page."""
        on_pages = (
            replace(warning, page=page.number) for page in self.pages for warning in page.warnings
        )
        return (*self.warnings, *on_pages)


@dataclass(frozen=True, slots=True)
class Output:
    """A file that is published beside a sidecar and listed in it by its `name`.

    `part` is the part of a batch that it belongs to, from 1.
    """

    kind: FileKind
    name: str
    bytes: int
    sha256: str
    media_type: str
    part: int | None = None


@dataclass(frozen=True, slots=True)
class MissingOutput:
    """A configured output that could not be made; the failure's page is 1-based, or None.

    `part` is the part of a batch that lacks it, from 1.
    """

    kind: OutputKind
    failure: Failure
    part: int | None = None
