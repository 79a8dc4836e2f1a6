"""Patch codes: the bars of each, at each edge of a page, as scanners deliver them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from daemon.core.records import Page
from daemon.ocr import codes

WIDE_BARS = {
    "PATCH1": (0, 1), "PATCH2": (0, 3), "PATCH3": (0, 2), "PATCH4": (1, 2), "PATCHT": (1, 3),
    "PATCH6": (2, 3),
}  # fmt: skip
DPI = 100
SIZE = (11 * DPI, round(8.5 * DPI))


def sheet(text: str, *, growth: float = 0.0, length: float = 2.5, edge: float = 0.3) -> np.ndarray:
    """Return a page, H,W gray, with a patch code at its upper edge; measures are in inches."""
    image = np.full(SIZE, 255, np.uint8)
    top, left, right = edge, 4.25 - length / 2, 4.25 + length / 2
    for number in range(4):
        thick = 0.2 if number in WIDE_BARS[text] else 0.08
        corners = [(left, top - growth / 2), (right, top + thick + growth / 2)]
        points = [tuple(round(16 * DPI * side) for side in corner) for corner in corners]
        cv2.rectangle(image, *points, (0,), -1, cv2.LINE_AA, 4)
        top += thick + 0.08
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 0.7))


def read(image: np.ndarray) -> list[str]:
    found = codes.find(Page(1, image.shape[1], image.shape[0], image), ["any"])
    return [code.text for code in found if code.format == "Patch Code"]


def skewed(image: np.ndarray, angle: float) -> np.ndarray:
    turn = cv2.getRotationMatrix2D((image.shape[1] / 2, image.shape[0] / 2), angle, 1.0)
    return np.asarray(cv2.warpAffine(image, turn, image.shape[::-1], borderValue=255))


@pytest.mark.parametrize("quarters", range(4))
@pytest.mark.parametrize("text", WIDE_BARS)
def test_each_is_read_from_the_edge_that_it_is_at(text: str, quarters: int) -> None:
    image = np.ascontiguousarray(np.rot90(sheet(text), quarters))

    (code,) = codes.find(Page(1, image.shape[1], image.shape[0], image), ["Patch Code"])

    assert (code.text, code.format) == (text, "Patch Code")
    depths = (code.box.top, code.box.left, SIZE[0] - code.box.bottom, SIZE[0] - code.box.right)
    assert depths[quarters] == pytest.approx(0.3 * DPI, abs=8)
    assert code.box.bottom - code.box.top == pytest.approx((80, 250)[quarters % 2], abs=32)
    assert code.box.right - code.box.left == pytest.approx((250, 80)[quarters % 2], abs=32)


@pytest.mark.parametrize("text", WIDE_BARS)
@pytest.mark.parametrize("angle", [-8, -3, 1, 5, 171])
def test_a_sheet_that_was_fed_askew_is_read(text: str, angle: float) -> None:
    assert read(skewed(sheet(text, edge=0.7), angle)) == [text]


@pytest.mark.parametrize("text", WIDE_BARS)
def test_copies_have_thicker_or_thinner_bars(text: str) -> None:
    for growth in (0.03, -0.03):
        assert read(sheet(text, growth=growth)) == [text]


@pytest.mark.parametrize("text", ["PATCH1", "PATCHT"])
def test_faint_noisy_torn_large_and_small_ones_are_read(text: str) -> None:
    plain = sheet(text).astype(np.float32)
    noise = np.random.default_rng(3).normal(0, 25, plain.shape)
    torn = plain.copy()
    torn[:, : round(3.8 * DPI)] = 255  # a third of the bars is gone
    faint = 250 - (255 - plain) * 0.2
    for image in (faint, np.clip(plain + noise, 0, 255), torn):
        assert read(np.asarray(image, np.uint8)) == [text]
    for scale in (0.72, 3.0):
        assert read(cv2.resize(sheet(text), None, fx=scale, fy=scale)) == [text]


def test_what_is_printed_beside_the_bars_is_read_too() -> None:
    image = sheet("PATCHT")
    cv2.putText(image, "Separator sheet", (250, 180), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (0,), 3)

    assert read(image) == ["PATCHT"]


@pytest.mark.parametrize(
    "thickness",
    [(8, 8, 8, 8), (20, 20, 20, 20), (20, 8, 8, 8), (20, 20, 20, 8), (8, 20, 8), (20, 8, 8, 20, 8)],
)
def test_other_bars_are_no_patch_code(thickness: tuple[int, ...]) -> None:
    image = np.full(SIZE, 255, np.uint8)
    top = 60
    for thick in thickness:
        image[top : top + thick, 300:550] = 0
        top += thick + 8

    assert read(image) == []


def test_lines_of_text_between_rules_are_none() -> None:
    image = np.full(SIZE, 255, np.uint8)
    for y, is_rule in (
        (100, True),
        (127, False),
        (140, True),
        (167, False),
        (420, False),
        (430, True),
    ):
        if is_rule:
            image[y : y + 3, 100:500] = 0
        else:
            cv2.putText(image, "DISPLAYS SELLING OUT BEFORE", (100, y), 0, 0.8, (0,), 2)

    for scale in (0.7, 1.0, 1.6):
        assert read(cv2.resize(image, None, fx=scale, fy=scale)) == []


def test_short_bars_and_those_of_another_size_are_none() -> None:
    for image in (
        sheet("PATCHT", length=0.5),
        cv2.copyMakeBorder(sheet("PATCHT"), 0, 4000, 0, 0, cv2.BORDER_CONSTANT, value=(255,)),
    ):
        assert read(np.asarray(image)) == []


def test_none_is_read_where_it_is_not_wanted() -> None:
    image = sheet("PATCHT")

    assert codes.find(Page(1, image.shape[1], image.shape[0], image), ["Code 128"]) == ()
