"""Text of a PDF that nobody sees is left out; text that is hard to see is not."""

from __future__ import annotations

import pytest

from tests.support import samples
from tests.support.samples import shown_text
from tests.unit.ocr.pages.test_pages import read_bytes
from tests.unit.ocr.pages.test_pages_pdf import text_lines

SEEN = shown_text("Seen by all", 60, 700)
BAR = b"q 0.1 0.2 0.6 rg 50 590 300 30 re f Q\n"


def texts(tmp_path, content: bytes, **more) -> list[str]:
    (page,) = read_bytes(tmp_path, samples.pdf_of_content(SEEN + content, **more))
    return [line.text for line in text_lines(page)][1:]


UNSEEN = {
    "white on white": shown_text("HIDDEN", 60, 600, state="1 g"),
    "almost white on white": shown_text("HIDDEN", 60, 600, state="0.97 0.98 0.96 rg"),
    "white in CMYK": shown_text("HIDDEN", 60, 600, state="0 0 0 0 k"),
    "blue on the same blue": BAR + shown_text("HIDDEN", 60, 600, state="0.1 0.2 0.6 rg"),
    "nearly the blue of the bar": BAR + shown_text("HIDDEN", 60, 600, state="0.12 0.22 0.61 rg"),
    "half a point": shown_text("HIDDEN half a point", 60, 600, 0.5),
    "scaled to half a point": b"q .04 0 0 .04 60 600 cm BT /F 12 Tf (HIDDEN) Tj ET Q\n",
    "under a black bar": shown_text("HIDDEN", 60, 600) + b"50 590 300 30 re f\n",
    "under white paint": shown_text("HIDDEN", 60, 600) + b"1 g 50 590 300 30 re f\n",
    "outside of the clip path": b"q 50 50 20 20 re W n " + shown_text("HIDDEN", 60, 600) + b"Q\n",
    "left of the page": shown_text("HIDDEN", -200, 600),
    "below the page": shown_text("HIDDEN", 60, -30),
    "a clip path for nothing": shown_text("HIDDEN", 60, 600, state="7 Tr"),
    "almost transparent": shown_text("HIDDEN", 60, 600, state="/T gs"),
}


@pytest.mark.parametrize("content", UNSEEN.values(), ids=UNSEEN.keys())
def test_what_nobody_sees_is_left_out(content, tmp_path):
    resources = b"/ExtGState<</T<</ca 0.03>>>>"

    assert texts(tmp_path, content, resources=resources) == []


VISIBLE = {
    "white on a blue bar": BAR + shown_text("VISIBLE", 60, 600, state="1 g"),
    "a bar as low as the capitals": b"q 0 0.3 0 rg 60 600 45 8.6 re f Q\n"
    + shown_text("VISIBLE", 60, 600, 10, state="1 g"),
    "light gray on white": shown_text("VISIBLE", 60, 600, state="0.8 g"),
    "yellow on white": shown_text("VISIBLE", 60, 600, state="1 1 0 rg"),
    "black on light gray": b"q 0.9 g 50 590 300 30 re f Q\n" + shown_text("VISIBLE", 60, 600),
    "a white fill with a black contour": shown_text("VISIBLE", 60, 600, 20, state="2 Tr 1 g 0 G"),
    "fine print of four points": shown_text("VISIBLE", 60, 600, 4),
    "half transparent": shown_text("VISIBLE", 60, 600, state="/T gs"),
    "under a transparent bar": shown_text("VISIBLE", 60, 600)
    + b"q /T gs 1 1 0 rg 50 590 300 30 re f Q\n",
    "painted with a pattern": shown_text("VISIBLE", 60, 600, 30, state="/Pattern cs /P scn"),
    "white on a shading": b"q 50 590 300 30 re W n /S sh Q "
    + shown_text("VISIBLE", 60, 600, state="1 g"),
}
SHADING = (
    b"<</ShadingType 2/ColorSpace/DeviceRGB/Coords[50 0 350 0]/Extend[true true]"
    b"/Function<</FunctionType 2/Domain[0 1]/N 1/C0[0 0 .5]/C1[.5 0 0]>>>>"
)
PAINTS = b"/Shading<</S " + SHADING + b">>/Pattern<</P<</PatternType 2/Shading " + SHADING + b">>>>"


@pytest.mark.parametrize("content", VISIBLE.values(), ids=VISIBLE.keys())
def test_what_can_be_seen_is_kept(content, tmp_path):
    resources = b"/ExtGState<</T<</ca 0.5>>>>" + PAINTS

    assert texts(tmp_path, content, resources=resources) == ["VISIBLE"]


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_the_place_is_looked_at_on_rotated_pages_too(rotate, tmp_path):
    content = UNSEEN["white on white"] + VISIBLE["white on a blue bar"].replace(b"600", b"500")
    content = content.replace(b"590", b"490")
    data = samples.pdf_of_content(SEEN + content, page=b"/Rotate %d" % rotate)

    (page,) = read_bytes(tmp_path, data)

    assert [line.text for line in text_lines(page)] == ["Seen by all", "VISIBLE"]


def test_small_letters_on_a_page_of_that_scale_are_seen(tmp_path):
    data = samples.pdf_of_content(shown_text("A stamp", 2, 20, 0.9))
    data = data.replace(b"[0 0 595 842]", b"[0 0 30 40]    "[:13])

    (page,) = read_bytes(tmp_path, data)

    assert [line.text for line in text_lines(page)] == ["A stamp"]
