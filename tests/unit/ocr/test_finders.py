"""Choice of the segmenter: the network, the ink, or both united by place."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from daemon.core.options import Detector, Preprocessing
from daemon.ocr import pipeline
from daemon.ocr.segment import quads
from daemon.ocr.segment.dbnet import Detection
from tests.support.running_daemon import DETECTOR
from tests.unit.ocr.test_pipeline import RECIPE, LineHeightRecognizer, written


class StubDetector:
    """A detector that sees the two written lines as one core each, and one where no ink is."""

    lines = ((30, 45, 350, 90), (30, 105, 350, 150), (40, 300, 240, 364))

    def __init__(self):
        self.calls = 0

    def detect(self, gray):
        self.calls += 1
        probability = np.zeros(gray.shape, np.float32)
        for left, top, right, bottom in self.lines:
            probability[top:bottom, left:right] = 0.9
        rects = np.array(self.lines, float)
        return Detection(quads.of_rects(rects), np.full(3, 0.9), probability, 1.0)

    def probability(self, gray):
        return np.zeros(gray.shape, np.float32)  # of what is left of the page: nothing

    def detect_enlarged(self, gray, box):
        return np.zeros((0, 4, 2))


def recipe_with(segmenter):
    return dataclasses.replace(
        RECIPE, segmenter=segmenter, preprocessing=Preprocessing(auto_rotate=False)
    )


def tops_of(text):
    return [line.box.top for block in text.blocks for line in block.lines]


@pytest.mark.parametrize(("segmenter", "calls"), [("auto", 1), ("opencv", 0), ("dbnet", 1)])
def test_the_detector_sees_every_page_unless_the_ink_alone_is_wanted(segmenter, calls):
    network = StubDetector()

    pipeline.Pipeline(recipe_with(segmenter), LineHeightRecognizer(0.99), network).read_page(
        written()
    )

    assert network.calls == calls


@pytest.mark.parametrize(
    ("segmenter", "tops"),
    [
        ("opencv", [56, 116]),  # the ink
        ("dbnet", [56, 116, 300]),  # the network, moved inwards to its ink
        ("auto", [56, 116, 300]),  # the ink where it explains the network, else the network
    ],
)
def test_the_lines_are_those_of_the_ink_or_of_the_network_or_both(segmenter, tops):
    reader = pipeline.Pipeline(recipe_with(segmenter), LineHeightRecognizer(0.95), StubDetector())

    assert tops_of(reader.read_page(written())) == pytest.approx(tops, abs=5)


def test_ink_that_the_network_does_not_take_for_text_is_no_line():
    page = written(lines=4)
    reader = pipeline.Pipeline(recipe_with("auto"), LineHeightRecognizer(0.95), StubDetector())

    assert tops_of(reader.read_page(page)) == pytest.approx([56, 116, 300], abs=5)


def test_without_a_network_the_lines_are_those_of_the_ink():
    reader = pipeline.Pipeline(recipe_with("auto"), LineHeightRecognizer(0.95))

    assert len(tops_of(reader.read_page(written(lines=4)))) == 4


def test_another_recipe_shares_the_networks_and_loads_what_is_missing():
    first = pipeline.Pipeline(recipe_with("opencv"), LineHeightRecognizer(0.95))
    there = Detector(file=Path(DETECTOR["file"]))
    asks = dataclasses.replace(recipe_with("dbnet"), detector=there)

    other = first.with_recipe(asks)
    third = first.with_recipe(asks)

    assert other.recognizer is first.recognizer
    assert other.detector is third.detector is not None
    assert other.recipe.segmenter == "dbnet"


def test_with_the_ink_alone_no_network_looks_again():
    class Never:
        def __getattr__(self, name):
            raise AssertionError(name)

    reader = pipeline.Pipeline(recipe_with("opencv"), LineHeightRecognizer(0.3), Never())

    assert tops_of(reader.read_page(written())) == []
