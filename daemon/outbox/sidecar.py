"""The sidecar: an answer as JSON. Its keys are defined here, and each is validated on writing."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import PurePosixPath
from typing import Any

import jsonschema_rs
import msgspec

from daemon import __version__
from daemon.core import fs
from daemon.core.options import NO_OPTIONS, RequestOptions
from daemon.core.records import (
    Block,
    Box,
    Cell,
    Claim,
    Code,
    Document,
    DocumentField,
    DocumentWarning,
    Failure,
    MissingOutput,
    Output,
    PageText,
    TextLine,
    UnreadRegion,
    Word,
)
from daemon.outbox.reader import SCHEMA_VERSION

SCHEMA_FILE = "sidecar.schema.json"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Which engine read the document, and when: model name and digest, UTC times (RFC 3339).

    `requested` is what the sender of an upload asked for.
    """

    model: str
    model_sha256: str
    backend: str
    precision: str
    profile: str
    started_at: str
    finished_at: str
    seconds: float
    requested: RequestOptions = NO_OPTIONS


@dataclass(frozen=True, slots=True)
class PartOf:
    """What a part belongs to: the name of the answer to the whole; `index` counts from 1."""

    answer: str
    index: int
    count: int


@dataclass(frozen=True, slots=True)
class PartEntry:
    """A part as the answer to the whole lists it: its sidecar's `name` and its page numbers."""

    name: str
    status: str
    pages: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sidecar:
    """The sidecar of a document, to be iterated over: blocks of UTF-8, one for each page.

    So a book takes no more memory than one of its pages. `outputs` are the files that are published
    with it, `missing` those that could not be made, `parts` those that the document was separated
    into; `part_of` is set in the sidecar of one of these. Iterating raises ValidationError where
    the content is invalid, which is a bug.
    """

    claim: Claim
    document: Document
    by: Provenance
    outputs: Sequence[Output] = ()
    missing: Sequence[MissingOutput] = ()
    parts: Sequence[PartEntry] = ()
    part_of: PartOf | None = None

    def __iter__(self) -> Iterator[bytes]:
        head, texts = self._head(), []
        encoded = _encoded(head)
        yield encoded.removesuffix(b"\n}") + b',\n "pages": ['
        first: dict[str, Any] | None = None
        for page in self.document.pages:
            content = _encoded(_page(page))
            parsed = json.loads(content)
            _validator("page").validate(parsed)
            yield (b",\n  " if first else b"\n  ") + content.replace(b"\n", b"\n  ")
            first = first or parsed
            if page.text:
                texts.append(page.text)
        tail = _encoded(self._tail("\n\n".join(texts)))
        pages = {"pages": [first] if first else []}
        _validator().validate(json.loads(encoded) | pages | json.loads(tail))
        yield (b"\n ]," if first else b"],") + tail.removeprefix(b"{") + b"\n"

    def summary(self) -> dict[str, Any]:
        """Return the content without the lines of its pages, for notifications."""
        pages = [
            {
                "number": page.number,
                "confidence": _rounded(page.confidence),
                "unread": [_unread(region) for region in page.unread],
                "warnings": [_warning(warning) for warning in page.warnings],
            }
            for page in self.document.pages
        ]
        text = "\n\n".join(page.text for page in self.document.pages if page.text)
        return self._head() | {"pages": pages} | self._tail(text)

    def _head(self) -> dict[str, Any]:
        """Return what stands before the pages."""
        by, document = self.by, self.document
        return {
            "schema_version": SCHEMA_VERSION,
            "source": _source(self.claim, document),
            "status": document.status,
            "engine": _engine(by),
            "processing": {
                "claim": self.claim.id,
                "started_at": by.started_at,
                "finished_at": by.finished_at,
                "seconds": _rounded(by.seconds),
                "attempt": document.attempt,
                "stage_seconds": {stage: _rounded(s) for stage, s in document.seconds.items()},
                **_requested(by.requested),
            },
        }

    def _tail(self, text: str) -> dict[str, Any]:
        """Return what stands after the pages."""
        document = self.document
        content: dict[str, Any] = {
            "text": text,
            "warnings": [_warning(warning) for warning in document.warnings],
        }
        if document.fields:
            content["fields"] = [_field(each) for each in document.fields]
        if document.duplicate_of is not None:
            content["duplicate_of"] = fs.to_unicode(document.duplicate_of)
        if document.failure is not None:
            content["error"] = _error(document.failure)
        if self.outputs:
            content["outputs"] = [_output(output) for output in self.outputs]
        if self.missing:
            content["outputs_missing"] = [_missing(output) for output in self.missing]
        if self.parts:
            content["parts"] = [_part(part) for part in self.parts]
        if self.part_of is not None:
            content["part_of"] = self._whole(self.part_of)
        return content

    def _whole(self, part_of: PartOf) -> dict[str, Any]:
        source = _source(self.claim, self.document)
        return {
            "name": source["name"],
            "sha256": source["sha256"],
            "answer": fs.to_unicode(part_of.answer),
            "index": part_of.index,
            "count": part_of.count,
            "first_page": self.document.pages[0].number,
            "last_page": self.document.pages[-1].number,
        }


def _encoded(content: dict[str, Any]) -> bytes:
    """Return JSON, indented by a space for each level.

    Half of a surrogate pair, which UTF-8 cannot encode, becomes a question mark.
    """
    compact = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return msgspec.json.format(compact.encode("utf-8", "replace"), indent=1)


def is_valid(content: object) -> bool:
    """Return whether a parsed sidecar conforms to the schema."""
    return _validator().is_valid(content)


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) that ships with this module."""
    text = resources.files(__package__).joinpath(SCHEMA_FILE).read_text(encoding="utf-8")
    return json.loads(text)  # type: ignore[no-any-return]


@functools.cache
def _validator(definition: str | None = None) -> jsonschema_rs.Validator:
    """Return the validator of a sidecar, or of a definition in its schema."""
    whole = schema()
    if definition is None:
        return jsonschema_rs.validator_for(whole)
    return jsonschema_rs.validator_for(
        {"$ref": f"#/$defs/{definition}", "$schema": whole["$schema"], "$defs": whole["$defs"]}
    )


def _requested(options: RequestOptions) -> dict[str, Any]:
    """Return the options of an upload; nothing without any."""
    given = {key: value for key, value in asdict(options).items() if value is not None}
    return {"requested": given} if given else {}


def _source(claim: Claim, document: Document) -> dict[str, Any]:
    path = PurePosixPath(fs.to_unicode(claim.name))
    return {
        "name": path.name,
        "relative_path": str(path),
        "sha256": claim.sha256,
        "bytes": claim.stamp.size,
        "media_type": document.media_type,
    }


def _engine(by: Provenance) -> dict[str, Any]:
    return {
        "daemon_version": __version__,
        "model": {"name": by.model, "sha256": by.model_sha256},
        "backend": by.backend,
        "precision": by.precision,
        "profile": by.profile,
    }


def _output(output: Output) -> dict[str, Any]:
    return {
        "kind": output.kind,
        "name": fs.to_unicode(output.name),
        "bytes": output.bytes,
        "sha256": output.sha256,
        "media_type": output.media_type,
        **({} if output.part is None else {"part": output.part}),
    }


def _missing(output: MissingOutput) -> dict[str, Any]:
    part = {} if output.part is None else {"part": output.part}
    return {"kind": output.kind, **part, **_error(output.failure)}


def _part(part: PartEntry) -> dict[str, Any]:
    return {
        "name": fs.to_unicode(part.name),
        "status": part.status,
        "pages": len(part.pages),
        "first_page": part.pages[0],
        "last_page": part.pages[-1],
    }


def _page(page: PageText) -> dict[str, Any]:
    content: dict[str, Any] = {
        "number": page.number,
        "width": page.width,
        "height": page.height,
        "dpi": None if page.dpi is None else round(page.dpi, 1),
        "rotation": page.rotation,
        "orientation": page.orientation,
        "skew": round(page.skew, 2),
        "curvature": round(page.curvature, 1),
        "text_source": page.text_source,
        "status": page.status,
        "text": page.text,
        "confidence": _rounded(page.confidence),
        "blocks": [_block(block) for block in page.blocks],
        "unread": [_unread(region) for region in page.unread],
        "warnings": [_warning(warning) for warning in page.warnings],
    }
    if page.codes is not None:
        content["codes"] = [_code(code) for code in page.codes]
    if page.blank is not None:
        content["blank"] = page.blank
    if page.failure is not None:
        content["error"] = _error(page.failure)
    return content


def _code(code: Code) -> dict[str, Any]:
    content: dict[str, Any] = {"text": code.text, "format": code.format, "box": _box(code.box)}
    return content | ({"encoding": "base64"} if code.is_base64 else {})


def _block(block: Block) -> dict[str, Any]:
    content: dict[str, Any] = {
        "kind": block.kind,
        "lines": [_line(line) for line in block.lines],
    }
    if block.table is not None:
        content["rows"], content["columns"] = block.table.rows, block.table.columns
        content["cells"] = [_cell(cell) for cell in block.table.cells]
    return content


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "row": cell.row,
        "column": cell.column,
        "row_span": cell.row_span,
        "column_span": cell.column_span,
        "text": cell.text,
        "box": _box(cell.box),
        "lines": list(cell.lines),
    }


def _line(line: TextLine) -> dict[str, Any]:
    return {
        **_word(line),
        "direction": line.direction,
        "words": [_word(word) for word in line.words],
    }


def _word(word: Word | TextLine) -> dict[str, Any]:
    return {
        "text": word.text,
        "confidence": _rounded(word.confidence),
        "box": _box(word.box),
    }


def _box(box: Box) -> list[int]:
    return [box.left, box.top, box.right, box.bottom]


def _field(each: DocumentField) -> dict[str, Any]:
    found = each.found
    content = {
        "name": each.name,
        "type": each.type,
        "value": found.value if found else None,
        "text": found.text if found else None,
        "page": each.page,
        "box": _box(found.box) if found else None,
        "confidence": _rounded(found.confidence) if found else None,
    }
    return content if found else content | {"reason": each.reason}


def _unread(region: UnreadRegion) -> dict[str, Any]:
    return {"box": _box(region.box), "reason": region.reason}


def _warning(warning: DocumentWarning) -> dict[str, Any]:
    return {"class": warning.kind, "message": warning.message, "page": warning.page}


def _error(failure: Failure) -> dict[str, Any]:
    return {
        "class": failure.kind,
        "message": failure.message,
        "page": failure.page,
        "attempt": failure.attempt,
        "signal": failure.signal,
    }


def _rounded(value: float | None) -> float | None:
    """Round to four digits; infinity and NaN, which JSON does not have, become None."""
    return None if value is None or not math.isfinite(value) else round(value, 4)
