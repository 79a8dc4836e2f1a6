"""Recognition of drawn lines, alone and in batches, by both backends."""

from __future__ import annotations

import random
from dataclasses import replace

import cv2
import numpy as np
import pytest

from daemon.core.records import Box
from daemon.ocr import recognizer as recognizer_module
from daemon.ocr.recognizer import Recognizer
from daemon.ocr.records import LineCrop, RecognizedCharacter, RecognizedLine
from tests.support.running_daemon import SHIPPED, SHIPPED_ONNX

TEXTS = [
    "Invoice number 20417",
    "Total amount due: 1,250.00",
    "The quick brown fox jumps over the lazy dog",
    "Date 2024-03-15",
    "Please retain this receipt for your records and quote the number above",
]


def draw(text: str, scale: float = 1.0) -> LineCrop:
    """Draw `text` in black on white with OpenCV's own strokes."""
    font, thickness = cv2.FONT_HERSHEY_SIMPLEX, max(1, round(2 * scale))
    (width, height), below = cv2.getTextSize(text, font, scale, thickness)
    image = np.full((height + below + 12, width + 12), 255, np.uint8)
    cv2.putText(image, text, (6, height + 6), font, scale, 0, thickness, cv2.LINE_AA)
    return line(image)


def line(image: np.ndarray) -> LineCrop:
    return LineCrop(Box(0, 0, image.shape[1], image.shape[0]), image)


@pytest.fixture(scope="module")
def torchscript() -> Recognizer:
    return Recognizer.load(replace(SHIPPED, precision="fp32"))


@pytest.fixture(scope="module")
def onnx() -> Recognizer:
    return Recognizer.load(SHIPPED_ONNX)


@pytest.fixture(params=["torchscript", "onnx"])
def recognizer(request: pytest.FixtureRequest) -> Recognizer:
    return request.getfixturevalue(request.param)


def test_drawn_lines_are_read_in_their_order(recognizer: Recognizer):
    assert [reading.text for reading in recognizer.read([draw(text) for text in TEXTS])] == TEXTS


def test_both_backends_read_the_same(torchscript: Recognizer, onnx: Recognizer):
    lines = [draw(text, scale) for text in TEXTS for scale in (0.6, 1.0, 1.7)]

    one, other = torchscript.read(lines), onnx.read(lines)

    assert [reading.text for reading in one] == [reading.text for reading in other]
    np.testing.assert_allclose(
        [reading.confidence for reading in one],
        [reading.confidence for reading in other],
        atol=1e-3,
    )


def test_a_line_reads_alike_alone_and_in_a_batch(recognizer: Recognizer):
    lines = [draw(text, scale) for text in TEXTS for scale in (0.7, 1.0)] * 2
    random.Random(0).shuffle(lines)

    together = recognizer.read(lines)

    for reading, one in zip(together, lines, strict=True):
        (alone,) = recognizer.read([one])
        assert reading.text == alone.text
        assert reading.confidence == pytest.approx(alone.confidence, abs=1e-4)
        assert [character.left for character in reading.characters] == [
            character.left for character in alone.characters
        ]


def test_characters_spell_the_text_from_left_to_right(recognizer: Recognizer):
    (reading,) = recognizer.read([draw(TEXTS[2])])

    assert "".join(character.text for character in reading.characters) == reading.text
    edges = [edge for each in reading.characters for edge in (each.left, each.right)]
    assert edges == sorted(edges)
    assert 0 <= edges[0] < 0.1
    assert 0.9 < edges[-1] <= 1


@pytest.mark.parametrize("half", [0, 1])
def test_a_word_lies_in_the_half_where_it_was_drawn(recognizer: Recognizer, half: int):
    word, blank = draw("Total").image, np.full_like(draw("Total").image, 255)
    image = np.hstack([blank, word] if half else [word, blank])

    (reading,) = recognizer.read([line(image)])

    assert reading.text.strip() == "Total"
    places = [each for each in reading.characters if each.text != " "]
    assert half / 2 <= places[0].left
    assert places[-1].right <= (half + 1) / 2


def test_a_confidence_is_a_probability(recognizer: Recognizer):
    for reading in recognizer.read([draw(text) for text in TEXTS]):
        assert 0.8 < reading.confidence <= 1
        assert all(0 < each.confidence <= 1 for each in reading.characters)


@pytest.mark.parametrize("shape", [(0, 0), (0, 50), (50, 0), (1, 50), (50, 1), (1, 1)])
def test_a_crop_without_extent_has_no_text(recognizer: Recognizer, shape: tuple[int, int]):
    empty = line(np.zeros(shape, np.uint8))

    readings = recognizer.read([empty, draw(TEXTS[0]), empty])

    assert [reading.text for reading in readings] == ["", TEXTS[0], ""]
    assert readings[0] == RecognizedLine("", 0.0, ())


@pytest.mark.parametrize(("gray", "width"), [(255, 300), (240, 1000), (200, 60)])
def test_white_paper_has_no_text(recognizer: Recognizer, gray: int, width: int):
    assert recognizer.read([line(np.full((40, width), gray, np.uint8))])[0].text == ""


@pytest.mark.parametrize("shape", [(2, 2), (2, 30_000), (3000, 2)])
def test_odd_shapes_are_no_error(recognizer: Recognizer, shape: tuple[int, int]):
    noise = np.random.default_rng(0).integers(0, 256, shape, np.uint8)

    assert len(recognizer.read([line(noise)])) == 1


def test_no_lines_have_no_readings(recognizer: Recognizer):
    assert recognizer.read([]) == []


def test_the_recognizer_reports_its_name_and_precision(onnx: Recognizer):
    assert (onnx.name, onnx.weights.backend, onnx.artifact.precision) == (
        SHIPPED.file.stem,
        "onnxruntime",
        "fp32",
    )


@pytest.mark.parametrize(
    ("read", "published"),
    [
        ("‘‘I hope’’", "“I hope”"),
        ("''I hope''", '"I hope"'),
        ("the girls’ and the boys’", "the girls’ and the boys’"),
        ("‘‘‘Now’’’", "“‘Now”’"),
        ("‘’", "‘’"),
        ("’", "’"),
        ("", ""),
    ],
)
def test_two_single_quotation_marks_are_a_double_one(read: str, published: str) -> None:
    characters = [
        RecognizedCharacter(c, 0.9 - k / 100, k / 20, (k + 1) / 20) for k, c in enumerate(read)
    ]

    result = list(recognizer_module._with_double_quotes(characters))

    assert "".join(character.text for character in result) == published
    assert all(0 < character.right - character.left < 0.11 for character in result)
