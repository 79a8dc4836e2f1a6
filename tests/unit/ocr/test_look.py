"""Overlays."""

import numpy as np
import pytest

from daemon.core.records import Block, Box, Cell, Page, PageText, Table, TextLine
from daemon.ocr.render import overlay

BOX = Box(60, 60, 160, 80)


def drawn(kind, table=None):
    """Which pixels of a white page are drawn on, for a page of one block."""
    page = Page(1, 300, 200, np.full((200, 300, 3), 255, np.uint8))
    block = Block((TextLine("text", 0.99, BOX, ()),), kind, table)
    text = PageText(
        number=1, width=300, height=200, dpi=None, rotation=0, skew=0.0, text_source="ocr",
        status="done", text="text", confidence=0.99, blocks=(block,),
    )  # fmt: skip
    return overlay.draw(page, text)


@pytest.mark.parametrize("kind", ["heading", "header", "footer", "table"])
def test_each_kind_of_block_has_its_own_colour(kind):
    assert not np.array_equal(drawn(kind), drawn("text"))


def test_the_cells_of_a_table_are_drawn_even_where_they_are_empty():
    cell = Cell(0, 1, 1, 1, Box(200, 60, 280, 90), ())
    table = Table(1, 2, (Cell(0, 0, 1, 1, Box(50, 50, 200, 90), (0,), "text"), cell))

    assert (drawn("table", table)[60:90, 205:280] < 255).any()
    assert (drawn("table")[60:90, 205:280] == 255).all()
