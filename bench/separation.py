"""Benchmark of separation: batches of drawn pages, with separator sheets turned, torn and faint.

    python -m bench.separation [--pages 1000] [--batch 50] [--first 0] [--pattern PATCHT]

Each batch is documents of 1 to 6 pages with a separator sheet before each, as `ocr-daemon
separators` prints it. Sheets are turned by quarters or by any angle of feeding, faint, torn at a
corner, folded or specked; pages between them have text, and some of them codes of their own.
Counted are the documents that come out with exactly their pages.
"""

from __future__ import annotations

import argparse
import time

import cv2
import numpy as np
import pymupdf

from bench import drawn_codes
from daemon.core.options import Separation
from daemon.core.records import Document, Page, PageText
from daemon.ocr import codes
from daemon.ocr.render import separator_sheets
from daemon.supervisor.separation import parts_of

DAMAGES = ("none", "upside down", "sideways", "skewed", "faint", "torn", "folded", "specks", "copy")


def main() -> None:
    """Run the benchmark of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--pages", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--pattern", default="SEPARATOR", help="PATCH1 to PATCHT: by patch codes")
    options = parser.parse_args()
    separation = Separation(by="barcode", pattern=options.pattern)
    sheet, rng = drawn_sheet(options.pattern), np.random.default_rng(options.first)
    right = total = 0
    missed: list[str] = []
    seconds = 0.0
    pages = 0
    while pages < options.pages:
        kinds, wanted = a_batch(rng, options.batch)
        read = []
        for number, kind in enumerate(kinds, 1):
            image = a_sheet(sheet, kind, rng) if kind in DAMAGES else a_page(kind, rng)
            start = time.process_time()
            found = codes.find(Page(number, *image.shape[::-1], image), ["any"])
            seconds += time.process_time() - start
            if kind in DAMAGES and not any(code.text == options.pattern for code in found):
                missed.append(kind)
            read.append(page_text(number, found))
        document = Document("done", "image/tiff", tuple(read), {}, 1)
        parts = parts_of(document, separation, {})
        told = [[page.number for page in part.document.pages] for part in parts]
        right += sum(each in told for each in wanted)
        total += len(wanted)
        pages += len(kinds)
        print(f"{pages} pages: {right} of {total} documents", flush=True)
    print(f"{100 * right / total:.2f} % of {total} documents, {seconds / pages:.3f} s a page")
    print(f"sheets missed: {missed or 'none'}")


def a_batch(rng: np.random.Generator, count: int) -> tuple[list[str], list[list[int]]]:
    """Return the kinds of about `count` pages, and the page numbers of each document."""
    kinds: list[str] = []
    documents = []
    while len(kinds) < count:
        kinds.append(str(rng.choice(DAMAGES)))
        length = int(rng.integers(1, 7))
        documents.append(list(range(len(kinds) + 1, len(kinds) + 1 + length)))
        kinds += ["text" if rng.random() < 0.85 else "code" for _ in range(length)]
    return kinds, documents


def drawn_sheet(pattern: str) -> np.ndarray:
    """Return a sheet with a barcode of this text, or a patch code, at 200 dpi, H,W gray."""
    patch = pattern.removeprefix("PATCH") if pattern.startswith("PATCH") else None
    with pymupdf.open("pdf", separator_sheets.write("SEPARATOR", 1, patch)) as document:
        pixmap = document[0].get_pixmap(dpi=drawn_codes.DPI, colorspace=pymupdf.csGRAY)
        return np.frombuffer(pixmap.samples, np.uint8).reshape(pixmap.height, pixmap.width).copy()


def a_sheet(  # noqa: C901 -- a list of kinds
    sheet: np.ndarray, damage: str, rng: np.random.Generator
) -> np.ndarray:
    """Return a scan of the sheet with one kind of damage."""
    image = sheet.copy()
    height, width = image.shape
    match damage:
        case "upside down":
            image = image[::-1, ::-1]
        case "sideways":
            image = np.rot90(image)
        case "skewed":
            turn = cv2.getRotationMatrix2D((width / 2, height / 2), rng.uniform(-12, 12), 1)
            image = cv2.warpAffine(image, turn, (width, height), borderValue=(255,))
        case "faint":
            image = 255 - (255 - image) * rng.uniform(0.12, 0.3)
        case "torn":  # a corner with up to half of the sheet
            reach = rng.uniform(0.4, 1.0)
            corner = np.array([[0, 0], [width * reach * 1.4, 0], [0, height * reach]])
            cv2.fillPoly(image, [corner.astype(np.int32)], (255,))
        case "folded":
            for _ in range(2):
                y = int(rng.integers(0, height))
                cv2.line(image, (0, y), (width, y + int(rng.integers(-30, 30))), (200,), 5)
        case "specks":
            for y, x in rng.integers(0, (height, width), (900, 2)).tolist():
                cv2.circle(image, (x, y), int(rng.integers(1, 4)), (int(rng.integers(0, 255)),), -1)
        case "copy":  # a copy of a copy: blurred, and too dark
            image = cv2.GaussianBlur(image, (0, 0), 2.0)
            image = np.clip((image.astype(np.float32) - 60) * 1.3, 0, 255)
    blurred = cv2.GaussianBlur(np.ascontiguousarray(image, np.uint8), (0, 0), 0.7)
    return drawn_codes.as_jpeg(drawn_codes.noisy(np.asarray(blurred), rng, 4))


def a_page(kind: str, rng: np.random.Generator) -> np.ndarray:
    """Return a page of text, with a code of its own or without."""
    if kind == "code":
        return drawn_codes.draw(int(rng.integers(10_000))).damaged
    return drawn_codes.as_jpeg(drawn_codes.noisy(drawn_codes.text_page(rng, 40), rng, 3))


def page_text(number: int, found: tuple) -> PageText:  # type: ignore[type-arg]
    """Return a page of which only the codes are known."""
    return PageText(
        number=number, width=1, height=1, dpi=None, rotation=0, skew=0.0, text_source="ocr",
        status="done", text="", confidence=None, blocks=(), codes=found,
    )  # fmt: skip


if __name__ == "__main__":
    main()
