"""The searchable PDF, seen by another program: poppler extracts its text and draws its pages."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pymupdf
import pytest
from PIL import Image

from daemon import making
from daemon.engine.task import Making
from daemon.recipe import Recipe, Rendering
from daemon.records import Block, Box, PageText, Stamp, TextLine, Word
from tests.house import SHIPPED

needs_poppler = pytest.mark.skipif(
    not shutil.which("pdftotext") or not shutil.which("pdftoppm"), reason="poppler is not here"
)
WIDTH, HEIGHT, DPI = 800, 600, 100.0
WORDS = (("Invoice", Box(80, 60, 240, 100)), ("2041", Box(260, 60, 350, 100)))
CHINESE = (("发票", Box(80, 160, 160, 200)), ("号码𠮷", Box(160, 160, 280, 200)))


def line(words: Sequence[tuple[str, Box]], parted: str = " ", sure: float | None = 0.9) -> TextLine:
    found = tuple(Word(text, sure, box) for text, box in words)
    said = parted.join(text for text, _ in words)
    return TextLine(said, sure, Box.around(word.box for word in found), found)


def text_of(*lines: TextLine, **changes: object) -> PageText:
    values = {
        "number": 1, "width": WIDTH, "height": HEIGHT, "dpi": DPI, "rotation": 0, "skew": 0.0,
        "text_source": "ocr", "status": "done", "text": "\n".join(each.text for each in lines),
        "confidence": 0.9, "blocks": (Block(lines),) if lines else (),
    }  # fmt: skip
    return PageText(**(values | changes))  # type: ignore[arg-type]


READ = text_of(line(WORDS), line(CHINESE, ""))


def picture(kind: str, **options: object) -> bytes:
    """A page with stripes, so that every turn and mirror of it differs."""
    image = np.full((HEIGHT, WIDTH, 3), 230, np.uint8)
    image[60:100, 80:350] = (20, 60, 200)
    image[160:200, 80:280] = (90, 20, 20)
    file = BytesIO()
    Image.fromarray(image).save(file, kind, dpi=(DPI, DPI), **options)
    return file.getvalue()


def scan(rotation: int = 0, crop: tuple[float, ...] | None = None) -> bytes:
    """A PDF of one picture that fills its page, with a state that the page leaves behind."""
    document = pymupdf.open()
    page = document.new_page(width=WIDTH * 72 / DPI, height=HEIGHT * 72 / DPI)
    page.insert_image(page.rect, stream=picture("JPEG"))
    xref = page.get_contents()[0]
    left = b"q 2 0 0 2 30 30 cm 0.5 g " + document.xref_stream(xref)
    document.update_stream(xref, left)  # never restored: what comes after would be moved
    page.set_rotation(rotation)
    if crop:
        page.set_cropbox(pymupdf.Rect(crop))
    return document.tobytes()


def made(
    root: Path, content: bytes, *pages: PageText, name: str = "a", **rendering: object
) -> Path:
    source, target = root / name, root / "made.pdf"
    source.write_bytes(content)
    recipe = Recipe(weights=SHIPPED, rendering=Rendering(**rendering))  # type: ignore[arg-type]
    pages = pages or (READ,)
    making.make(Making("c", source, Stamp.of(source), "searchable_pdf", pages, target, 60, recipe))
    return target


def run(program: str, *arguments: str) -> bytes:
    return subprocess.run([program, *arguments], check=True, capture_output=True).stdout


def extracted(pdf: Path, *options: str) -> str:
    return run("pdftotext", *options, str(pdf), "-").decode()


def drawn(pdf: Path) -> np.ndarray:
    data = run("pdftoppm", "-r", "100", str(pdf))
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


def boxes(pdf: Path) -> dict[str, tuple[float, ...]]:
    """Return the words that poppler finds with their boxes in pixels of the page."""
    pattern = r'<word xMin="(.*)" yMin="(.*)" xMax="(.*)" yMax="(.*)">(.*)</word>'
    found = re.findall(pattern, extracted(pdf, "-bbox"))
    return {html.unescape(t): tuple(float(s) * DPI / 72 for s in sides) for *sides, t in found}


@needs_poppler
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF"])
def test_words_are_found_where_they_were_read_whatever_the_image_is(
    kind: str, tmp_path: Path
) -> None:
    pdf = made(tmp_path, picture(kind))

    found = boxes(pdf)

    assert list(found) == ["Invoice", "2041", "发票号码𠮷"]
    for text, box in WORDS:
        assert found[text] == pytest.approx((box.left, box.top, box.right, box.bottom), abs=0.5)
    assert found["发票号码𠮷"] == pytest.approx((80, 160, 280, 200), abs=0.5)


@needs_poppler
def test_who_copies_gets_words_lines_and_no_spaces_in_chinese(tmp_path: Path) -> None:
    assert extracted(made(tmp_path, scan()), "-raw") == "Invoice 2041\n发票号码𠮷\n\f"


@needs_poppler
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_pdf_stays_byte_for_byte_and_looks_the_same(rotation: int, tmp_path: Path) -> None:
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
def test_words_lie_on_their_boxes_on_turned_and_cropped_pages(
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
    for said, box in WORDS:
        side = tuple(found[said] * (DPI / 72))
        assert side == pytest.approx((box.left, box.top, box.right, box.bottom), abs=0.6)


@needs_poppler
@pytest.mark.parametrize("orientation", [0, 90, 180, 270])
@pytest.mark.parametrize("skew", [0.0, 4.0, -7.0])
def test_words_of_a_page_that_lies_run_along_its_lines(
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
        ((said,),) = [block["lines"] for block in document[0].get_text("dict")["blocks"][:1]]
    assert np.degrees(np.arctan2(said["dir"][1], said["dir"][0])) % 360 == pytest.approx(
        (skew - orientation) % 360, abs=0.1
    )
    side = tuple(pymupdf.Rect(said["bbox"]) * (DPI / 72))
    assert side == pytest.approx((box.left, box.top, box.right, box.bottom), abs=2.5)


def test_a_jpeg_is_embedded_as_it_is(tmp_path: Path) -> None:
    jpeg = picture("JPEG")

    assert jpeg in made(tmp_path, jpeg).read_bytes()


@needs_poppler
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "BMP", "TIFF"])
def test_an_image_loses_no_pixel(kind: str, tmp_path: Path) -> None:
    content = picture(kind, lossless=True) if kind == "WEBP" else picture(kind)

    pdf = made(tmp_path, content)

    run("pdfimages", "-png", str(pdf), str(tmp_path / "image"))
    held = np.array(Image.open(tmp_path / "image-000.png").convert("RGB"))
    assert (held == np.array(Image.open(BytesIO(content)).convert("RGB"))).all()


@needs_poppler
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_lies_as_its_camera_says(orientation: int, tmp_path: Path) -> None:
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
def test_pages_of_a_tiff_keep_their_places_and_sizes(tmp_path: Path) -> None:
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


@needs_poppler
def test_what_a_page_shows_as_text_is_not_written_twice(tmp_path: Path) -> None:
    document = pymupdf.open()
    page = document.new_page(width=576, height=432)
    page.insert_text((60, 68), "Typed on the page", fontsize=24)
    shown = line([("Typed", Box(83, 65, 160, 100))], sure=None)
    again = line([("Typed", Box(90, 70, 150, 95))])
    read = line([("Stamped", Box(80, 300, 240, 340))])
    text = text_of(shown, again, read, text_source="mixed")

    pdf = made(tmp_path, document.tobytes(), text)

    assert extracted(pdf).split() == ["Typed", "on", "the", "page", "Stamped"]


@needs_poppler
def test_a_page_that_another_ocr_has_read_is_left_as_it_is(tmp_path: Path) -> None:
    first = made(tmp_path, scan()).read_bytes()

    again = made(tmp_path, first, name="b")

    assert again.read_bytes() == first


def test_a_pdf_without_anything_read_is_a_copy(tmp_path: Path) -> None:
    content = scan()

    assert made(tmp_path, content, text_of()).read_bytes() == content


@needs_poppler
def test_a_locked_pdf_stays_locked_and_byte_for_byte(tmp_path: Path) -> None:
    with pymupdf.open("pdf", scan()) as document:
        content = document.tobytes(
            encryption=pymupdf.mupdf.PDF_ENCRYPT_AES_256, user_pw="open", owner_pw="own"
        )

    pdf = made(tmp_path, content, passwords=("open",))

    assert pdf.read_bytes().startswith(content)
    assert "Invoice 2041" in extracted(pdf, "-upw", "open")


@needs_poppler
def test_a_damaged_pdf_is_written_anew(tmp_path: Path) -> None:
    whole = scan()
    damaged = whole[: whole.rindex(b"xref")] + b"nothing"

    pdf = made(tmp_path, damaged)

    assert "Invoice 2041" in extracted(pdf)


def test_a_folder_that_refuses_is_told_as_such(tmp_path: Path) -> None:
    source = tmp_path / "a"
    source.write_bytes(scan())
    away = tmp_path / "away/made.pdf"
    recipe = Recipe(weights=SHIPPED)
    task = Making("c", source, Stamp.of(source), "searchable_pdf", (READ,), away, 60.0, recipe)

    with pytest.raises(FileNotFoundError):
        making.make(task)
