"""A tiny PDF that is expensive to draw is drawn coarsely, or refused, before it costs minutes."""

from __future__ import annotations

import time
from contextlib import suppress

import pymupdf
import pytest

from daemon.core.errors import Rejected
from daemon.core.options import Limits
from daemon.ocr.pages import render_cost
from tests.support import samples
from tests.support.samples import pdf_stream, shown_text
from tests.support.samples.bombs import endless_drawing
from tests.unit.ocr.pages.test_pages import read_bytes

WHOLE = b"0 0 595 842 re f "


def tiled(cell: int, step: float, times: int = 1) -> bytes:
    """A page filled with a pattern whose cells of `cell` points lie `step` points apart."""
    entries = b"/PatternType 1/PaintType 1/TilingType 1/Resources<<>>"
    entries += b"/BBox[0 0 %d %d]/XStep %g/YStep %g" % (cell, cell, step, step)
    return samples.pdf_of_content(
        b"/Pattern cs /P scn " + WHOLE * times,
        resources=b"/Pattern<</P 5 0 R>>",
        objects=[pdf_stream(b"0 0 5 5 re f", entries)],
    )


def grouped(times: int) -> bytes:
    entries = b"/Type/XObject/Subtype/Form/BBox[0 0 595 842]/Group<</S/Transparency>>"
    return samples.pdf_of_content(
        b"q /B gs /X Do Q " * times,
        resources=b"/XObject<</X 5 0 R>>/ExtGState<</B<</BM/Multiply>>>>",
        objects=[pdf_stream(b"0 0 5 5 re f", entries)],
    )


def shaded(times: int) -> bytes:
    shading = (
        b"<</ShadingType 3/ColorSpace/DeviceRGB/Coords[300 400 0 300 400 500]"
        b"/Function<</FunctionType 2/Domain[0 1]/N 1/C0[1 0 0]/C1[0 0 1]>>>>"
    )
    return samples.pdf_of_content(
        b"/S sh " * times, resources=b"/Shading<</S 5 0 R>>", objects=[shading]
    )


EXPENSIVE = {
    "overlapping cells": tiled(200, 1),
    "cells without a step": tiled(200, 0),
    "blended groups": grouped(2000),
    "shadings": shaded(3000),
    "fills": samples.pdf_of_content(WHOLE * 30_000),
}


@pytest.mark.parametrize("data", EXPENSIVE.values(), ids=EXPENSIVE.keys())
def test_a_page_that_is_expensive_to_draw_stays_within_its_share(data, tmp_path):
    start = time.process_time()
    with suppress(Rejected):
        (page,) = read_bytes(tmp_path, data, Limits(page_seconds=20.0), text_layer="never")
        assert page.dpi < 300
    assert time.process_time() - start < 10.0  # at 300 dpi each takes 30 s to 10 min


def test_a_page_that_cannot_be_drawn_in_time_is_refused_with_the_reason(tmp_path):
    with pytest.raises(Rejected, match="drawing page 1 would take about") as caught:
        read_bytes(tmp_path, tiled(500, 0.5), text_layer="never")

    assert caught.value.reason == "too_large"


CHEAP = {
    "a page of text": samples.pdf_of_text([samples.LINES * 5]),
    "a scan": samples.pdf_of_images([samples.text_page()]),
    "a pattern side by side": tiled(10, 10, times=5),
    "a few groups": grouped(5),
}


@pytest.mark.parametrize("data", CHEAP.values(), ids=CHEAP.keys())
def test_an_ordinary_page_keeps_its_resolution(data):
    document = pymupdf.open(stream=data, filetype="pdf")

    assert render_cost.bounded_dpi(document[0], 300.0, 60.0) == 300.0


def test_more_seconds_allow_a_finer_picture():
    document = pymupdf.open(stream=tiled(100, 1), filetype="pdf")

    fine, coarse = (render_cost.bounded_dpi(document[0], 300.0, s) for s in (100.0, 25.0))

    assert coarse == pytest.approx(fine / 2, rel=0.01)


def test_text_beside_an_expensive_pattern_is_still_exact(tmp_path):
    data = tiled(200, 1).replace(b"/Pattern cs", shown_text("Words", 60, 700) + b"/Pattern cs")

    (page,) = read_bytes(tmp_path, data)

    assert page.text_layer is not None


# --- forms within forms -------------------------------------------------------------------------


@pytest.mark.timeout(20)
@pytest.mark.parametrize("text_layer", ["auto", "never"])
@pytest.mark.parametrize("call", [b"/F Do ", b"/#46\nDo\n", b"q/F Do Q\n"])
def test_forms_that_multiply_are_refused_at_once(call, text_layer, tmp_path):
    with pytest.raises(Rejected, match="page 1 draws forms within forms") as caught:
        read_bytes(tmp_path, endless_drawing(call=call), text_layer=text_layer)

    assert caught.value.reason == "too_large"


def test_forms_within_forms_that_end_are_drawn(tmp_path):
    (page,) = read_bytes(tmp_path, endless_drawing(levels=4), text_layer="never")

    assert page.image.min() < 100


def test_a_form_that_calls_itself_is_drawn_once(tmp_path):
    form = b"/Type/XObject/Subtype/Form/BBox[0 0 595 842]/Resources<</XObject<</X 5 0 R>>>>"
    data = samples.pdf_of_content(
        b"/X Do",
        resources=b"/XObject<</X 5 0 R>>",
        objects=[pdf_stream(b"0 0 50 50 re f /X Do /X Do /X Do", form)],
    )

    (page,) = read_bytes(tmp_path, data, text_layer="never")

    assert page.image.min() < 100
