"""Builders of searchable PDFs from pages that were read, and their check by poppler."""

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
import pillow_heif
import pymupdf
import pytest
from PIL import Image

from daemon.core.options import Recipe, Rendering
from daemon.core.records import Block, Box, PageText, Stamp, TextLine, Word
from daemon.core.tasks import RenderTask
from daemon.ocr.render import outputs
from tests.support.running_daemon import SHIPPED

needs_poppler = pytest.mark.skipif(
    not shutil.which("pdftotext") or not shutil.which("pdftoppm"), reason="poppler is not here"
)
WIDTH, HEIGHT, DPI = 800, 600, 100.0
WORDS = (("Invoice", Box(80, 60, 240, 100)), ("2041", Box(260, 60, 350, 100)))
CHINESE = (("发票", Box(80, 160, 160, 200)), ("号码𠮷", Box(160, 160, 280, 200)))


def line(
    words: Sequence[tuple[str, Box]], separator: str = " ", confidence: float | None = 0.9
) -> TextLine:
    found = tuple(Word(text, confidence, box) for text, box in words)
    text = separator.join(text for text, _ in words)
    return TextLine(text, confidence, Box.around(word.box for word in found), found)


def text_of(*lines: TextLine, **changes: object) -> PageText:
    values = {
        "number": 1, "width": WIDTH, "height": HEIGHT, "dpi": DPI, "rotation": 0, "skew": 0.0,
        "text_source": "ocr", "status": "done", "text": "\n".join(each.text for each in lines),
        "confidence": 0.9, "blocks": (Block(lines),) if lines else (),
    }  # fmt: skip
    return PageText(**(values | changes))  # type: ignore[arg-type]


READ = text_of(line(WORDS), line(CHINESE, ""))


def picture(kind: str, **options: object) -> bytes:
    """A page with stripes, so that every rotation and mirror image of it differs."""
    image = np.full((HEIGHT, WIDTH, 3), 230, np.uint8)
    image[60:100, 80:350] = (20, 60, 200)
    image[160:200, 80:280] = (90, 20, 20)
    file = BytesIO()
    if kind == "HEIF":
        pillow_heif.register_heif_opener()
    Image.fromarray(image).save(file, kind, dpi=(DPI, DPI), **options)
    return file.getvalue()


def scan(rotation: int = 0, crop: tuple[float, ...] | None = None) -> bytes:
    """A PDF of one picture that fills its page and leaves a changed graphics state."""
    document = pymupdf.open()
    page = document.new_page(width=WIDTH * 72 / DPI, height=HEIGHT * 72 / DPI)
    page.insert_image(page.rect, stream=picture("JPEG"))
    xref = page.get_contents()[0]
    left = b"q 2 0 0 2 30 30 cm 0.5 g " + document.xref_stream(xref)
    document.update_stream(xref, left)  # never restored: later content would be displaced
    page.set_rotation(rotation)
    if crop:
        page.set_cropbox(pymupdf.Rect(crop))
    return document.tobytes()


def made(
    root: Path,
    content: bytes,
    *pages: PageText,
    name: str = "a",
    deskew_pdf: bool = False,
    **rendering: object,
) -> Path:
    source, target = root / name, root / "made.pdf"
    source.write_bytes(content)
    options = Rendering(**rendering)  # type: ignore[arg-type]
    recipe = Recipe(weights=SHIPPED, rendering=options, deskew_pdf=deskew_pdf)
    pages = pages or (READ,)
    outputs.render(
        RenderTask("c", source, Stamp.of(source), "searchable_pdf", pages, target, 60, recipe)
    )
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
