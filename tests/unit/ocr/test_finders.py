"""Which finder looks for lines: the one that was named, or the second where reading is doubtful."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from daemon.core.options import Detector, Preprocessing
from daemon.ocr import pipeline
from tests.support.running_daemon import DETECTOR
from tests.unit.ocr.test_pipeline import RECIPE, Numbering, written


class Quads:
    """A network that finds one line, and says how often it was asked."""

    def __init__(self):
        self.asked = 0

    def quads(self, gray):
        self.asked += 1
        return np.array([[[40, 100], [240, 100], [240, 164], [40, 164]]], float)


class Doubting(Numbering):
    """Sure of lines as high as those of Quads, and of no others."""

    def read(self, lines):
        sure = [self.reading("what the network found, at length and surely")] * len(lines)
        doubtful = super().read(lines)
        return [
            s if x.image.shape[0] == 64 else d
            for x, s, d in zip(lines, sure, doubtful, strict=True)
        ]

    def reading(self, text):
        self.confidence = 0.95 if len(text) > 3 else 0.5
        return super().reading(text)


def recipe_with(segmenter):
    return dataclasses.replace(
        RECIPE, segmenter=segmenter, preprocessing=Preprocessing(auto_rotate=False)
    )


def test_a_page_that_reads_surely_is_not_looked_at_again():
    network = Quads()

    pipeline.Pipeline(recipe_with("auto"), Numbering(0.95), network).read_page(written())

    assert network.asked == 0


def test_a_page_that_reads_badly_is_looked_at_by_the_network():
    network = Quads()

    text = pipeline.Pipeline(recipe_with("auto"), Doubting(), network).read_page(written())

    assert network.asked == 1
    assert text.text == "what the network found, at length and surely"


def test_what_tells_more_is_kept_though_the_network_was_asked():
    network = Quads()

    text = pipeline.Pipeline(recipe_with("auto"), Numbering(0.8), network).read_page(written())

    assert network.asked == 1
    assert len([line for block in text.blocks for line in block.lines]) == 2


def test_a_page_of_ink_without_lines_is_looked_at_and_a_blank_one_is_not():
    network = Quads()
    reader = pipeline.Pipeline(recipe_with("auto"), Doubting(), network)
    stained, grainy = written(lines=0), written(lines=0)
    stained.image[100:300, 100:300] = 90
    grain = np.random.default_rng(0).normal(240, 4, grainy.image.shape)
    grainy.image[:] = grain.clip(0, 255)

    reader.read_page(written(lines=0))
    reader.read_page(grainy)
    assert network.asked == 0
    reader.read_page(stained)
    assert network.asked == 1


@pytest.mark.parametrize(("segmenter", "asked"), [("opencv", 0), ("dbnet", 1)])
def test_the_finder_that_was_named_finds_alone(segmenter, asked):
    network = Quads()

    pipeline.Pipeline(recipe_with(segmenter), Doubting(), network).read_page(written())

    assert network.asked == asked


def test_another_recipe_reads_by_the_same_networks_and_loads_what_it_needs_besides():
    first = pipeline.Pipeline(recipe_with("opencv"), Numbering(0.95))
    there = Detector(file=Path(DETECTOR["file"]))
    asks = dataclasses.replace(recipe_with("dbnet"), detector=there)

    other = first.with_recipe(asks)
    third = first.with_recipe(asks)

    assert other.recognizer is first.recognizer
    assert other.detector is third.detector is not None
    assert other.recipe.segmenter == "dbnet"
