"""Pages that lie straight in searchable PDFs: the picture is turned, and its text with it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pymupdf
import pytest

from daemon.core.records import Box, PageText
from tests.unit.ocr.render.papers import DPI, HEIGHT, WIDTH, line, made, text_of

BAR = Box(200, 250, 500, 290)  # where the ink would be on a straight page


def turned(skew: float) -> tuple[np.ndarray, PageText]:
    """A page whose ink runs down to the right by `skew` degrees, and the word that is read."""
    image = np.full((HEIGHT, WIDTH, 3), 230, np.uint8)
    image[BAR.top : BAR.bottom, BAR.left : BAR.right] = (20, 60, 200)
    matrix = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), -skew, 1.0)
    image = cv2.warpAffine(image, matrix, (WIDTH, HEIGHT), borderValue=(230, 230, 230))
    ink = np.argwhere(image[..., 0] < 125)
    (top, left), (bottom, right) = ink.min(axis=0), ink.max(axis=0) + 1
    box = Box(int(left), int(top), int(right), int(bottom))
    return image, text_of(line([("Invoice", box)]), skew=skew)


def pdf_of(image: np.ndarray, rotation: int) -> bytes:
    """A PDF of the image that is shown turned: its pixels are stored the other way."""
    turns = {0: None, 90: 2, 180: 1, 270: 0}[rotation]
    stored = image if turns is None else cv2.rotate(image, turns)
    document = pymupdf.open()
    page = document.new_page(width=stored.shape[1] * 72 / DPI, height=stored.shape[0] * 72 / DPI)
    page.insert_image(page.rect, stream=cv2.imencode(".png", stored)[1].tobytes())
    page.set_rotation(rotation)
    return bytes(document.tobytes())


def ink_on(pdf: Path) -> Box:
    with pymupdf.open(pdf) as document:
        shown = document[0].get_pixmap(dpi=int(DPI))
        pixels = np.frombuffer(shown.samples, np.uint8).reshape(shown.height, shown.width, -1)
    ink = np.argwhere(pixels[..., 2] < 125)
    (top, left), (bottom, right) = ink.min(axis=0), ink.max(axis=0) + 1
    return Box(int(left), int(top), int(right), int(bottom))


def sides(box: Box) -> tuple[int, ...]:
    return box.left, box.top, box.right, box.bottom


@pytest.mark.parametrize("skew", [0.4, 3.0, -5.0, 12.0])
@pytest.mark.parametrize("rotation", [None, 0, 90, 180, 270])
def test_picture_and_text_lie_straight(skew: float, rotation: int | None, tmp_path: Path) -> None:
    image, text = turned(skew)
    is_image = rotation is None
    content = cv2.imencode(".png", image)[1].tobytes() if is_image else pdf_of(image, rotation or 0)

    pdf = made(tmp_path, content, text, deskew_pdf=True)

    assert sides(ink_on(pdf)) == pytest.approx(sides(BAR), abs=2)
    with pymupdf.open(pdf) as document:
        page = document[0]
        word = pymupdf.Rect(page.get_text("words")[0][:4]) * page.rotation_matrix * (DPI / 72)
    assert tuple(word.normalize()) == pytest.approx(sides(BAR), abs=6)


def test_a_pdf_is_still_the_original_with_an_update(tmp_path: Path) -> None:
    image, text = turned(3.0)
    content = pdf_of(image, 0)

    assert made(tmp_path, content, text, deskew_pdf=True).read_bytes().startswith(content)


def test_a_page_without_text_is_turned_too(tmp_path: Path) -> None:
    image, _ = turned(3.0)

    pdf = made(tmp_path, pdf_of(image, 0), text_of(skew=3.0), deskew_pdf=True)

    assert sides(ink_on(pdf)) == pytest.approx(sides(BAR), abs=2)


def test_a_page_with_links_stays_as_it_is(tmp_path: Path) -> None:
    image, text = turned(3.0)
    with pymupdf.open("pdf", pdf_of(image, 0)) as document:
        where = {"kind": 2, "from": pymupdf.Rect(9, 9, 90, 40), "uri": "http://a.example"}
        document[0].insert_link(where)
        content = document.tobytes()

    pdf = made(tmp_path, content, text, deskew_pdf=True)

    assert ink_on(pdf) == ink_on(tmp_path / "a")


def test_nothing_is_turned_unless_it_is_asked_for(tmp_path: Path) -> None:
    image, text = turned(3.0)

    pdf = made(tmp_path, pdf_of(image, 0), text)

    assert ink_on(pdf) == ink_on(tmp_path / "a")
