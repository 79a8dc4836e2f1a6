"""Which pages make up the parts of a batch, and how a config says that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from daemon.config.settings import Config
from daemon.config.validation import conflicts
from daemon.core.options import FieldRule, Separation
from daemon.core.records import Box, Code, Document, Failure, FieldValue, PageField, PageText
from daemon.engine.page_store import PageStore
from daemon.supervisor.outputs import without_blank
from daemon.supervisor.separation import parts_of

BOX = Box(1, 2, 30, 40)


def page(number: int, kind: str) -> PageText:
    """S: a sheet with the separator; C: another code; B: blank; F: not read; a: text."""
    if kind == "F":
        return PageText.not_read(number, Failure("timeout", "took too long", number))
    text = {"S": "SEPARATOR-7", "C": "4006381333931"}.get(kind)
    return PageText(
        number=number, width=100, height=200, dpi=None, rotation=0, skew=0.0, text_source="ocr",
        status="done", text=kind, confidence=None, blocks=(),
        codes=(Code(text, "Code 128", BOX),) if text else (), blank=kind == "B",
    )  # fmt: skip


def document(kinds: str) -> Document:
    pages = tuple(page(number, kind) for number, kind in enumerate(kinds, 1))
    failure = Failure("timeout", "took too long") if "F" in kinds else None
    status = "partial" if failure else "done"
    return Document(status, "image/tiff", pages, {}, 1, failure)


def separated(kinds: str, **how: object) -> list[list[int]]:
    parts = parts_of(document(kinds), Separation(**how), {})  # type: ignore[arg-type]
    assert [part.index for part in parts] == list(range(1, len(parts) + 1))
    return [[page.number for page in part.document.pages] for part in parts]


@pytest.mark.parametrize(
    ("kinds", "parts"),
    [
        ("SaaSa", [[2, 3], [5]]),
        ("aSaSaa", [[1], [3], [5, 6]]),  # what comes before the first sheet is a part
        ("SSaS", [[3]]),  # nothing between two sheets, nor after the last one
        ("aCa", []),  # another code separates nothing
        ("aaa", []),
        ("SSS", []),  # sheets alone
        ("aFSa", [[1, 2], [4]]),  # a page that was not read is a page of its part
        ("aBSBa", [[1, 2], [4, 5]]),
    ],
)
def test_a_sheet_with_the_code_begins_a_part(kinds: str, parts: list[list[int]]) -> None:
    assert separated(kinds, by="barcode") == parts


def test_a_page_with_the_code_stays_in_its_part_where_sheets_are_kept() -> None:
    assert separated("aSaSSa", by="barcode", keep_sheets=True) == [[1], [2, 3], [4], [5, 6]]
    assert separated("Saa", by="barcode", keep_sheets=True) == []  # one part, which is the whole


def test_the_pattern_is_for_the_whole_text_of_a_code() -> None:
    assert separated("aCa", by="barcode", pattern=r"\d{13}") == [[1], [3]]
    assert separated("aCa", by="barcode", pattern=r"\d{12}") == []


def test_a_blank_page_separates_and_is_in_no_part() -> None:
    assert separated("aaBaBBaB", by="blank_page") == [[1, 2], [4], [7]]


@pytest.mark.parametrize(
    ("count", "parts"),
    [(1, [[1], [2], [3], [4], [5]]), (2, [[1, 2], [3, 4], [5]]), (4, [[1, 2, 3, 4], [5]]), (5, [])],
)
def test_a_part_has_so_many_pages(count: int, parts: list[list[int]]) -> None:
    assert separated("aaaaa", by="page_count", pages=count) == parts


def test_a_part_is_done_partial_or_failed_by_its_own_pages() -> None:
    first, second, third = parts_of(document("aSaFSF"), Separation(by="barcode"), {})

    assert (first.document.status, first.document.failure) == ("done", None)
    assert second.document.status == "partial"
    assert second.document.failure == Failure("timeout", "took too long", 4)
    assert third.document.status == "failed"


def test_nothing_is_separated_by_default_nor_of_a_file_that_was_not_read() -> None:
    lost = Document("failed", None, (), {}, 1, Failure("corrupt", "it is damaged"))

    assert separated("aSa") == []
    assert parts_of(lost, Separation(by="barcode"), {}) == []


def test_packed_pages_stay_packed() -> None:
    store = PageStore()
    for number, kind in enumerate("aSBa", 1):
        store.add(replace(page(number, kind), text=kind * 600_000))
    whole = replace(document("aSBa"), pages=store.pages())

    parts = parts_of(whole, Separation(by="barcode"), {})

    assert [[each.text[0] for each in part.document.pages] for part in parts] == [["a"], ["B", "a"]]
    assert [each.number for each in without_blank(whole).pages] == [1, 2, 4]


def test_blank_pages_are_left_out_unless_all_are_blank() -> None:
    assert [each.number for each in without_blank(document("aBaB")).pages] == [1, 3]
    assert len(without_blank(document("BB")).pages) == 2
    assert not without_blank(document("aa")).is_selection


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"separation": {"by": "barcode"}}, "separation.by"),
        ({"separation": {"by": "blank_page"}}, "separation.by"),
        ({"separation": {"by": "page_count"}}, "separation.by"),
        ({"separation": {"by": "barcode", "pattern": "("}, "codes": ["any"]}, "separation.pattern"),
    ],
)
def test_a_separation_that_could_never_happen_is_refused(
    values: dict[str, object], key: str
) -> None:
    assert [error.key for error in conflicts(Config(**values))] == [key]  # type: ignore[arg-type]


def test_each_part_has_the_fields_of_its_own_pages() -> None:
    whole = document("aSaa")
    found = [
        PageField("invoice", FieldValue(str(each.number), str(each.number), BOX, 0.9))
        for each in whole.pages
    ]
    pages = tuple(
        replace(each, fields=(own,)) for each, own in zip(whole.pages, found, strict=True)
    )
    rules = {"invoice": FieldRule(pattern="[0-9]+")}

    parts = parts_of(replace(whole, pages=pages), Separation(by="barcode"), rules)

    values = [[each.found.value for each in part.document.fields] for part in parts]
    assert values == [["1"], ["3"]]
