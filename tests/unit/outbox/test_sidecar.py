"""The sidecar against its schema, the shipped file."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import jsonschema_rs
import pytest

from daemon.core.records import (  # fmt: skip
    Block,
    BlockKind,
    Box,
    Cell,
    Claim,
    Direction,
    Document,
    DocumentField,
    DocumentWarning,
    Failure,
    FieldReason,
    FieldValue,
    PageText,
    Stamp,
    Table,
    TextLine,
    TextSource,
    UnreadReason,
    UnreadRegion,
    Word,
)
from daemon.outbox.sidecar import Provenance, Sidecar, is_valid, schema
from tests.support.whole_outputs import sidecar

CLAIM = Claim("t1", "a/scan.pdf", Path("/claimed/scan.pdf"), Stamp(10, 20, 30), "ab" * 32)
BY = Provenance(
    model="crnn",
    model_sha256="cd" * 32,
    backend="torchscript",
    precision="fp32",
    profile="default@12345678",
    started_at="2026-01-01T00:00:00.000Z",
    finished_at="2026-01-01T00:00:01.000Z",
    seconds=1.0,
)


def page(text: str = "Hello 世界", confidence: float | None = 0.987654) -> PageText:
    box = Box(10, 20, 110, 40)
    line = TextLine(text, confidence, box, (Word(text, confidence, box),))
    return PageText(
        number=1, width=200, height=100, dpi=300.0, rotation=0, skew=0.123, text_source="ocr",
        status="done", text=text, confidence=confidence, blocks=(Block((line,)),),
    )  # fmt: skip


def tabled(kind: str = "table", rows: int = 1, *, cells: int = 2) -> PageText:
    """A page whose block has a table of two cells in a row, the second of them empty."""
    read = page("17.50")
    box = read.blocks[0].lines[0].box
    held = (Cell(0, 0, 1, 1, box, (0,), "17.50"), Cell(0, 1, 1, 1, box, ()))
    table = Table(rows, 2, held[:cells])
    return replace(read, blocks=(Block(read.blocks[0].lines, kind, table),))  # type: ignore[arg-type]


def document(*pages: PageText, status: str = "done", **more: object) -> Document:
    return Document(status, "image/png", pages, {"recognize": 0.5}, 1, **more)  # type: ignore[arg-type]


def test_the_sidecar_contains_everything_that_the_design_names() -> None:
    content = json.loads(sidecar(CLAIM, document(page()), BY))

    assert content["source"] == {
        "name": "scan.pdf", "relative_path": "a/scan.pdf", "sha256": "ab" * 32, "bytes": 10,
        "media_type": "image/png",
    }  # fmt: skip
    assert content["status"] == "done"
    assert content["engine"]["model"] == {"name": "crnn", "sha256": "cd" * 32}
    assert content["processing"]["stage_seconds"] == {"recognize": 0.5}
    (line,) = content["pages"][0]["blocks"][0]["lines"]
    assert line["box"] == [10, 20, 110, 40]
    assert line["words"] == [{"text": "Hello 世界", "confidence": 0.9877, "box": [10, 20, 110, 40]}]
    assert content["text"] == "Hello 世界"


def test_pages_are_separated_by_a_blank_line() -> None:
    assert json.loads(sidecar(CLAIM, document(page("a"), page("b")), BY))["text"] == "a\n\nb"


def test_a_table_says_its_rows_columns_and_cells() -> None:
    (block,) = json.loads(sidecar(CLAIM, document(tabled()), BY))["pages"][0]["blocks"]

    assert (block["kind"], block["rows"], block["columns"]) == ("table", 1, 2)
    assert block["cells"][0] == {
        "row": 0, "column": 0, "row_span": 1, "column_span": 1, "text": "17.50",
        "box": [10, 20, 110, 40], "lines": [0],
    }  # fmt: skip
    assert (block["cells"][1]["text"], block["cells"][1]["lines"]) == ("", [])


def test_a_block_that_is_no_table_says_its_kind_and_lines() -> None:
    (block,) = json.loads(sidecar(CLAIM, document(page()), BY))["pages"][0]["blocks"]

    assert (block["kind"], sorted(block)) == ("text", ["kind", "lines"])


NOTED = (DocumentWarning("a_kind", 'a "quoted"\nmessage', 1),)
FAILURE = Failure("corrupt", "The PNG ends early.", attempt=1)
VALID = [
    document(page()),
    document(page(confidence=None)),
    document(tabled()),
    document(page(), status="partial", failure=FAILURE),
    document(status="failed", failure=FAILURE),
    document(status="duplicate", duplicate_of="b/scan.pdf.json"),
]


@pytest.mark.parametrize("answer", VALID, ids=lambda answer: answer.status)
def test_every_kind_of_answer_keeps_the_schema(answer: Document) -> None:
    assert is_valid(json.loads(sidecar(CLAIM, answer, BY)))


INVALID = {
    "done without pages": document(),
    "failed without a reason": document(status="failed"),
    "partial without a reason": document(page(), status="partial"),
    "done with a reason": document(page(), failure=FAILURE),
    "duplicate of nothing": document(status="duplicate"),
    "confidence above one": document(page(confidence=1.5)),
    "a line without text": document(page(text="")),
    "cells of what is no table": document(tabled(kind="text")),
    "a table without rows": document(tabled(rows=0)),
    "a table without cells": document(tabled(cells=0)),
    "an unknown kind": document(tabled(kind="picture")),
}


@pytest.mark.parametrize("answer", INVALID.values(), ids=INVALID.keys())
def test_an_answer_that_contradicts_itself_is_not_published(answer: Document) -> None:
    with pytest.raises(jsonschema_rs.ValidationError):
        sidecar(CLAIM, answer, BY)


def test_a_number_that_json_does_not_know_becomes_null() -> None:
    content = json.loads(sidecar(CLAIM, document(page(confidence=float("nan"))), BY))

    assert content["pages"][0]["confidence"] is None


def test_half_a_surrogate_from_a_text_layer_does_not_stop_the_answer() -> None:
    assert is_valid(json.loads(sidecar(CLAIM, document(page("a\ud800b")), BY)))


@pytest.mark.parametrize("source", ["ocr", "text_layer", "mixed"])
def test_the_source_of_the_text_is_given(source: TextSource) -> None:
    answer = document(replace(page(), text_source=source))

    content = json.loads(sidecar(CLAIM, answer, BY))

    assert is_valid(content)
    assert content["pages"][0]["text_source"] == source


def test_the_schema_itself_is_valid() -> None:
    jsonschema_rs.meta.validate(schema())


def test_unread_regions_and_warnings_are_published_with_their_reason_and_class() -> None:
    region = UnreadRegion(Box(1, 2, 30, 40), "too_small")
    on_page = DocumentWarning("renderer_message", "an image is broken", 1)
    whole = DocumentWarning("attachments_not_read", "2 files are attached")
    read = replace(page(), unread=(region,), warnings=(on_page,))

    content = json.loads(sidecar(CLAIM, document(read, warnings=(whole,)), BY))

    assert content["pages"][0]["unread"] == [{"box": [1, 2, 30, 40], "reason": "too_small"}]
    assert content["pages"][0]["warnings"] == [
        {"class": "renderer_message", "message": "an image is broken", "page": 1}
    ]
    assert content["warnings"] == [
        {"class": "attachments_not_read", "message": "2 files are attached", "page": None}
    ]


@pytest.mark.parametrize("direction", get_args(Direction))
def test_a_line_says_in_which_direction_it_runs(direction: Direction) -> None:
    read = page()
    (line,) = read.blocks[0].lines
    turned = replace(read, blocks=(Block((replace(line, direction=direction),), "seal"),))

    content = json.loads(sidecar(CLAIM, document(turned), BY))

    (block,) = content["pages"][0]["blocks"]
    assert (block["kind"], block["lines"][0]["direction"]) == ("seal", direction)


@pytest.mark.parametrize(
    ("record", "change"),
    [
        ("unread", UnreadRegion(Box(0, 0, 9, 9), "made up")),  # type: ignore[arg-type]
        ("warnings", DocumentWarning("", "a sentence")),
        ("warnings", DocumentWarning("renderer_message", "")),
    ],
)
def test_a_reason_that_does_not_exist_and_an_empty_warning_are_refused(
    record: str, change: object
) -> None:
    read = replace(page(), **{record: (change,)})  # type: ignore[arg-type]

    with pytest.raises(jsonschema_rs.ValidationError):
        sidecar(CLAIM, document(read), BY)


def test_the_schema_and_the_records_know_the_same_words() -> None:
    definitions = schema()["$defs"]

    assert definitions["unread"]["properties"]["reason"]["enum"] == list(get_args(UnreadReason))
    assert definitions["line"]["properties"]["direction"]["enum"] == list(get_args(Direction))
    assert definitions["block"]["properties"]["kind"]["enum"] == list(get_args(BlockKind))


@pytest.mark.parametrize("numbers", [(), (1,), (1, 2), (1, 2, 3)], ids=len)
def test_a_sidecar_that_is_written_page_by_page_is_laid_out_as_if_it_were_written_whole(
    numbers: tuple[int, ...],
) -> None:
    pages = tuple(replace(tabled("table"), number=number, warnings=NOTED) for number in numbers)
    failure = None if pages else Failure("crashed", 'a "quoted"\nreason')
    read = Document("done" if pages else "failed", "image/png", pages, {}, 1, failure)

    blocks = list(Sidecar(CLAIM, read, BY))

    whole = b"".join(blocks)
    assert whole == json.dumps(json.loads(whole), ensure_ascii=False, indent=1).encode() + b"\n"
    assert len(blocks) == len(pages) + 2


def test_the_summary_of_a_sidecar_is_its_content_without_lines() -> None:
    read = document(tabled("table"))
    whole = json.loads(sidecar(CLAIM, read, BY))

    summary = Sidecar(CLAIM, read, BY).summary()

    (page,) = whole.pop("pages")
    (short,) = summary.pop("pages")
    assert json.loads(json.dumps(summary)) == whole
    assert json.loads(json.dumps(short)) == {key: page[key] for key in short}


# --- fields -------------------------------------------------------------------------------------

FOUND = DocumentField("total", "amount", FieldValue("RM 9,50", "9.50", Box(1, 2, 3, 4), 0.91), 2)


def fields_of(*fields: DocumentField) -> dict[str, Any]:
    read = Document("done", "image/png", (page(),), {}, 1, fields=fields)
    content = json.loads(b"".join(Sidecar(CLAIM, read, BY)))
    assert is_valid(content)
    return content


def test_a_field_has_its_value_its_text_and_its_place() -> None:
    (total,) = fields_of(FOUND)["fields"]

    assert total == {
        "name": "total", "type": "amount", "value": "9.50", "text": "RM 9,50", "page": 2,
        "box": [1, 2, 3, 4], "confidence": 0.91,
    }  # fmt: skip


@pytest.mark.parametrize("reason", get_args(FieldReason))
def test_a_field_that_was_not_found_is_there_and_says_why(reason: FieldReason) -> None:
    (total,) = fields_of(DocumentField("total", "amount", reason=reason))["fields"]

    assert {name for name, value in total.items() if value is None} == {
        "value", "text", "page", "box", "confidence",
    }  # fmt: skip
    assert total["reason"] == reason


def test_without_fields_the_answer_has_no_such_key() -> None:
    assert "fields" not in fields_of()


def test_the_summary_for_hooks_has_the_fields() -> None:
    read = Document("done", "image/png", (page(),), {}, 1, fields=(FOUND,))

    assert [each["value"] for each in Sidecar(CLAIM, read, BY).summary()["fields"]] == ["9.50"]
