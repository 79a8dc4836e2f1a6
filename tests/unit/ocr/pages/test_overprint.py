"""Text that a PDF draws several times to look bold or shadowed is published once."""

from __future__ import annotations

import itertools

import pytest

from tests.support import samples
from tests.support.samples import shown_text
from tests.unit.ocr.pages.test_pages import read_bytes
from tests.unit.ocr.pages.test_pages_pdf import text_lines

TITLE = "Illumination of small halls, 1122"
OFFSETS = [(0, 0), (0.1, 0), (0.3, 0), (0.5, 0.5), (0.8, 0), (1.0, -1.0), (1.5, 0), (1.5, -1.5)]


def texts(tmp_path, content: bytes) -> list[str]:
    (page,) = read_bytes(tmp_path, samples.pdf_of_content(content))
    return [line.text for line in text_lines(page)]


@pytest.mark.parametrize("size", [8, 12, 30])
@pytest.mark.parametrize("offset", OFFSETS, ids=str)
def test_a_run_drawn_again_nearby_is_one(offset, size, tmp_path):
    x, y = offset
    content = shown_text(TITLE, 60, 700, size) + shown_text(TITLE, 60 + x, 700 + y, size)

    assert texts(tmp_path, content) == [TITLE]


@pytest.mark.parametrize("step", [0, 0.2, 0.4])
@pytest.mark.parametrize("times", [3, 5])
def test_a_run_drawn_many_times_is_one(step, times, tmp_path):
    content = b"".join(shown_text(TITLE, 60 + k * step, 700) for k in range(times))

    assert texts(tmp_path, content) == [TITLE]


def drawn_by_glyph(text: str, offset: float, times: int) -> bytes:
    """Each letter is drawn several times before the next one."""
    import pymupdf

    font, x, content = pymupdf.Font("helv"), 60.0, b""
    for letter in text:
        content += b"".join(shown_text(letter, x + k * offset, 700) for k in range(times))
        x += font.text_length(letter, fontsize=12)
    return content


@pytest.mark.parametrize(("offset", "times"), [*itertools.product([0, 0.3, 0.8, 1.2], [2, 3])])
def test_glyphs_that_are_each_drawn_again_are_one_line(offset, times, tmp_path):
    assert texts(tmp_path, drawn_by_glyph("Statement of Bills", offset, times)) == [
        "Statement of Bills"
    ]


@pytest.mark.parametrize(
    "state", ["2 Tr 0.4 w", "1 Tr 0.5 w", "0.5 0.5 0.5 rg"], ids=["both", "outline", "shadow"]
)
@pytest.mark.parametrize("is_first", [True, False])
def test_the_copy_may_have_another_mode_or_colour(state, is_first, tmp_path):
    copy, text = shown_text(TITLE, 61, 699, 20, state=state), shown_text(TITLE, 60, 700, 20)

    content = copy + text if is_first else text + copy

    assert texts(tmp_path, content) == [TITLE]


def test_a_whole_page_drawn_twice_is_one(tmp_path):
    page = b"".join(shown_text(line, 60, 700 - 16 * k) for k, line in enumerate(samples.LINES))

    assert texts(tmp_path, page + page) == list(samples.LINES)


@pytest.mark.parametrize("size", [5, 8, 12])
@pytest.mark.parametrize("text", ["yes yes 22 22 bye bye", "llll iiii 1111 .....", "WWW 000 ooo"])
def test_a_true_repetition_is_kept(text, size, tmp_path):
    assert texts(tmp_path, shown_text(text, 60, 700, size)) == [text]


def test_the_same_line_below_is_kept(tmp_path):
    content = shown_text("0.00", 60, 700, 6) + shown_text("0.00", 60, 693, 6)

    assert texts(tmp_path, content) == ["0.00", "0.00"]
