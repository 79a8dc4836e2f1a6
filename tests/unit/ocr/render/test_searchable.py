"""The text layer of searchable PDFs, as another program sees it: positions, unchanged content."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pymupdf
import pytest

from daemon.core.options import Recipe
from daemon.core.records import Box, Direction, Stamp, TextLine
from daemon.core.tasks import RenderTask
from daemon.ocr.render import outputs
from tests.support.running_daemon import SHIPPED
from tests.unit.ocr.render.papers import (
    DPI,
    HEIGHT,
    READ,
    WIDTH,
    WORDS,
    boxes,
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


# --- lines that are turned, and vertical ones ---------------------------------------------------

DIRECTIONS = (
    ("horizontal", 0), ("vertical", 90), ("rotated_90", 90), ("rotated_180", 180),
    ("rotated_270", 270),
)  # fmt: skip


def turned_box(box: Box, degrees: float) -> Box:
    """Return the box around a box that is turned clockwise about (400, 300)."""
    corners = np.array(
        [[x, y] for x in (box.left, box.right) for y in (box.top, box.bottom)], float
    )
    turn = np.radians(degrees)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    turned = (corners - (400, 300)) @ matrix.T + (400, 300)
    return Box(*map(round, turned.min(axis=0)), *map(round, turned.max(axis=0)))


@pytest.mark.parametrize(("direction", "clockwise"), DIRECTIONS)
@pytest.mark.parametrize("orientation", [0, 90, 180, 270])
@pytest.mark.parametrize("skew", [0.0, 4.0, -7.0])
@pytest.mark.parametrize("kind", ["PNG", "PDF"])
def test_the_words_of_a_line_run_in_its_own_direction(
    direction: Direction, clockwise: int, orientation: int, skew: float, kind: str, tmp_path: Path
) -> None:
    degrees = skew - orientation + clockwise
    places = {
        "Margin": turned_box(Box(250, 280, 390, 320), degrees),
        "note": turned_box(Box(410, 280, 500, 320), degrees),
    }
    turned = replace(line(list(places.items())), direction=direction)
    text = text_of(turned, orientation=orientation, skew=skew)

    pdf = made(tmp_path, scan() if kind == "PDF" else picture("PNG"), text)

    with pymupdf.open(pdf) as document:
        lines = [
            each
            for block in document[0].get_text("dict")["blocks"]
            for each in block.get("lines", ())
        ]
        words = {word[4]: word[:4] for word in document[0].get_text("words")}
    assert ["".join(span["text"] for span in each["spans"]).strip() for each in lines] == [
        "Margin note"
    ]
    cosine, sine = lines[0]["dir"]
    assert (np.degrees(np.arctan2(sine, cosine)) - degrees + 180) % 360 - 180 == pytest.approx(
        0, abs=0.1
    )
    for said, box in places.items():
        side = tuple(pymupdf.Rect(words[said]) * (DPI / 72))
        assert side == pytest.approx((box.left, box.top, box.right, box.bottom), abs=3)


@needs_poppler
@pytest.mark.parametrize(("direction", "clockwise"), DIRECTIONS)
def test_poppler_finds_turned_words_at_their_boxes(
    direction: Direction, clockwise: int, tmp_path: Path
) -> None:
    places = {
        "Margin": turned_box(Box(250, 280, 390, 320), clockwise),
        "note": turned_box(Box(410, 280, 500, 320), clockwise),
    }
    turned = replace(line(list(places.items())), direction=direction)

    pdf = made(tmp_path, scan(), text_of(turned))

    assert extracted(pdf, "-raw").split() == ["Margin", "note"]
    found = boxes(pdf)
    for said, box in places.items():
        assert found[said] == pytest.approx((box.left, box.top, box.right, box.bottom), abs=1.5)


COLUMNS = ("天地玄黄", "宇宙洪荒", "日月盈昃")  # the first is the rightmost


def columns(tops: tuple[int, ...] = (60, 60, 60)) -> list[TextLine]:
    """Vertical lines of Chinese from the right, 40 pixels a character."""
    lines = []
    for number, (said, top) in enumerate(zip(COLUMNS, tops, strict=True)):
        box = Box(600 - 60 * number, top, 640 - 60 * number, top + 40 * len(said))
        lines.append(replace(line([(said, box)], ""), direction="vertical"))
    return lines


@needs_poppler
@pytest.mark.parametrize("options", [(), ("-raw",), ("-layout",)])
def test_columns_of_chinese_are_copied_from_the_right(
    options: tuple[str, ...], tmp_path: Path
) -> None:
    pdf = made(tmp_path, scan(), text_of(*columns()))

    said = extracted(pdf, *options)

    assert "".join(said.split()) == "".join(COLUMNS)


def test_a_column_is_found_by_a_search_and_marked_where_it_stands(tmp_path: Path) -> None:
    pdf = made(tmp_path, scan(), text_of(*columns()))

    with pymupdf.open(pdf) as document:
        (found,) = document[0].search_for("宙洪")

    # the second and third character of the second column
    assert tuple(found * (DPI / 72)) == pytest.approx((540, 100, 580, 180), abs=1)


@needs_poppler
def test_a_horizontal_title_over_vertical_columns_comes_first(tmp_path: Path) -> None:
    title = line([("千字文", Box(300, 20, 420, 50))], "")

    pdf = made(tmp_path, scan(), text_of(title, *columns((100, 100, 100))))

    assert extracted(pdf, "-raw").split() == ["千字文", *COLUMNS]
    with pymupdf.open(pdf) as document:
        assert document[0].get_text().split() == ["千字文", *COLUMNS]


@needs_poppler
@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_columns_stand_at_their_boxes_on_a_page_with_a_rotation(
    rotation: int, tmp_path: Path
) -> None:
    sides = (HEIGHT, WIDTH) if rotation in (90, 270) else (WIDTH, HEIGHT)
    column = replace(line([("天地玄黄", Box(300, 100, 340, 260))], ""), direction="vertical")
    text = text_of(column, width=sides[0], height=sides[1], rotation=rotation)

    pdf = made(tmp_path, scan(rotation), text)

    assert extracted(pdf, "-raw").split() == ["天地玄黄"]
    with pymupdf.open(pdf) as document:
        page = document[0]
        (found,) = page.get_text("words")
        side = pymupdf.Rect(found[:4]) * page.rotation_matrix * (DPI / 72)
    assert tuple(side) == pytest.approx((300, 100, 340, 260), abs=1)
