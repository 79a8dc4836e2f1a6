"""Published text lines: their words, spaces and boxes."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.records import Box
from daemon.ocr.assemble.frame import CoordinateFrame
from daemon.ocr.records import CleanPage, LineCrop, RecognizedCharacter, RecognizedLine
from tests.unit.ocr.assembling import (
    BLANK,
    clean,
    line,
    page,
    published,
    reading,
    words,
)


def published_text(text, pitch):
    """Return the published text of a line, 20 pixels high, with characters `pitch` apart."""
    width = pitch * len(text)
    crop = LineCrop(Box(0, 0, width, 20), np.zeros((20, width), np.uint8))
    return published([crop], [reading(text)], [[0]]).text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("于 2026 年 7 月", "于2026年7月"),
        ("Windows 系统", "Windows系统"),
        ("two words", "two words"),
        ("你 好", "你 好"),
        ("한국 2026", "한국 2026"),
        ("第 (2) 条", "第 (2) 条"),
        ("总计  12", "总计  12"),
    ],
)
def test_typographic_gaps_are_no_spaces(text, expected):
    assert published_text(text, pitch=10) == expected


def test_a_gap_as_wide_as_a_character_is_a_space():
    assert published_text("年 7", pitch=66) == "年 7"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("于 2026 年 7 月 1 日 止", "于 2026年7月1日 止"),
        ("年 月 日", "年月日"),
        ("2025年 100", "2025年 100"),
        ("3 日常", "3 日常"),
        ("12 月饼", "12 月饼"),
        ("12345 年 7 月", "12345 年7月"),
    ],
)
def test_gaps_in_a_date_are_no_spaces_however_wide(text, expected):
    assert published_text(text, pitch=60) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("姓 名", "姓名"), ("收 入 类 型", "收入类型"), ("이 름", "이 름"), ("姓 名字", "姓 名字")],
)
def test_gaps_between_characters_that_fill_a_cell_are_no_spaces(text, expected):
    assert published_text(text, pitch=30) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the quick  fox", ["the", "quick", "fox"]),
        (" spaced ", ["spaced"]),
        ("中文字", ["中文字"]),
        ("中文English中文", ["中文", "English", "中文"]),
        ("价格12.80元", ["价格", "12.80", "元"]),
        ("你好，world!", ["你好，", "world!"]),
        ("e-mail:a@b.cn", ["e-mail:a@b.cn"]),
        ("——", ["——"]),
        ("ひらがなabc한글", ["ひらがな", "abc", "한글"]),
    ],
)
def test_words_break_at_spaces_and_where_scripts_meet(text, expected):
    assert words(text) == expected


def test_the_box_of_a_word_is_that_of_its_characters():
    text = published([line(100, 40, 300, 60)], [reading("ab cd")], [[0]])

    (first, second) = text.blocks[0].lines[0].words
    assert first.box == Box(100, 40, 180, 60)
    assert second.box == Box(220, 40, 300, 60)


def test_a_words_confidence_is_the_geometric_mean_of_its_characters():
    characters = (RecognizedCharacter("a", 0.5, 0, 0.5), RecognizedCharacter("b", 1.0, 0.5, 1))
    text = published([line(0, 0, 9, 9)], [RecognizedLine("ab", 0.7, characters)], [[0]])

    assert text.blocks[0].lines[0].words[0].confidence == pytest.approx(0.5**0.5)


@given(
    degrees=st.floats(-10, 10, allow_subnormal=False),
    zoom=st.floats(0.3, 3),
    scale=st.floats(0.2, 1),
    left=st.integers(100, 400),
    top=st.integers(100, 300),
    width=st.integers(5, 300),
    height=st.integers(5, 40),
)
def test_a_box_of_the_clean_frame_is_mapped_to_the_page(
    degrees, zoom, scale, left, top, width, height
):
    frame = clean(degrees, zoom, shift=(7.0, -3.0))
    turn, shift = frame.to_page[:, :2], frame.to_page[:, 2]
    corners = np.array([[left, top], [left + width, top + height]])
    there = (corners * scale - shift) @ np.linalg.inv(turn).T
    low, high = np.floor(there.min(axis=0)).astype(int), np.ceil(there.max(axis=0)).astype(int)

    found = published(
        [line(*low.tolist(), *high.tolist())], [reading("x")], [[0]], page(scale=scale), frame
    )

    box = found.blocks[0].lines[0].box
    slack = 1 + 2 / scale / zoom
    assert box.left <= left + slack
    assert box.right >= left + width - slack
    grown = math.sin(math.radians(abs(degrees))) * (width + height) + 2 * slack
    assert box.right - box.left <= width + 2 * grown
    assert box.bottom - box.top <= height + 2 * grown


def test_boxes_of_a_scaled_page_are_in_original_pixels():
    half = page(width=1000, height=800, scale=0.5)

    text = published([line(10, 20, 60, 40)], [reading("x")], [[0]], half)

    assert text.blocks[0].lines[0].box == Box(20, 40, 120, 80)
    assert (text.width, text.height) == (1000, 800)


def test_boxes_are_clipped_to_the_page_and_never_empty():
    lines = [line(-50, -50, 5000, 30), line(4000, 4000, 4100, 4100)]

    text = published(lines, [reading("a"), reading("b")], [[0, 1]])

    one, other = (found.box for found in text.blocks[0].lines)
    assert one == Box(0, 0, 1000, 30)
    assert other == Box(999, 799, 1000, 800)


@given(
    st.floats(-10, 10, allow_subnormal=False),
    st.floats(0.5, 2.0),
    st.integers(0, 300),
    st.integers(0, 300),
)
def test_a_box_mapped_back_and_forth_contains_itself(degrees, zoom, left, top):
    box = Box(left + 200, top + 200, left + 260, top + 220)
    frame = CoordinateFrame(page(), clean(degrees, zoom))

    there = frame.to_original(frame.to_clean(box))

    assert there.left <= box.left < box.right <= there.right
    assert there.top <= box.top < box.bottom <= there.bottom


def test_the_words_of_a_rectified_line_follow_its_slant():
    corners = np.array([[100, 300], [300, 200], [310, 220], [110, 320]], float)
    slanted = LineCrop(Box(100, 200, 310, 320), BLANK, corners)

    (block,) = published([slanted], [reading("ab cd")], [[0]]).blocks

    first, second = (word.box for word in block.lines[0].words)
    assert (first.left, first.bottom) == (100, 320)
    assert (second.right, second.top) == (310, 200)
    assert second.bottom < first.bottom - 30


def test_boxes_of_a_dewarped_page_are_where_its_rows_were_seen():
    curvature = np.zeros((30, 40), np.float32) + np.linspace(0, 62.4, 40, dtype=np.float32)
    bent = CleanPage(
        gray=BLANK, to_page=clean().to_page, skew=0.0, curvature=curvature
    )  # 0.05 a pixel

    (block,) = published([line(0, 100, 800, 120)], [reading("ab cd")], [[0]], frame=bent).blocks

    first, second = (word.box for word in block.lines[0].words)
    assert (first.left, first.top, first.bottom) == (0, 100, pytest.approx(120 + 16, abs=2))
    assert (second.right, second.bottom) == (800, pytest.approx(160, abs=2))
    assert block.lines[0].box.bottom == pytest.approx(160, abs=2)
