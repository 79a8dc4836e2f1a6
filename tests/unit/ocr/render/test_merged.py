"""Several files merged into one PDF: order, sizes and pixels of their pages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pymupdf
import pytest

from daemon.core.errors import Rejected
from daemon.core.options import Limits, Recipe
from daemon.ocr.render import merged_pdf
from tests.support.running_daemon import SHIPPED
from tests.unit.ocr.render.papers import DPI, HEIGHT, WIDTH, picture, scan

RECIPE = Recipe(weights=SHIPPED)


def merged(root: Path, *contents: bytes, recipe: Recipe = RECIPE) -> Path:
    sources = [root / f"source-{number}" for number in range(len(contents))]
    for source, content in zip(sources, contents, strict=True):
        source.write_bytes(content)
    drafts = root / "drafts"
    drafts.mkdir()
    merged_pdf.write(drafts / "merged.pdf", sources, recipe)
    return drafts / "merged.pdf"


def of_gray(*levels: int) -> list[bytes]:
    """A PDF of a page for each level of gray."""
    made = []
    for level in levels:
        document = pymupdf.open()
        page = document.new_page(width=100, height=100)
        pixels = np.full((10, 10, 1), level, np.uint8)
        page.insert_image(
            page.rect, pixmap=pymupdf.Pixmap(pymupdf.csGRAY, 10, 10, pixels.tobytes(), 0)
        )
        made.append(bytes(document.tobytes()))
    return made


def levels(path: Path) -> list[int]:
    with pymupdf.open(path) as document:
        return [page.get_pixmap(dpi=72, colorspace="gray").pixel(50, 50)[0] for page in document]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "BMP", "JPEG2000", "HEIF"])
def test_images_of_any_kind_have_the_size_of_their_paper(kind: str, tmp_path: Path) -> None:
    path = merged(tmp_path, picture(kind), scan())

    with pymupdf.open(path) as document:
        sizes = [(page.rect.width, page.rect.height) for page in document]
    paper = (WIDTH * 72 / DPI, HEIGHT * 72 / DPI)
    # WebP, JPEG 2000 and HEIF of Pillow do not say their resolution: 300 dpi are assumed
    shown = paper if sizes[0][0] > 300 else tuple(side * DPI / 300 for side in paper)
    assert sizes == [pytest.approx(shown, abs=1), pytest.approx(paper, abs=1)]


@pytest.mark.parametrize("number", [1, 2, 3, 7])
def test_pages_keep_their_order_in_groups_of_files(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merged_pdf, "_GROUP", 2)
    wanted = [30 * step for step in range(number)]

    assert levels(merged(tmp_path, *of_gray(*wanted))) == wanted


def test_a_repetition_has_the_same_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir()
    second.mkdir()
    contents = [picture("JPEG"), *of_gray(7)]

    assert merged(first, *contents).read_bytes() == merged(second, *contents).read_bytes()


def with_form() -> bytes:
    document = pymupdf.open("pdf", scan())
    field = pymupdf.Widget()
    field.field_type, field.field_name = pymupdf.PDF_WIDGET_TYPE_TEXT, "a"
    field.rect = pymupdf.Rect(9, 9, 90, 40)
    document[0].add_widget(field)
    return bytes(document.tobytes())


def encrypted() -> bytes:
    with pymupdf.open("pdf", scan()) as document:
        method = pymupdf.mupdf.PDF_ENCRYPT_AES_256
        return bytes(document.tobytes(encryption=method, user_pw="a", owner_pw="b"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"Dear Sir", "source-1: this is plain text"),
        (b"%PDF-1.7\ntorn", "source-1: its PDF is damaged"),
        (encrypted(), "source-1: it is encrypted"), (with_form(), "source-1: it has a form"),
        (picture("PNG")[:60], "source-1: "),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_merged_is_named_and_nothing_is_written(
    content: bytes, reason: str, tmp_path: Path
) -> None:
    with pytest.raises(Rejected, match=reason):
        merged(tmp_path, scan(), content)

    assert not (tmp_path / "drafts/merged.pdf").exists()


def test_more_pages_than_are_allowed_are_refused(tmp_path: Path) -> None:
    recipe = Recipe(weights=SHIPPED, limits=Limits(pages=2))

    with pytest.raises(Rejected, match="more than 2 pages"):
        merged(tmp_path, *of_gray(1, 2, 3), recipe=recipe)
