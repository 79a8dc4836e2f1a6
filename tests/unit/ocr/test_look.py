"""Overlays."""

from typing import get_args

import numpy as np
import pytest

from daemon.core.records import (
    Block,
    BlockKind,
    Box,
    Cell,
    Page,
    PageText,
    Table,
    TextLine,
    UnreadRegion,
)
from daemon.ocr.render import overlay

BOX = Box(60, 60, 160, 80)


def drawn(kind, table=None, unread=()):
    """Return a white page on which one block is drawn."""
    page = Page(1, 300, 200, np.full((200, 300, 3), 255, np.uint8))
    block = Block((TextLine("text", 0.99, BOX, ()),), kind, table)
    text = PageText(
        number=1, width=300, height=200, dpi=None, rotation=0, skew=0.0, text_source="ocr",
        status="done", text="text", confidence=0.99, blocks=(block,), unread=unread,
    )  # fmt: skip
    return overlay.draw(page, text)


@pytest.mark.parametrize("kind", [kind for kind in get_args(BlockKind) if kind != "text"])
def test_each_kind_of_block_has_its_own_colour(kind):
    assert not np.array_equal(drawn(kind), drawn("text"))


def test_the_cells_of_a_table_are_drawn_even_where_they_are_empty():
    cell = Cell(0, 1, 1, 1, Box(200, 60, 280, 90), ())
    table = Table(1, 2, (Cell(0, 0, 1, 1, Box(50, 50, 200, 90), (0,), "text"), cell))

    assert (drawn("table", table)[60:90, 205:280] < 255).any()
    assert (drawn("table")[60:90, 205:280] == 255).all()


def test_an_unread_region_is_dashed():
    region = UnreadRegion(Box(40, 120, 240, 180), "too_small")

    added = (drawn("text", unread=(region,)) != drawn("text")).any(axis=2)

    for side in (added[120, 40:240], added[180, 40:240], added[120:180, 40], added[120:180, 240]):
        assert 0.2 < side.mean() < 0.9  # dashes and gaps
    assert not added[130:170, 50:230].any()


@pytest.mark.parametrize(
    "box", [Box(0, 0, 300, 200), Box(299, 199, 300, 200), Box(10, 10, 10, 10), Box(0, 90, 300, 91)]
)
def test_a_region_of_any_shape_is_marked(box):
    region = UnreadRegion(box, "not_legible")

    assert (drawn("text", unread=(region,)) != drawn("text")).any()
