"""The two collections of samples: one good file of each kind, and odd, broken and hostile ones."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from tests.support.samples import images, pdfs
from tests.support.samples.bmps import bmp_of
from tests.support.samples.pictures import LINES, Image, in_colour, text_page, with_alpha
from tests.support.samples.tiff_layouts import Layout, levels, tiff_of
from tests.support.samples.tiffs import TiffPage, compressed_tiff, g4_page, plain_page, tiff

MEDIA_TYPES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "bmp": "image/bmp",
    "webp": "image/webp",
    "gif": "image/gif",
    "jp2": "image/jp2",
    "heic": "image/heic",
    "tif": "image/tiff",
    "pgm": "image/x-portable-anymap",
    "ppm": "image/x-portable-anymap",
    "pbm": "image/x-portable-anymap",
    "pdf": "application/pdf",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """A file and its expected answer: ok, partial, or the reason for its rejection.

    `pages` is the number of pages if it is ok or partial.
    """

    name: str
    data: bytes
    expected: str = "ok"
    pages: int = 1


def readable(image: Image | None = None) -> list[Sample]:
    """Return one good file per kind, all with the same page."""
    gray = text_page() if image is None else image
    colour = in_colour(gray)
    rgb16 = cv2.cvtColor(colour, cv2.COLOR_BGR2RGB).astype(np.uint16) * 257
    gray_alpha = np.dstack([np.zeros_like(gray), 255 - gray])
    planes = np.dstack([np.zeros_like(rgb16, np.int64), (255 - gray).astype(np.int64) * 257])
    return [
        Sample("gray.png", images.png(gray, dpi=300)),
        Sample("colour.png", images.png(colour)),
        Sample("alpha.png", images.png(with_alpha(gray))),
        Sample("deep.png", images.png(gray.astype(np.uint16) * 257)),
        Sample("gray.jpg", images.jpeg(gray, dpi=200)),
        Sample("progressive.jpg", images.jpeg(colour, progressive=True)),
        Sample("cmyk.jpg", images.cmyk_jpeg(colour)),
        Sample("colour.bmp", images.bmp(colour)),
        Sample("colour.webp", images.webp(colour)),
        Sample("alpha.webp", images.webp(with_alpha(gray))),
        Sample("colour.gif", images.gif(colour)),
        Sample("colour.jp2", images.jp2(colour)),
        Sample("colour.heic", images.heic(colour)),
        Sample("gray.pgm", images.pgm(gray)),
        Sample("colour.ppm", images.ppm(colour)),
        Sample("bilevel.pbm", images.pbm(gray)),
        Sample("ten-bits.pgm", _ten_bits(gray)),
        Sample("packed.bmp", bmp_of(_packed(gray), 16, masks=(0xF800, 0x07E0, 0x001F))),
        Sample("twelve-bits.tif", tiff_of(levels(gray, 12), Layout(12, rows=50))),
        Sample("zstandard.tif", images.by_pillow(gray, "TIFF", compression="zstd")),
        Sample("planes.tif", tiff_of(planes, Layout(16, 2, planar=True, tile=256, extra=2))),
        Sample(
            "deflated.tif", tiff_of(levels(gray, 4), Layout(4, compression=8, pack=zlib.compress))
        ),
        Sample("lzw.tif", compressed_tiff(colour, 5)),
        Sample("jpeg.tif", compressed_tiff(colour, 7)),
        Sample("fax.tif", tiff([g4_page(gray), g4_page(gray)]), pages=2),
        Sample("deep.tif", tiff([plain_page(rgb16)])),
        Sample("big-endian.tif", tiff([plain_page(gray, order=">")], order=">")),
        Sample("min-is-white.tif", tiff([plain_page(255 - gray, t262=0)])),
        Sample("gray-alpha.tif", tiff([plain_page(gray_alpha)])),
        Sample("scan.pdf", pdfs.pdf_of_images([gray, colour]), pages=2),
        Sample("born-digital.pdf", pdfs.pdf_of_text([LINES])),
        Sample("mixed.pdf", pdfs.pdf_mixed(gray), pages=3),
        Sample("beside.pdf", pdfs.pdf_of_text_beside(gray)),
        Sample("layer.pdf", pdfs.pdf_with_ocr_layer(LINES, ["lnvoice 2O4l"])),
    ]


def _ten_bits(gray: Image) -> bytes:
    values = np.round(gray.astype(float) * 1023 / 255).astype(">u2")
    return b"P5 %d %d 1023\n" % gray.shape[::-1] + values.tobytes()


def _packed(gray: Image) -> Image:
    """Return values of 5, 6 and 5 bits in 16."""
    five, six = levels(gray, 5), levels(gray, 6)
    return five << 11 | six << 5 | five


@cache
def broken() -> list[Sample]:
    """Return odd, broken and hostile files with the expected result of reading them."""
    page = in_colour(text_page())
    return [*_foreign(), *_cut(page), *_bombs(page), *_loops(page), *_odd_pdfs()]


def _foreign() -> list[Sample]:
    archive, letter = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("scan.txt", "not a scan")
    with zipfile.ZipFile(letter, "w") as file:
        file.writestr("mimetype", "application/vnd.oasis.opendocument.text")
    return [
        Sample("text.png", b"plain text under a false name\n", "unsupported"),
        Sample("latin1.txt", "caf\u00e9\n".encode("latin-1"), "unsupported"),
        Sample("archive.pdf", archive.getvalue(), "unsupported"),
        Sample("letter.odt", letter.getvalue(), "unsupported"),
        Sample("drawing.svg", b"<?xml version='1.0'?><svg width='9' height='9'/>", "unsupported"),
        Sample("photo.avif", b"\0\0\0\x18ftypavif\0\0\0\0mif1avif", "unsupported"),
        Sample("book.djvu", b"AT&TFORM\0\0\0\x20DJVM", "unsupported"),
    ]


def _cut(page: Image) -> list[Sample]:
    return [
        Sample("empty.pdf", b"", "corrupt"),
        Sample("signature.png", b"\x89PNG\r\n", "corrupt"),
        Sample("cut.png", images.png(page)[: len(images.png(page)) // 2], "corrupt"),
        Sample("cut.jpg", images.jpeg(page)[: len(images.jpeg(page)) * 2 // 3], "partial"),
        Sample("header-only.jpg", images.jpeg(page)[:200], "corrupt"),
        Sample("cut.tif", tiff([plain_page(page)])[:-40], "corrupt"),
        Sample("cut-strip.tif", compressed_tiff(page, 5)[:5000], "corrupt"),
        Sample("cut.webp", images.webp(page)[:2000], "corrupt"),
        Sample("header-only.pdf", b"%PDF-1.4\n%%EOF\n", "corrupt"),
        Sample("damaged-table.pdf", pdfs.pdf_of_text([LINES]).replace(b"startxref", b"startxxxx")),
    ]


def _bombs(page: Image) -> list[Sample]:
    huge = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    ends = images.png_chunk(b"IDAT", zlib.compress(b"")) + images.png_chunk(b"IEND", b"")
    frame = b"GIF89a" + struct.pack("<HHBBB", 10, 10, 0, 0, 0) + b","
    frame += struct.pack("<HHHHB", 0, 0, 65_535, 65_535, 0) + b"\x02\x01\x00\x00;"
    giant = TiffPage(100_000, 100_000, b"\0" * 16, {})
    lie = struct.pack(">IBBBI", 0, 48, 0, 1, 19) + struct.pack(">IIIIBH", 10**5, 10**5, 0, 0, 0, 0)
    jpeg2000 = images.jp2(np.full((7000, 6000), 255, np.uint8))
    return [
        Sample(
            "bomb.png", images.png(page)[:8] + images.png_chunk(b"IHDR", huge) + ends, "too_large"
        ),
        Sample("chunk-lie.png", images.png(page)[:33] + b"\x84\0\0\0tRNS" + ends, "corrupt"),
        Sample("bomb.gif", frame, "too_large"),
        Sample("bomb.tif", tiff([giant]), "too_large"),
        Sample("bomb.pgm", b"P5 99999 99999 255\n", "too_large"),
        Sample("bomb.jp2", jpeg2000, "too_large"),
        Sample(
            "jbig2-lie.pdf", pdfs.pdf_around(lie, "JBIG2Decode", width=9, height=9), "too_large"
        ),
        Sample(
            "jpx-lie.pdf", pdfs.pdf_around(jpeg2000, "JPXDecode", width=9, height=9), "too_large"
        ),
        Sample("too-many.pdf", pdfs.pdf_of_text([[]] * 2001), "too_large"),
    ]


def _loops(page: Image) -> list[Sample]:
    one = tiff([plain_page(page)])
    (first,) = struct.unpack_from("<I", one, 4)
    tree = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Pages/Kids[2 0 R]/Count 1/Parent 2 0 R>>",
    ]
    return [
        Sample("cyclic.tif", tiff([plain_page(page)], next_offset=first)),
        Sample("cyclic.pdf", pdfs.pdf_by_hand(tree), "corrupt"),
    ]


def _odd_pdfs() -> list[Sample]:
    catalogue, empty = b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[]/Count %d>>"
    lost = b"<</XObject<</\x80 9 0 R>>>>"  # an image that is not there, its name not UTF-8
    leaf = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 90 90]/Resources%s>>" % lost
    nameless = [catalogue, b"<</Type/Pages/Kids[3 0 R]/Count 1>>", leaf]
    return [
        Sample("locked.pdf", pdfs.pdf_encrypted(user_password="secret"), "encrypted"),
        Sample("owner-locked.pdf", pdfs.pdf_encrypted(user_password="")),
        Sample("no-pages.pdf", pdfs.pdf_by_hand([catalogue, empty % 0]), "corrupt"),
        Sample("minus-pages.pdf", pdfs.pdf_by_hand([catalogue, empty % -5]), "corrupt"),
        Sample("blank.pdf", pdfs.pdf_of_text([[]])),
        Sample("odd-name.pdf", pdfs.pdf_by_hand(nameless), "corrupt"),
    ]
