"""The picture of a batch for docs/images/: what it is scanned as, and its parts.

    python -m bench.batch_picture [--out docs/images/batch.png]

The sheet is that of `ocr-daemon separators`, the parts are those that the daemon makes.
"""

from __future__ import annotations

import argparse
import io
import tempfile
from pathlib import Path

import pymupdf
from PIL import Image, ImageDraw

from bench import drawn_backs, drawn_pages
from daemon.ocr.render import separator_sheets
from tests.support.running_daemon import Workspace

_SIZE = (210, 297)
_GAP = 24
_LABEL = 48  # pixels below the pages
_NAME = "batch.pdf"
_SETTINGS = {
    "codes": ["any"], "blank_pages": "drop", "separation": {"by": "barcode"}, "outputs": ["text"],
}  # fmt: skip


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/images/batch.png"))
    out: Path = parser.parse_args().out
    pages = _pages()
    content = io.BytesIO()
    pages[0].save(content, "PDF", save_all=True, append_images=pages[1:], resolution=200)
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder), **_SETTINGS)
        with workspace.running():
            workspace.drop(_NAME, content.getvalue())
            answer = workspace.answer(f"{_NAME}.json")
    labels = [""] * len(pages)
    for part in answer["parts"]:
        for number in range(part["first_page"], part["last_page"] + 1):
            labels[number - 1] = part["name"].removeprefix(f"{_NAME}.").removesuffix(".json")
    blank = {page["number"] for page in answer["pages"] if page["blank"]}
    _drawn(pages, labels, blank).save(out, optimize=True)
    print(f"{out}: {out.stat().st_size // 1000} kB")


def _pages() -> list[Image.Image]:
    """Return a sheet, an invoice with its blank back, a sheet, a timetable and a notice."""
    with pymupdf.open("pdf", separator_sheets.write("SEPARATOR", 1)) as document:
        pixmap = document[0].get_pixmap(dpi=200)
        sheet = Image.frombytes("RGB", (pixmap.width, pixmap.height), pixmap.samples)
    invoice, timetable, notice = (
        Image.open(io.BytesIO(content)).convert("RGB")
        for content in (drawn_pages.invoice(), drawn_pages.timetable(), drawn_pages.notice())
    )
    back = Image.fromarray(drawn_backs.blank(1).image[..., ::-1]).convert("RGB")
    return [sheet, invoice, back, sheet, timetable, notice]


def _drawn(pages: list[Image.Image], labels: list[str], blank: set[int]) -> Image.Image:
    width = _GAP + len(pages) * (_SIZE[0] + _GAP)
    picture = Image.new("RGB", (width, _SIZE[1] + _GAP + _LABEL), (226, 230, 236))
    draw = ImageDraw.Draw(picture)
    face = drawn_pages.font_face("Liberation Sans", 20)
    for index, page in enumerate(pages):
        left = _GAP + index * (_SIZE[0] + _GAP)
        thumbnail = page.copy()
        thumbnail.thumbnail(_SIZE, Image.Resampling.LANCZOS)
        picture.paste(thumbnail, (left + (_SIZE[0] - thumbnail.width) // 2, _GAP))
        text = labels[index] or "separates"
        if index + 1 in blank:
            text += ", blank"
        middle = (left + _SIZE[0] / 2, _GAP + _SIZE[1] + _LABEL / 2)
        draw.text(middle, text, (30, 40, 60), face, "mm")
    return picture.quantize(128, Image.Quantize.MAXCOVERAGE, kmeans=3, dither=Image.Dither.NONE)


if __name__ == "__main__":
    main()
