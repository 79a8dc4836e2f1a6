"""The shape of a network, as text in the model card."""

from __future__ import annotations

import pytest

from daemon.ocr.model.card import Framing, ModelCard
from daemon.ocr.model.shape import NARROW, WIDE, BlockShape, NetworkShape


def test_a_block_has_channels_kernel_strides_and_attention() -> None:
    shape = NetworkShape.parse("8 16/3/1x2 32/5/4x1/attends pool/2x1")

    assert shape.stem_channels == 8
    assert shape.blocks == (BlockShape(16, 3, 1, 2, False), BlockShape(32, 5, 4, 1, True))
    assert (shape.pool, shape.height) == ((2, 1), 16)


@pytest.mark.parametrize(("name", "text"), [("wide", WIDE), ("narrow", NARROW)])
def test_the_named_shapes_read_lines_of_32_rows(name: str, text: str) -> None:
    assert NetworkShape.parse(name) == NetworkShape.parse(text)
    assert NetworkShape.parse(name).height == 32


@pytest.mark.parametrize(
    "text", ["", "16", "16 32/3", "16 32 pool/2x2", "x 32/3 pool/2x2", "16 32/3 pool/2x1", "tall"]
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a network shape|columns per step"):
        NetworkShape.parse(text)


def test_a_card_without_a_shape_has_the_first_one() -> None:
    card = ModelCard(name="a", source="b", licence="c", framing=Framing())
    old = card.to_json().replace(f',\n "network": "{WIDE}"', "")

    assert old != card.to_json()
    assert ModelCard.from_json(old).shape == NetworkShape.parse(WIDE)


def test_a_card_with_an_invalid_shape_is_refused() -> None:
    card = ModelCard(name="a", source="b", licence="c", framing=Framing())

    with pytest.raises(ValueError, match="not a network shape"):
        ModelCard.from_json(card.to_json().replace(WIDE, "tall"))
