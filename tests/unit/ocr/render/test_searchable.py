"""The text layer of searchable PDFs, as another program sees it: positions, unchanged content."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pymupdf
import pytest

from daemon.core.options import Recipe
from daemon.core.records import Box, Stamp
from daemon.core.tasks import RenderTask
from daemon.ocr.render import outputs
from tests.support.running_daemon import SHIPPED
from tests.unit.ocr.render.papers import (
    DPI,
    HEIGHT,
    READ,
    WIDTH,
    WORDS,
    drawn,
    extracted,
    line,
    made,
    needs_poppler,
    picture,
    scan,
    text_of,
)


@needs_poppler
def test_copied_text_has_words_and_lines_and_no_spaces_in_chinese(tmp_path: Path) -> None:
    assert extracted(made(tmp_path, scan()), "-raw") == "Invoice 2041\n发票号码𠮷\n\f"


@needs_poppler
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_pdf_is_unchanged_and_looks_the_same(rotation: int, tmp_path: Path) -> None:
    sides = (HEIGHT, WIDTH) if rotation in (90, 270) else (WIDTH, HEIGHT)
    text = text_of(line(WORDS), width=sides[0], height=sides[1], rotation=rotation)
    before = scan(rotation)

    pdf = made(tmp_path, before, text)

    assert pdf.read_bytes().startswith(before)
    assert len(pdf.read_bytes()) > len(before)
    assert (drawn(pdf) == drawn(tmp_path / "a")).all()
    assert extracted(pdf, "-raw").split() == ["Invoice", "2041"]


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("crop", [None, (40, 30, 500, 400)])
def test_words_are_at_their_boxes_on_rotated_and_cropped_pages(
    rotation: int, crop: tuple[float, ...] | None, tmp_path: Path
) -> None:
    content = scan(rotation, crop)
    with pymupdf.open("pdf", content) as document:
        shown = document[0].rect * (DPI / 72)
    text = text_of(
        line(WORDS), width=round(shown.width), height=round(shown.height), rotation=rotation
    )

    pdf = made(tmp_path, content, text)

    with pymupdf.open(pdf) as document:
        page = document[0]
        found = {w[4]: pymupdf.Rect(w[:4]) * page.rotation_matrix for w in page.get_text("words")}
    for text, box in WORDS:
        side = tuple(found[text] * (DPI / 72))
        assert side == pytest.approx((box.left, box.top, box.right, box.bottom), abs=0.6)


@needs_poppler
@pytest.mark.parametrize("orientation", [0, 90, 180, 270])
@pytest.mark.parametrize("skew", [0.0, 4.0, -7.0])
def test_words_of_a_page_on_its_side_run_along_its_lines(
    orientation: int, skew: float, tmp_path: Path
) -> None:
    upright = np.array([[200, 250], [360, 250], [360, 290], [200, 290]], float)  # around 400, 300
    turn = np.radians(skew - orientation)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    corners = (upright - (400, 300)) @ matrix.T + (400, 300)
    low, high = corners.min(axis=0), corners.max(axis=0)
    box = Box(*map(round, low), *map(round, high))
    text = text_of(line([("Invoice", box)]), orientation=orientation, skew=skew)

    pdf = made(tmp_path, picture("PNG"), text)

    with pymupdf.open(pdf) as document:
        ((text,),) = [block["lines"] for block in document[0].get_text("dict")["blocks"][:1]]
    assert np.degrees(np.arctan2(text["dir"][1], text["dir"][0])) % 360 == pytest.approx(
        (skew - orientation) % 360, abs=0.1
    )
    side = tuple(pymupdf.Rect(text["bbox"]) * (DPI / 72))
    assert side == pytest.approx((box.left, box.top, box.right, box.bottom), abs=2.5)


@needs_poppler
def test_visible_text_of_a_page_is_not_duplicated(tmp_path: Path) -> None:
    document = pymupdf.open()
    page = document.new_page(width=576, height=432)
    page.insert_text((60, 68), "Typed on the page", fontsize=24)
    shown = line([("Typed", Box(83, 65, 160, 100))], confidence=None)
    again = line([("Typed", Box(90, 70, 150, 95))])
    read = line([("Stamped", Box(80, 300, 240, 340))])
    text = text_of(shown, again, read, text_source="mixed")

    pdf = made(tmp_path, document.tobytes(), text)

    assert extracted(pdf).split() == ["Typed", "on", "the", "page", "Stamped"]


@needs_poppler
def test_a_page_with_the_layer_of_another_ocr_is_unchanged(tmp_path: Path) -> None:
    first = made(tmp_path, scan()).read_bytes()

    again = made(tmp_path, first, name="b")

    assert again.read_bytes() == first


def test_a_pdf_without_recognised_text_is_a_copy(tmp_path: Path) -> None:
    content = scan()

    assert made(tmp_path, content, text_of()).read_bytes() == content


@needs_poppler
def test_a_protected_pdf_stays_protected_and_unchanged(tmp_path: Path) -> None:
    with pymupdf.open("pdf", scan()) as document:
        content = document.tobytes(
            encryption=pymupdf.mupdf.PDF_ENCRYPT_AES_256, user_pw="open", owner_pw="own"
        )

    pdf = made(tmp_path, content, passwords=("open",))

    assert pdf.read_bytes().startswith(content)
    assert "Invoice 2041" in extracted(pdf, "-upw", "open")


@needs_poppler
def test_a_damaged_pdf_is_rewritten(tmp_path: Path) -> None:
    whole = scan()
    damaged = whole[: whole.rindex(b"xref")] + b"nothing"

    pdf = made(tmp_path, damaged)

    assert "Invoice 2041" in extracted(pdf)


def test_a_target_folder_that_is_not_writable_is_reported(tmp_path: Path) -> None:
    source = tmp_path / "a"
    source.write_bytes(scan())
    away = tmp_path / "away/made.pdf"
    recipe = Recipe(weights=SHIPPED)
    task = RenderTask("c", source, Stamp.of(source), "searchable_pdf", (READ,), away, 60.0, recipe)

    with pytest.raises(FileNotFoundError):
        outputs.render(task)
