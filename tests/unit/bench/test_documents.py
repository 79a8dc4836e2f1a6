"""The benchmark of derived outputs: what it counts, and its short form on a drawn page."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import pytest
from PIL import ImageFont

from bench import documents, drawn_documents, drawn_pages, drawn_tables
from bench.drawn_documents import Heading, Item, Paragraph
from bench.parsed_back import from_markdown, table_of
from bench.readers import OurPipeline
from bench.table_structure import shipped_recipe

DRAWN = [
    Heading(1, "Title"),
    Item("Open", "bullet"),
    Item("Closed", "bullet", 1),
    Heading(2, "Two"),
]


def compared(*found: drawn_documents.Element) -> documents.Result:
    result = documents.Result.empty()
    result.add(DRAWN, found, spans=True)
    return result


def test_what_comes_back_as_it_was_counts_fully() -> None:
    result = compared(*DRAWN)

    assert (result.headings.f1, result.items.f1, result.headings.levels) == (1.0, 1.0, 2)


@pytest.mark.parametrize(
    ("found", "headings", "items"),
    [
        ([DRAWN[0], *DRAWN[1:3]], 2 / 3, 1.0),  # a heading is missing
        ([Paragraph("Title"), *DRAWN[1:]], 2 / 3, 1.0),
        ([DRAWN[3], *DRAWN[1:3], DRAWN[0]], 0.5, 1.0),  # the order is wrong
        ([DRAWN[0], DRAWN[1], Item("Closed", "bullet", 0), DRAWN[3]], 1.0, 0.5),
        ([DRAWN[0], Item("Open", "number"), DRAWN[2], DRAWN[3]], 1.0, 0.5),
        ([*DRAWN, Heading(2, "Invented")], 0.8, 1.0),
    ],
)  # fmt: skip
def test_what_is_missing_invented_or_elsewhere_costs(
    found: list[drawn_documents.Element], headings: float, items: float
) -> None:
    result = compared(*found)

    assert (result.headings.f1, result.items.f1) == (pytest.approx(headings), pytest.approx(items))


def test_a_cell_counts_where_it_belongs() -> None:
    cells = documents.Cells()
    cells.add(table_of([["a", "b"], ["c", ""]]), table_of([["a", "c"], ["b", ""]]))
    cells.add(table_of([["d"]]), None)

    assert (cells.right, cells.drawn) == (2, 5)


def test_markdown_is_parsed_into_elements() -> None:
    text = "# Title\n\nText\n\n- Open\n  1. Closed\n\n| a |\n| --- |\n| b |\n"

    assert from_markdown(text) == [
        Heading(1, "Title"), Paragraph("Text"), Item("Open", "bullet"), Item("Closed", "number", 1),
        table_of([["a"], ["b"]]),
    ]  # fmt: skip


@pytest.mark.slow
def test_a_drawn_document_comes_back_from_every_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    face = lru_cache(lambda name, size: ImageFont.load_default(size))
    for module in (drawn_pages, drawn_tables):
        monkeypatch.setattr(module, "font_face", face)
    read, measured = OurPipeline(shipped_recipe(None)).load(), documents.Measured()

    drawn = drawn_documents.drawn(4)  # headings, a list with numbers, a table
    file = tmp_path / f"{drawn.name}.jpg"
    file.write_bytes(drawn.file)
    measured.add(drawn.name, drawn.elements, read(file).page, tmp_path)

    assert measured.markdown.score >= 0.9
    assert measured.docx.score >= 0.9
    assert measured.csv.right == measured.xlsx.right >= 0.93 * measured.csv.drawn
