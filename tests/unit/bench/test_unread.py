"""What becomes of planted losses, and false alarms. Drawn in the font that Pillow contains."""

import io
from collections import Counter
from functools import lru_cache

import numpy as np
import pytest
from PIL import Image, ImageFont

from bench import drawn_pages, planted_losses
from bench.planted_losses import CLEAN, LOSSES, PAPER, PlantedLine, clean, planted
from bench.unread import AlarmTotals, LossTotals, covered, verdict
from daemon.core.records import Block, Box, PageText, TextLine, UnreadRegion

face = lru_cache(lambda name, size: ImageFont.load_default(size))
PLACE = (100, 100, 300, 120)


@pytest.fixture(autouse=True)
def _font(monkeypatch):
    for module in (drawn_pages, planted_losses):
        monkeypatch.setattr(module, "font_face", face)


def page(*lines, unread=(), status="done"):
    block = Block(tuple(TextLine(text, 0.9, Box(*box), ()) for text, box in lines))
    regions = tuple(UnreadRegion(Box(*box), "low_confidence") for box in unread)
    return PageText(
        number=1, width=1240, height=1754, dpi=None, rotation=0, skew=0.0, text_source="ocr",
        status=status, text="\n".join(text for text, _ in lines), confidence=0.9,
        blocks=(block,), unread=regions,
    )  # fmt: skip


def test_a_line_is_read_where_a_fifth_of_its_characters_is_wrong_at_most():
    line = PlantedLine(PLACE, "abcde")

    assert verdict(line, page(("abcdx", PLACE))) == ("read", None)
    assert verdict(line, page(("abcxx", PLACE))) == ("misread", 0.9)


def test_the_same_text_elsewhere_on_the_page_is_not_the_planted_line():
    line = PlantedLine(PLACE, "abcde")

    assert verdict(line, page(("abcde", (100, 400, 300, 420)))) == ("missing", None)


def test_a_line_in_pieces_is_read_together():
    pieces = ("abc", (100, 100, 180, 120)), ("de", (200, 100, 300, 120))

    assert verdict(PlantedLine(PLACE, "abc de"), page(*pieces)) == ("read", None)


@pytest.mark.parametrize(("right", "expected"), [(180, "listed"), (178, "missing")])
def test_regions_that_cover_two_fifths_of_a_line_list_it(right, expected):
    found = verdict(PlantedLine(PLACE, None), page(unread=[(100, 100, right, 120)]))

    assert found == (expected, None)


def test_a_line_that_nobody_can_tell_is_never_read():
    assert verdict(PlantedLine(PLACE, None), page(("abc", PLACE))) == ("misread", 0.9)


def test_boxes_outside_cover_nothing():
    assert covered(PLACE, [Box(0, 0, 100, 100), Box(300, 120, 400, 200)]) == 0


def test_read_and_listed_lines_are_hits():
    totals = LossTotals()
    for line in (("abc", PLACE),), ():
        name, confidence = verdict(PlantedLine(PLACE, "abc"), page(*line))
        totals.add(LossTotals(Counter({name: 1}), [confidence] if confidence else [], 0, 1))

    assert (totals.hits, totals.pages) == (0.5, 2)


def test_a_page_with_a_region_and_a_partial_page_are_false_alarms():
    totals = AlarmTotals()

    alarms = [totals.add(each) for each in (page(), page(unread=[PLACE]), page(status="partial"))]

    assert alarms == [False, True, True]
    assert (totals.pages, totals.with_regions, totals.partial) == (3, 1, 1)


@pytest.mark.slow
@pytest.mark.parametrize("kind", LOSSES)
def test_planted_lines_lie_on_the_page_and_differ_from_the_paper(kind):
    drawn = planted(kind, 3)

    pixels = np.asarray(Image.open(io.BytesIO(drawn.file)).convert("L"), int)
    assert drawn.lines
    for left, top, right, bottom in (line.box for line in drawn.lines):
        assert 0 <= left < right <= pixels.shape[1]
        assert 0 <= top < bottom <= pixels.shape[0]
        assert abs(pixels[top:bottom, left:right] - PAPER[1]).max() >= 3


@pytest.mark.slow
def test_faint_text_is_as_faint_as_its_kind_says():
    drawn = planted("faint-3-to-5", 3)

    pixels = np.asarray(Image.open(io.BytesIO(drawn.file)).convert("RGB"), int)
    left, top, right, bottom = drawn.lines[0].box
    assert 3 <= (PAPER[0] - pixels[top:bottom, left:right, 0]).max() <= 5


@pytest.mark.slow
def test_a_page_is_the_same_in_every_run():
    assert planted("scribble", 1).file == planted("scribble", 1).file
    assert planted("scribble", 1).file != planted("scribble", 2).file


@pytest.mark.slow
@pytest.mark.parametrize("kind", CLEAN)
def test_pages_without_a_loss_have_no_planted_lines(kind):
    assert clean(kind, 1).lines == ()
