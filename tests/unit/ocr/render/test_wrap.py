"""Searchable PDFs of images, as another program sees them: the same pixels at the same size."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pymupdf
import pytest
from PIL import Image

from daemon.core.records import Box
from tests.unit.ocr.render.papers import (
    HEIGHT,
    WIDTH,
    WORDS,
    boxes,
    drawn,
    extracted,
    line,
    made,
    needs_poppler,
    picture,
    run,
    text_of,
)


@needs_poppler
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF", "JPEG2000", "HEIF"])
def test_words_are_found_where_they_were_read_whatever_the_image_is(
    kind: str, tmp_path: Path
) -> None:
    pdf = made(tmp_path, picture(kind))

    found = boxes(pdf)

    assert list(found) == ["Invoice", "2041", "发票号码𠮷"]
    for text, box in WORDS:
        assert found[text] == pytest.approx((box.left, box.top, box.right, box.bottom), abs=0.5)
    assert found["发票号码𠮷"] == pytest.approx((80, 160, 280, 200), abs=0.5)


@pytest.mark.parametrize("kind", ["JPEG", "JPEG2000"])
def test_a_jpeg_is_embedded_as_it_is(kind: str, tmp_path: Path) -> None:
    jpeg = picture(kind)

    assert jpeg in made(tmp_path, jpeg).read_bytes()


@needs_poppler
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "BMP", "TIFF"])
def test_an_image_is_embedded_losslessly(kind: str, tmp_path: Path) -> None:
    content = picture(kind, lossless=True) if kind == "WEBP" else picture(kind)

    pdf = made(tmp_path, content)

    run("pdfimages", "-png", str(pdf), str(tmp_path / "image"))
    held = np.array(Image.open(tmp_path / "image-000.png").convert("RGB"))
    assert (held == np.array(Image.open(BytesIO(content)).convert("RGB"))).all()


@needs_poppler
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_has_the_orientation_of_its_exif(orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = picture("JPEG", exif=exif, quality=95)
    is_turned = orientation >= 5
    sides = (HEIGHT, WIDTH) if is_turned else (WIDTH, HEIGHT)
    rotation = {3: 180, 6: 90, 8: 270}.get(orientation, 0)
    text = text_of(line(WORDS), width=sides[0], height=sides[1], rotation=rotation)

    pdf = made(tmp_path, content, text)

    (tmp_path / "a.jpg").write_bytes(content)
    shown = cv2.imread(str(tmp_path / "a.jpg"))
    assert drawn(pdf).shape == shown.shape
    assert np.abs(drawn(pdf).astype(int) - shown).mean() < 2
    assert "Invoice" in extracted(pdf)


@needs_poppler
def test_pages_of_a_tiff_keep_their_order_and_sizes(tmp_path: Path) -> None:
    pages = [Image.new("1", (400, 300), 1), Image.new("L", (300, 500), 200)]
    file = BytesIO()
    pages[0].save(file, "TIFF", save_all=True, append_images=pages[1:], dpi=(100, 100))
    texts = (
        text_of(line([("One", Box(9, 9, 90, 30))]), width=400, height=300),
        text_of(line([("Two", Box(9, 9, 90, 30))]), number=2, width=300, height=500),
    )

    pdf = made(tmp_path, file.getvalue(), *texts)

    with pymupdf.open(pdf) as document:
        assert [tuple(round(side) for side in page.rect[2:]) for page in document] == [
            (288, 216), (216, 360),
        ]  # fmt: skip
    assert extracted(pdf).split("\f") == ["One\n\n", "Two\n\n", ""]


def test_a_fax_of_unequal_resolutions_is_not_squashed(tmp_path: Path) -> None:
    file = BytesIO()
    Image.new("1", (408, 196), 1).save(file, "TIFF", compression="group4", dpi=(204, 98))
    words = line([("Total", Box(20, 20, 120, 40))])
    text = replace(text_of(words, width=408, height=196), dpi=204.0, pixel_height=204 / 98)

    pdf = made(tmp_path, file.getvalue(), text)

    with pymupdf.open(pdf) as document:
        (page,) = document
        assert [round(side) for side in page.rect[2:]] == [144, 144]
        (word,) = page.get_text("words")
        left, bottom = word[0], word[3]
        assert abs(left - 20 / 204 * 72) < 1
        assert abs(bottom - 40 / 98 * 72) < 4
