"""Lines that extend over several cells are cut at wide gaps, others are not."""

import numpy as np
import pytest

from daemon.core.records import Box
from daemon.ocr import pipeline
from daemon.ocr.assemble import gaps
from daemon.ocr.records import LineCrop, RecognizedCharacter, RecognizedLine, RulingLines

HEIGHT, PITCH = 30, 12
NONE = RulingLines()


def line(text, left=0, top=0):
    """A line whose characters are bars on a pitch of half its height; `_` is a blank."""
    width = PITCH * len(text)
    image = np.full((HEIGHT, width), 250, np.uint8)
    characters = []
    for k, character in enumerate(text):
        if character == "_":
            continue
        if character != " ":
            image[6:24, PITCH * k + 1 : PITCH * k + 11] = 20
        characters.append(
            RecognizedCharacter(character, 0.9, PITCH * k / width, PITCH * (k + 1) / width)
        )
    box = Box(left, top, left + width, top + HEIGHT)
    read = "".join(character.text for character in characters)
    return LineCrop(box, image), RecognizedLine(read, 0.9, tuple(characters))


def texts(parts):
    return [reading.text for _, reading in parts]


@pytest.mark.parametrize("blank", ["__", "_ _", "____"])
def test_a_line_is_cut_in_the_middle_of_its_wide_gaps(blank):
    crop, reading = line(f"ab c{blank}de{blank}f")

    parts = gaps.cut(crop, reading, gaps.find(crop, reading, NONE))

    assert texts(parts) == ["ab c", "de", "f"]
    for part, read in parts:
        assert part.image.shape == (HEIGHT, part.box.right - part.box.left)
        assert (part.image[15] < 100).any()
        starts = [round(c.left * part.image.shape[1]) for c in read.characters if c.text != " "]
        assert all(part.image[15, start + 4] < 100 for start in starts)


def test_the_space_between_two_words_is_no_gap():
    crop, reading = line("ab cd ef")

    assert gaps.find(crop, reading, NONE) == []


def test_the_blank_half_of_a_chinese_comma_is_no_gap_but_a_wider_one_is():
    assert gaps.find(*line("年报，__上半"), NONE) == []
    assert len(gaps.find(*line("年报，____上半"), NONE)) == 1


def test_a_rule_in_a_gap_does_not_end_it_but_a_broad_bar_does():
    crop, reading = line("ab__cd")
    crop.image[:, 35:37] = 20
    rule, bar = (RulingLines((), (Box(35, 0, right, 30),)) for right in (37, 44))

    assert len(gaps.find(crop, reading, rule)) == 1
    assert gaps.find(crop, reading, bar) == []


def test_ink_between_the_words_ends_a_gap():
    crop, reading = line("ab__cd")
    crop.image[20:23, 35:37] = 20

    assert gaps.find(crop, reading, NONE) == []


def test_a_blank_crop_has_no_gaps():
    crop, reading = line("ab__cd")

    assert gaps.find(LineCrop(crop.box, np.full_like(crop.image, 250)), reading, NONE) == []


def test_the_header_of_a_table_found_as_one_line_is_cut_at_its_columns():
    header = line("item__price__sum")
    cells = [
        line(text, left, 50 * row)
        for row in (1, 2, 3)
        for text, left in ((f"tea{row}", 0), (f"{row}.50", 90), (f"{row}2.0", 195))
    ]

    _, readings = pipeline._split_at_cells(*zip(header, *cells, strict=True), NONE)

    assert [reading.text for reading in readings[:3]] == ["item", "price", "sum"]
    assert len(readings) == 12


def test_a_gap_in_prose_cuts_nothing():
    found = [line("and__so it went", 0, 50), line("on and on for ever", 0, 100)]

    lines, _ = pipeline._split_at_cells(*zip(*found, strict=True), NONE)

    assert list(lines) == [crop for crop, _ in found]
