"""Choice of the segmenter: the configured one, or the text detector where lines read badly."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from daemon.core.options import Detector, Preprocessing
from daemon.ocr import pipeline
from tests.support.running_daemon import DETECTOR
from tests.unit.ocr.test_pipeline import RECIPE, LineHeightRecognizer, written


class StubDetector:
    """A detector that finds one line and counts its calls."""

    def __init__(self):
        self.calls = 0

    def quads(self, gray):
        self.calls += 1
        return np.array([[[40, 100], [240, 100], [240, 164], [40, 164]]], float)


class UnsureRecognizer(LineHeightRecognizer):
    """Confident only for lines as high as those of the stub detector."""

    def read(self, lines):
        confident = [self.reading("what the network found, at length and surely")] * len(lines)
        doubtful = super().read(lines)
        return [
            s if x.image.shape[0] == 64 else d
            for x, s, d in zip(lines, confident, doubtful, strict=True)
        ]

    def reading(self, text):
        self.confidence = 0.95 if len(text) > 3 else 0.5
        return super().reading(text)


def recipe_with(segmenter):
    return dataclasses.replace(
        RECIPE, segmenter=segmenter, preprocessing=Preprocessing(auto_rotate=False)
    )


def test_a_page_read_with_high_confidence_is_not_passed_to_the_detector():
    network = StubDetector()

    pipeline.Pipeline(recipe_with("auto"), LineHeightRecognizer(0.95), network).read_page(written())

    assert network.calls == 0


def test_a_page_that_reads_badly_is_passed_to_the_detector():
    network = StubDetector()

    text = pipeline.Pipeline(recipe_with("auto"), UnsureRecognizer(), network).read_page(written())

    assert network.calls == 1
    assert text.text == "what the network found, at length and surely"


def test_the_lines_with_more_evidence_are_used_even_after_the_detector_ran():
    network = StubDetector()

    text = pipeline.Pipeline(recipe_with("auto"), LineHeightRecognizer(0.8), network).read_page(
        written()
    )

    assert network.calls == 1
    assert len([line for block in text.blocks for line in block.lines]) == 2


def test_a_page_of_ink_without_lines_is_passed_to_the_detector_and_a_blank_one_is_not():
    network = StubDetector()
    reader = pipeline.Pipeline(recipe_with("auto"), UnsureRecognizer(), network)
    stained, grainy = written(lines=0), written(lines=0)
    stained.image[100:300, 100:300] = 90
    grain = np.random.default_rng(0).normal(240, 4, grainy.image.shape)
    grainy.image[:] = grain.clip(0, 255)

    reader.read_page(written(lines=0))
    reader.read_page(grainy)
    assert network.calls == 0
    reader.read_page(stained)
    assert network.calls == 1


@pytest.mark.parametrize(("segmenter", "calls"), [("opencv", 0), ("dbnet", 1)])
def test_the_configured_segmenter_is_the_only_one_used(segmenter, calls):
    network = StubDetector()

    pipeline.Pipeline(recipe_with(segmenter), UnsureRecognizer(), network).read_page(written())

    assert network.calls == calls


def test_another_recipe_shares_the_networks_and_loads_what_is_missing():
    first = pipeline.Pipeline(recipe_with("opencv"), LineHeightRecognizer(0.95))
    there = Detector(file=Path(DETECTOR["file"]))
    asks = dataclasses.replace(recipe_with("dbnet"), detector=there)

    other = first.with_recipe(asks)
    third = first.with_recipe(asks)

    assert other.recognizer is first.recognizer
    assert other.detector is third.detector is not None
    assert other.recipe.segmenter == "dbnet"
