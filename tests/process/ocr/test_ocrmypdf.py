"""The plug-in for OCRmyPDF, with the real OCRmyPDF: text, places, orientation, skew, refusals."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pymupdf
import pypdfium2
import pytest

from tests.support.repository import REPOSITORY
from tests.support.samples import pdf_of_images, png, text_page

pytest.importorskip("ocrmypdf", reason="OCRmyPDF is not installed: the extra [ocrmypdf]")
if missing := [name for name in ("tesseract", "gs") if shutil.which(name) is None]:
    pytest.skip(f"OCRmyPDF checks for {missing}, not installed here", allow_module_level=True)

from ocrmypdf.hocrtransform import HocrParser
from PIL import Image

from daemon import ocrmypdf as plug_in
from daemon.core.records import Block, Cell, PageText, Table, TextLine, Word
from daemon.core.records import Box as PixelBox
from daemon.ocrmypdf import EngineOptions, OcrDaemonEngine

ENGLISH = ("The quick brown fox", "jumps over the dog", "Invoice 2041 Total 17.50")
CHINESE = "人人生而自由，在尊严和权利上一律平等"


def ocrmypdf(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ocrmypdf", "--plugin", "daemon.ocrmypdf"]
    return subprocess.run(
        [*command, *map(str, arguments)],
        cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=200,
    )  # fmt: skip


def chinese_page() -> np.ndarray:
    with pymupdf.open() as document:
        page = document.new_page(width=400, height=120)
        page.insert_text((20, 60), CHINESE, fontname="china-s", fontsize=18)
        pixels = page.get_pixmap(dpi=200, colorspace=pymupdf.csGRAY)
    return np.frombuffer(pixels.samples, np.uint8).reshape(pixels.height, pixels.width)


def skewed(image: np.ndarray, degrees: float) -> np.ndarray:
    """Return an image whose rows fall to the right by so many degrees."""
    height, width = image.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.0)
    return cv2.warpAffine(image, turn, (width, height), borderValue=255)


def text_of(pdf: Path, page: int) -> str:
    with pypdfium2.PdfDocument(pdf) as document:
        return document[page].get_textpage().get_text_bounded()


def test_pages_get_their_text_at_its_place(tmp_path: Path) -> None:
    scan, out, sidecar = tmp_path / "scan.pdf", tmp_path / "out.pdf", tmp_path / "out.txt"
    upright = text_page(ENGLISH)
    turned = np.ascontiguousarray(np.rot90(upright, 2))
    scan.write_bytes(pdf_of_images([upright, turned, chinese_page(), upright], dpi=200))

    done = ocrmypdf(
        "--pages", "1-3", "--rotate-pages", "-l", "chi_sim+eng", "--jobs", "2",
        "--output-type", "pdf", "--sidecar", sidecar, scan, out,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    for page in (0, 1):
        assert text_of(out, page).split() == " ".join(ENGLISH).split()
    assert re.sub(r"\W", "", text_of(out, 2)) == re.sub(r"\W", "", CHINESE)
    assert text_of(out, 3) == ""
    assert "Invoice 2041" in sidecar.read_text()
    with pymupdf.open(out) as document:
        assert document[1].rotation == 180
        assert "ocr-daemon" in document.metadata["creator"]
        shown = document[0].get_pixmap(dpi=200, colorspace=pymupdf.csGRAY)
        ink = np.frombuffer(shown.samples, np.uint8).reshape(shown.height, shown.width) < 128
        words = {word[4]: np.array(word[:4]) * 200 / 72 for word in document[0].get_text("words")}
    for word in ("quick", "jumps", "2041"):
        left, top, right, bottom = words[word].round().astype(int)
        assert ink[top:bottom, left:right].any()
        assert not ink[top:bottom, left - 8 : left - 4].any()
        assert not ink[top:bottom, right + 4 : right + 8].any()


def test_worker_processes_load_networks_of_their_own(tmp_path: Path) -> None:
    scan, out = tmp_path / "scan.pdf", tmp_path / "out.pdf"
    scan.write_bytes(pdf_of_images([text_page(["First page"]), text_page(["Second page"])]))

    done = ocrmypdf("--no-use-threads", "--jobs", "2", "--output-type", "pdf", scan, out)

    assert done.returncode == 0, done.stderr
    assert [text_of(out, page).strip() for page in (0, 1)] == ["First page", "Second page"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("-l", "deu"), 3, "deu"),
        (("--ocr-daemon-config", "no-such.yaml"), 1, "no-such.yaml"),
    ],
)
def test_what_cannot_be_done_is_refused_before_any_page(
    arguments: tuple[str, ...], code: int, said: str, tmp_path: Path
) -> None:
    scan = tmp_path / "scan.pdf"
    scan.write_bytes(pdf_of_images([text_page()]))

    done = ocrmypdf(*arguments, scan, tmp_path / "out.pdf")

    assert done.returncode == code
    assert said in done.stderr
    assert not (tmp_path / "out.pdf").exists()


OPTIONS = SimpleNamespace(ocr_daemon=EngineOptions())


@pytest.mark.parametrize("degrees", [-3.0, 0.0, 2.0])
def test_a_page_is_deskewed_against_its_rows(degrees: float, tmp_path: Path) -> None:
    picture = tmp_path / "page.png"
    picture.write_bytes(png(skewed(text_page(ENGLISH * 3, height=700), degrees)))

    assert OcrDaemonEngine.get_deskew(picture, OPTIONS) == pytest.approx(degrees, abs=0.2)


def test_a_page_without_text_is_left_as_it_lies_and_gets_a_page_without_text(
    tmp_path: Path,
) -> None:
    picture, pdf = tmp_path / "page.png", tmp_path / "page.pdf"
    picture.write_bytes(png(np.full((400, 300), 255, np.uint8)))

    assert OcrDaemonEngine.get_orientation(picture, OPTIONS) == (0, 0.0)
    OcrDaemonEngine.generate_pdf(picture, pdf, tmp_path / "page.txt", OPTIONS)
    with pymupdf.open(pdf) as document:
        assert (document[0].get_text(), document[0].read_contents()) == ("", b"")


def test_hocr_has_the_words_of_headings_and_tables_where_ocrmypdf_looks_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def line(text: str, top: int) -> TextLine:
        box = PixelBox(10, top, 90, top + 10)
        return TextLine(text, 0.9, box, (Word(text, 0.9, box),))

    cell = Cell(0, 0, 1, 1, PixelBox(0, 30, 99, 50), (0,), "cell")
    blocks = (
        Block((line("title", 10),), "heading"),
        Block((line("cell", 35),), "table", Table(1, 1, (cell,))),
        Block((line("text", 60),)),
    )
    page = PageText(1, 100, 100, 72.0, 0, 0.0, "ocr", "done", "title cell text", 0.9, blocks)
    monkeypatch.setattr("daemon.ocrmypdf._read", lambda *_: page)
    hocr, text = tmp_path / "page.hocr", tmp_path / "page.txt"

    OcrDaemonEngine.generate_hocr(tmp_path / "page.png", hocr, text, OPTIONS)

    assert [word.text for word in HocrParser(hocr).parse().words] == ["title", "cell", "text"]
    assert text.read_text() == "title cell text"


def test_a_very_large_picture_is_read_smaller_and_others_are_left_to_ocrmypdf(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = SimpleNamespace(options=SimpleNamespace(ocr_engine="auto"))
    picture = Image.new("L", (400, 100))
    picture.info["dpi"] = (300, 300)

    assert plug_in.filter_ocr_image(page, picture) is None
    monkeypatch.setattr(plug_in, "_READ_PIXELS", 10_000)
    assert plug_in.filter_ocr_image(page, picture).size == (200, 50)
    page.options.ocr_engine = "tesseract"
    assert plug_in.filter_ocr_image(page, picture) is None
