"""Drawn tables: their truth fits what is drawn. Drawn in the font that Pillow contains."""

import io
from functools import lru_cache

import pytest
from PIL import Image, ImageFont

from bench import drawn_pages, drawn_tables
from bench.table_structure import TableTotals

face = lru_cache(lambda name, size: ImageFont.load_default(size))


@pytest.fixture(autouse=True)
def _font(monkeypatch):
    for module in (drawn_pages, drawn_tables):
        monkeypatch.setattr(module, "font_face", face)


@pytest.mark.slow
@pytest.mark.parametrize("kind", drawn_tables.KINDS)
def test_the_cells_of_a_drawn_table_fill_it_and_contain_its_lines(kind):
    page = drawn_tables.drawn(kind, 1)

    (table,) = page.tables
    units = [
        (row, column)
        for cell in table.cells
        for row in range(cell.row, cell.row + cell.row_span)
        for column in range(cell.column, cell.column + cell.column_span)
    ]
    assert sorted(units) == [(r, c) for r in range(table.rows) for c in range(table.columns)]
    texts = "".join(text for text, _ in page.lines).replace(" ", "")
    assert all(cell.text.replace(" ", "") in texts for cell in table.cells)
    width, height = Image.open(io.BytesIO(page.file)).size
    assert all(0 <= x <= width and 0 <= y <= height for _, at in page.lines for x, y in at)


@pytest.mark.slow
@pytest.mark.parametrize("kind", drawn_tables.NO_TABLES)
def test_a_page_of_the_other_kinds_has_lines_and_no_table(kind):
    page = drawn_tables.drawn(kind, 1)

    assert page.tables == ()
    assert len(page.lines) >= 8


@pytest.mark.slow
def test_a_page_is_the_same_in_every_run():
    assert drawn_tables.drawn("words", 3).file == drawn_tables.drawn("words", 3).file


@pytest.mark.slow
def test_a_table_that_is_not_found_scores_zero_and_one_too_many_is_false():
    page, other = drawn_tables.drawn("numeric", 1), drawn_tables.drawn("numeric", 2)
    totals = TableTotals()

    totals.add(page.tables, [])
    totals.add([], other.tables)
    totals.add(page.tables, page.tables)

    assert (totals.true, totals.found, totals.false, totals.teds) == (2, 1, 1, 1.0)
