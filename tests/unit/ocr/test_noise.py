"""Pages of noise end: what is compared and read is bounded, and what is left out is said.

The tests count comparisons and readings, which a slow processor does not change.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from daemon.core.options import Recipe, Weights
from daemon.core.records import Box, Page
from daemon.ocr import legibility, pipeline, segment
from daemon.ocr.recognizer import Recognizer
from daemon.ocr.records import LineCrop, RecognizedCharacter, RecognizedLine
from daemon.ocr.segment import TextDetector, lines, rects, vertical, words
from tests.support.running_daemon import DETECTOR, SHIPPED_ONNX
from tests.support.samples import text_page

HEIGHT, WIDTH = 1000, 700
RECIPE = Recipe(weights=Weights(file=Path("none.pt")), segmenter="opencv")


class CountingRecognizer:
    """Reads each line as `text` and counts them."""

    precision = "fp32"

    def __init__(self, text: str, confidence: float = 0.95) -> None:
        self.text, self.confidence, self.count = text, confidence, 0

    def read(self, crops: Any) -> list[RecognizedLine]:
        self.count += len(crops)
        characters = tuple(RecognizedCharacter(c, self.confidence, 0.0, 1.0) for c in self.text)
        return [RecognizedLine(self.text, self.confidence, characters) for _ in crops]


def specks(count: int, radius: int, seed: int = 1) -> Any:
    """A page of so many dots."""
    chance = np.random.default_rng(seed)
    image = np.full((HEIGHT, WIDTH), 255, np.uint8)
    places = chance.integers(radius, (WIDTH - radius, HEIGHT - radius), (count, 2))
    for x, y in places.tolist():
        cv2.circle(image, (x, y), radius, (0,), -1)
    return image


def marks(columns: int, rows: int) -> Any:
    """A page of marks in rows that stand too far apart to be words of one line."""
    image = np.full((rows * 40 + 40, columns * 100 + 40), 255, np.uint8)
    for row in range(rows):
        for column in range(columns):
            left, top = 30 + 100 * column, 30 + 40 * row
            cv2.rectangle(image, (left, top), (left + 14, top + 14), (0,), 2)
            cv2.line(image, (left, top), (left + 14, top + 14), (0,), 2)
    return image


def salt(share: float, size: int, seed: int = 1) -> Any:
    """A page with this share of black squares of so many pixels."""
    chance = np.random.default_rng(seed)
    small = (chance.random((HEIGHT // size, WIDTH // size)) < share).astype(np.uint8)
    ink = cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST)
    return np.where(ink > 0, 0, 255).astype(np.uint8)


def halftone(pitch: int) -> Any:
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    wave = np.sin(2 * np.pi * (x + y) / pitch) * np.sin(2 * np.pi * (x - y) / pitch)
    return np.where((wave + 1) / 2 < x / WIDTH, 0, 255).astype(np.uint8)


def uniform() -> Any:
    return np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)


NOISE = {
    "uniform": uniform,
    **{f"salt {share}": partial(salt, share, 1) for share in (0.01, 0.03, 0.1, 0.3, 0.5)},
    **{f"salt {share} of 2": partial(salt, share, 2) for share in (0.02, 0.05, 0.15)},
    "10 000 dots": partial(specks, 10_000, 1),
    "1 500 dots": partial(specks, 1_500, 3),
    "halftone": partial(halftone, 9),
    "checkerboard": lambda: np.kron(np.indices((125, 87)).sum(0) % 2, np.full((8, 8), 255)).astype(
        np.uint8
    ),
}


@pytest.mark.parametrize("noise", NOISE)
def test_a_page_of_noise_compares_its_marks_with_those_beside_them_only(
    noise: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = []
    for module in (lines, words):

        def counted(predicate: Any, first: Any, second: Any) -> Any:
            def counting(a: Any, b: Any) -> Any:
                compared.append(len(a) * len(b))
                return predicate(a, b)

            return rects.pairs_where(counting, first, second)

        monkeypatch.setattr(module, "pairs_where", counted)

    segment._ink_lines(NOISE[noise]())

    assert sum(compared) <= 30e6  # 8 000 words compared with each other six times are 380e6


@pytest.mark.parametrize("noise", ["uniform", "salt 0.05 of 2", "halftone"])
def test_a_page_of_noise_reads_few_places_and_says_how_many_it_left(noise: str) -> None:
    image = NOISE[noise]()
    recognizer = CountingRecognizer(".")
    reading = pipeline.Pipeline(RECIPE, recognizer)  # type: ignore[arg-type]

    text = reading.read_page(Page(1, WIDTH, HEIGHT, image))

    limit = legibility.MANY_LINES * 2 + legibility.MANY_COLUMNS + 3 * legibility.SAMPLE
    assert recognizer.count <= limit
    assert text.status == "done" or text.failure is not None


def test_of_very_many_marks_a_sample_is_read_and_the_page_says_so() -> None:
    image = marks(30, 30)
    recognizer = CountingRecognizer(".")
    reading = pipeline.Pipeline(RECIPE, recognizer)  # type: ignore[arg-type]

    text = reading.read_page(Page(1, image.shape[1], image.shape[0], image))

    assert recognizer.count <= 4 * legibility.SAMPLE + 2 * legibility.LIKELIEST
    assert (text.status, text.text) == ("partial", "")
    assert text.failure is not None
    assert text.failure.kind == "unread"
    assert text.failure.message.startswith("900 places look like lines of text")


def test_very_many_lines_that_can_be_read_are_all_read() -> None:
    image = marks(30, 30)
    recognizer = CountingRecognizer("7")
    reading = pipeline.Pipeline(RECIPE, recognizer)  # type: ignore[arg-type]

    text = reading.read_page(Page(1, image.shape[1], image.shape[0], image))

    assert recognizer.count >= 900
    assert text.text.count("7") == 900


def test_of_very_many_marks_the_largest_are_tried_and_all_are_kept_in_their_order() -> None:
    sizes = [(20, width) for width in (30, 400, 31, 32, 500)] * 100
    crops = [
        LineCrop(Box(0, k, 1, k + 1), np.zeros(size, np.uint8)) for k, size in enumerate(sizes)
    ]

    likely, others = legibility.likeliest(crops)

    assert len(likely) == legibility.LIKELIEST
    assert {crop.image.shape[1] for crop in likely} == {400, 500}
    assert len(likely) + len(others) == len(crops)
    assert [crop.box.top for crop in others] == sorted(crop.box.top for crop in others)


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.04, 0.05])
def test_text_beside_noise_is_read_and_the_page_says_what_was_not(share: float) -> None:
    said = [f"The line of words with the number {k} stays legible" for k in range(12)]
    gray = text_page(said, width=2480, height=3508)
    chance = np.random.default_rng(1)
    small = (chance.random((650, 620)) < share).astype(np.uint8)
    gray[908:] &= 255 - 255 * cv2.resize(small, (2480, 2600), interpolation=cv2.INTER_NEAREST)
    detector = TextDetector.load(Path(DETECTOR["file"]))
    recipe = Recipe(weights=SHIPPED_ONNX)
    reading = pipeline.Pipeline(recipe, Recognizer.load(SHIPPED_ONNX), detector)

    text = reading.read_page(Page(1, 2480, 3508, gray))

    assert text.text.count("of words with the number") == len(said)
    assert text.status == "partial"
    assert text.failure is not None
    assert "only the largest of the others were tried" in text.failure.message


def test_a_page_with_fewer_lines_is_read_without_a_sample() -> None:
    image = marks(20, 20)
    recognizer = CountingRecognizer(".")
    reading = pipeline.Pipeline(RECIPE, recognizer)  # type: ignore[arg-type]

    text = reading.read_page(Page(1, image.shape[1], image.shape[0], image))

    assert recognizer.count >= 400
    assert text.failure is None or "tried" not in text.failure.message


def test_short_columns_are_looked_for_in_a_bounded_number_of_places(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chance = np.random.default_rng(1)
    corners = chance.integers(0, 3000, (12_000, 2))
    parts = np.concatenate([corners, corners + 12], axis=1).astype(np.int32)
    groups = np.array([[100, 100, 112, 400], [140, 100, 152, 400]], np.int32)
    calls, absorb = [], vertical._absorb

    def counted(*args: Any) -> Any:
        calls.append(args)
        return absorb(*args)

    monkeypatch.setattr(vertical, "_absorb", counted)

    vertical._join_columns(parts, groups, np.zeros(len(parts), bool))

    assert len(calls) * len(parts) <= 1.1 * vertical._MAX_COMPARED


def random_rects(count: int, seed: int) -> Any:
    chance = np.random.default_rng(seed)
    corner = chance.integers(0, 900, (count, 2))
    size = chance.integers(1, 60, (count, 2))
    size[: count // 20] *= 10  # some are very high or wide
    return np.concatenate([corner, corner + size], axis=1).astype(np.int32)


PREDICATES = {
    "spaced": lines._is_spaced_follower,
    "within": lines._is_within,
    "adjacent": partial(words._is_adjacent, size=2.0),
    "before": partial(words._is_in_row, precedes=True),
    "after": partial(words._is_in_row, precedes=False),
}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("predicate", PREDICATES)
def test_the_pairs_are_those_of_comparing_each_with_each(predicate: str, seed: int) -> None:
    first, second = random_rects(700, seed), random_rects(500, seed + 10)

    found = rects.pairs_where(PREDICATES[predicate], first, second)

    assert found.tolist() == np.argwhere(PREDICATES[predicate](first, second)).tolist()


@pytest.mark.parametrize("seed", range(4))
def test_the_neighbours_of_words_are_those_of_comparing_each_with_each(seed: int) -> None:
    core = random_rects(600, seed)
    core[::7, 0] = core[0, 0]  # words that begin in one place
    numbered = np.column_stack([core, np.arange(len(core))])

    found = lines._neighbours(core)

    assert found.tolist() == np.argwhere(lines._is_follower(numbered, numbered)).tolist()


def test_no_rectangles_have_no_pairs() -> None:
    nothing = np.empty((0, 4), np.int32)

    assert rects.pairs_where(lines._is_within, nothing, random_rects(5, 1)).shape == (0, 2)
    assert rects.pairs_where(lines._is_within, random_rects(5, 1), nothing).shape == (0, 2)
