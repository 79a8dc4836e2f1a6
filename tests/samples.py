"""Files for the tests, made on the spot: good ones of every format, and odd, broken, hostile ones.

Everything is deterministic. A good sample is an encoder applied to `text_page(...)`:

    image = text_page(["Invoice 2041", "Total 17.50"])
    (inbox / "scan.png").write_bytes(png(image))
    (inbox / "scan.pdf").write_bytes(pdf_of_images([image, image], dpi=200))

`readable()` lists one good file per kind, `broken()` the others with the answer they must get.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import pillow_heif
import pymupdf
from numpy.typing import NDArray

Image = NDArray[np.uint8]

LINES = ("Invoice 2041", "Date 23 November", "Total 17.50")
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
    """A file and its answer: `expected` is ok, partial, or the reason of its rejection.

    `pages` counts the pages of what is ok or partial.
    """

    name: str
    data: bytes
    expected: str = "ok"
    pages: int = 1


# --- pictures -----------------------------------------------------------------------------------


def text_page(
    lines: Sequence[str] = LINES, *, width: int = 1000, height: int = 400, size: float = 1.5
) -> Image:
    """Return H,W gray: black lines of ASCII text on white, 60 pixels apart from top left."""
    page = np.full((height, width), 255, np.uint8)
    for number, line in enumerate(lines):
        at = (40, 80 + 60 * number)
        cv2.putText(page, line, at, cv2.FONT_HERSHEY_SIMPLEX, size, 0, 3, cv2.LINE_AA)
    return page


def in_colour(image: Image) -> Image:
    """Return H,W,3 BGR: the text in dark blue, a red block top right to tell the sides apart."""
    colour = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    colour[..., 0] = np.maximum(colour[..., 0], 96)
    colour[:20, -60:] = (0, 0, 255)
    return colour


def with_alpha(image: Image) -> Image:
    """Return H,W,4 BGRA: black everywhere, opaque where the gray image is dark."""
    layers = np.zeros((*image.shape, 4), np.uint8)
    layers[..., 3] = 255 - image
    return layers


# --- image files --------------------------------------------------------------------------------


def png(image: Image, *, dpi: int | None = None) -> bytes:
    """Encode gray, BGR, BGRA or 16-bit gray."""
    data = _encoded(".png", image)
    if dpi is None:
        return data
    per_metre = round(dpi / 0.0254)
    chunk = png_chunk(b"pHYs", struct.pack(">IIB", per_metre, per_metre, 1))
    return data[:33] + chunk + data[33:]  # behind IHDR


def png_chunk(name: bytes, content: bytes) -> bytes:
    """Return length, name, content and checksum."""
    checksum = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)


def jpeg(
    image: Image, *, orientation: int | None = None, dpi: int | None = None, progressive=False
) -> bytes:
    """Encode gray or BGR; the EXIF orientation is written, the pixels are not turned."""
    options = [cv2.IMWRITE_JPEG_QUALITY, 90, cv2.IMWRITE_JPEG_PROGRESSIVE, int(progressive)]
    data = _encoded(".jpg", image, options)
    if dpi is not None:
        start = data.index(b"JFIF\0")
        data = data[: start + 7] + struct.pack(">BHH", 1, dpi, dpi) + data[start + 12 :]
    if orientation is not None:
        block = b"Exif\0\0" + exif(orientation)
        data = data[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + data[2:]
    return data


def exif(orientation: int) -> bytes:
    """Return an EXIF block that knows nothing but the orientation."""
    return struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def cmyk_jpeg(image: Image) -> bytes:
    """Encode in CMYK (black ink alone), stored inverted with Adobe's marker as Photoshop does."""
    height, width = image.shape[:2]
    inks = np.full((height, width, 4), 255, np.uint8)
    inks[..., 3] = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    return pymupdf.Pixmap(pymupdf.csCMYK, width, height, inks.tobytes(), 0).tobytes("jpeg")


def bmp(image: Image) -> bytes:
    return _encoded(".bmp", image)


def webp(image: Image) -> bytes:
    """Encode without loss; BGRA keeps its alpha."""
    return _encoded(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, 101])


def gif(image: Image) -> bytes:
    return _encoded(".gif", image)


def jp2(image: Image) -> bytes:
    """Encode JPEG 2000 in its box format."""
    return _encoded(".jp2", image, [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000])


def pgm(image: Image) -> bytes:
    return b"P5\n# made by a test\n%d %d\n255\n" % image.shape[::-1] + image.tobytes()


def ppm(image: Image) -> bytes:
    rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    return b"P6 %d %d 255\n" % (image.shape[1], image.shape[0]) + rgb.tobytes()


def pbm(image: Image) -> bytes:
    return b"P4\n%d %d\n" % image.shape[::-1] + np.packbits(image < 128, axis=1).tobytes()


def _encoded(extension: str, image: Image, options: Sequence[int] = ()) -> bytes:
    done, data = cv2.imencode(extension, image, list(options))
    assert done
    return data.tobytes()


# --- TIFF ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TiffPage:
    """One directory and its single strip, as written by `tiff`."""

    width: int
    height: int
    strip: bytes
    tags: dict[int, int]


def tiff(pages: Sequence[TiffPage], *, order: str = "<", next_offset: int = 0) -> bytes:
    """Write strip, then directory, page by page; the last one points at `next_offset`."""
    data = bytearray(struct.pack(order + "2sHI", b"II" if order == "<" else b"MM", 42, 0))
    link = 4
    for page in pages:
        strip_at = len(data)
        data += page.strip + bytes(len(page.strip) % 2)
        entries, extra = _tiff_entries(page, strip_at, len(data), order)
        data += extra
        struct.pack_into(order + "I", data, link, len(data))
        data += struct.pack(order + "H", len(entries)) + b"".join(entries) + bytes(4)
        link = len(data) - 4
    struct.pack_into(order + "I", data, link, next_offset)
    return bytes(data)


def _tiff_entries(page: TiffPage, strip_at: int, extra_at: int, order: str):
    tags = {256: page.width, 257: page.height, 259: 1, 262: 1, 277: 1, 258: 8}
    tags |= {278: page.height, 273: strip_at, 279: len(page.strip)} | page.tags
    samples, extra, entries = tags[277], b"", []
    for tag, value in sorted(tags.items()):
        if tag == 258 and samples > 2:
            entries.append(struct.pack(order + "HHII", tag, 3, samples, extra_at + len(extra)))
            extra += struct.pack(f"{order}{samples}H", *[value] * samples)
        elif tag == 258:
            entries.append(struct.pack(order + "HHIHH", tag, 3, samples, value, value))
        elif tag in (282, 283):
            entries.append(struct.pack(order + "HHII", tag, 5, 1, extra_at + len(extra)))
            extra += struct.pack(order + "II", value, 1)
        else:
            entries.append(struct.pack(order + "HHII", tag, 4, 1, value))
    return entries, extra


def plain_page(image: Image, *, order: str = "<", **tags: int) -> TiffPage:
    """Return an uncompressed page, 8 or 16 bits: gray H,W, gray + alpha, RGB or RGBA H,W,n.

    Tags are given as `t274=6` (orientation), `t282=300` (dpi), `t262=0` (0 is white).
    """
    samples = 1 if image.ndim == 2 else image.shape[2]
    base = {258: image.itemsize * 8, 277: samples, 262: 1 if samples < 3 else 2}
    if samples in (2, 4):
        base[338] = 2  # alpha, colours not multiplied by it
    given = {int(name[1:]): value for name, value in tags.items()}
    strip = image.astype(image.dtype.newbyteorder(order)).tobytes()
    return TiffPage(image.shape[1], image.shape[0], strip, base | given)


def g4_page(image: Image) -> TiffPage:
    """Return a page in CCITT group 4, as fax machines and archives have it; 0 is white."""
    height, width = image.shape
    bits = np.packbits(image >= 128, axis=1)  # MuPDF's encoder takes 0 as black
    mupdf = pymupdf.mupdf
    data = mupdf.python_buffer_data(bits.tobytes())
    packed = mupdf.fz_compress_ccitt_fax_g4(data, width, height, bits.shape[1])
    strip = mupdf.fz_buffer_extract_copy(packed)
    return TiffPage(width, height, strip, {259: 4, 262: 0, 258: 1, 282: 300, 283: 300, 296: 2})


def compressed_tiff(image: Image, compression: int) -> bytes:
    """Let OpenCV write one page: 5 LZW, 7 JPEG, 8 deflate, 32773 packbits."""
    options = [cv2.IMWRITE_TIFF_COMPRESSION, compression, cv2.IMWRITE_TIFF_ROWSPERSTRIP, 16]
    return _encoded(".tiff", image, options)


# --- PDF ----------------------------------------------------------------------------------------


def pdf_of_images(images: Sequence[Image], dpi: int = 300, *, rotate: int = 0) -> bytes:
    """Return a scan: each page as large as its image at `dpi`, with /Rotate where asked for."""
    document = pymupdf.open()
    for image in images:
        height, width = image.shape[:2]
        page = document.new_page(width=width * 72 / dpi, height=height * 72 / dpi)
        page.insert_image(page.rect, stream=png(image))
        page.set_rotation(rotate)
    return document.tobytes(deflate=True)


def pdf_of_text(pages: Sequence[Sequence[str]], *, rotate: int = 0, **saving) -> bytes:
    """Return a born-digital A4 document: Helvetica 12, the first baseline at (72, 100) points."""
    document = pymupdf.open()
    for lines in pages:
        page = document.new_page(width=595, height=842)
        for number, line in enumerate(lines):
            page.insert_text((72, 100 + 20 * number), line, fontsize=12)
        page.set_rotation(rotate)
    return document.tobytes(**saving)


def pdf_of_scan_with_hidden_text(image: Image, hidden: str, dpi: int = 300) -> bytes:
    """Return a scan under the invisible text that another OCR put there."""
    document = pymupdf.open(stream=pdf_of_images([image], dpi), filetype="pdf")
    document[0].insert_text((20, 40), hidden, render_mode=3)
    return document.tobytes()


def pdf_mixed(image: Image) -> bytes:
    """Return three pages: born-digital, scanned, and blank."""
    document = pymupdf.open(stream=pdf_of_text([LINES]), filetype="pdf")
    document.insert_pdf(pymupdf.open(stream=pdf_of_images([image]), filetype="pdf"))
    document.new_page()
    return document.tobytes()


def pdf_encrypted(*, user_password: str) -> bytes:
    return pdf_of_text(
        [LINES],
        encryption=pymupdf.PDF_ENCRYPT_AES_256,
        owner_pw="owner",
        user_pw=user_password,
    )


def pdf_by_hand(objects: Sequence[bytes]) -> bytes:
    """Write objects 1, 2, ... with a correct cross-reference table; object 1 is the catalogue."""
    data, offsets = b"%PDF-1.5\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(data))
        data += b"%d 0 obj\n" % number + content + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    count = len(objects) + 1
    trailer = b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (count, len(data))
    return data + b"xref\n0 %d\n0000000000 65535 f \n" % count + table + trailer


def pdf_around(stream: bytes, kind: str, *, width: int, height: int) -> bytes:
    """Put a raw image stream (filter `kind`) on one letter page, with the size that is claimed."""
    content = b"q 612 0 0 792 0 0 cm /I Do Q"
    image = b"<</Type/XObject/Subtype/Image/Width %d/Height %d/BitsPerComponent 8" % (width, height)
    image += b"/ColorSpace/DeviceGray/Filter/%s/Length %d>>" % (kind.encode(), len(stream))
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R"
    return pdf_by_hand(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            page + b"/Resources<</XObject<</I 5 0 R>>>>>>",
            b"<</Length %d>>stream\n" % len(content) + content + b"\nendstream",
            image + b"stream\n" + stream + b"\nendstream",
        ]
    )


# --- the two collections ------------------------------------------------------------------------


def heic(image: Image) -> bytes:
    """Return a photo as a telephone writes it."""
    photo = pillow_heif.from_bytes("BGR", image.shape[1::-1], image.tobytes())
    file = io.BytesIO()
    photo.save(file, quality=90)
    return file.getvalue()


def readable(image: Image | None = None) -> list[Sample]:
    """Return one good file per kind, all showing the same page."""
    gray = text_page() if image is None else image
    colour = in_colour(gray)
    rgb16 = cv2.cvtColor(colour, cv2.COLOR_BGR2RGB).astype(np.uint16) * 257
    gray_alpha = np.dstack([np.zeros_like(gray), 255 - gray])
    return [
        Sample("gray.png", png(gray, dpi=300)),
        Sample("colour.png", png(colour)),
        Sample("alpha.png", png(with_alpha(gray))),
        Sample("deep.png", png(gray.astype(np.uint16) * 257)),
        Sample("gray.jpg", jpeg(gray, dpi=200)),
        Sample("progressive.jpg", jpeg(colour, progressive=True)),
        Sample("cmyk.jpg", cmyk_jpeg(colour)),
        Sample("colour.bmp", bmp(colour)),
        Sample("colour.webp", webp(colour)),
        Sample("alpha.webp", webp(with_alpha(gray))),
        Sample("colour.gif", gif(colour)),
        Sample("colour.jp2", jp2(colour)),
        Sample("colour.heic", heic(colour)),
        Sample("gray.pgm", pgm(gray)),
        Sample("colour.ppm", ppm(colour)),
        Sample("bilevel.pbm", pbm(gray)),
        Sample("lzw.tif", compressed_tiff(colour, 5)),
        Sample("jpeg.tif", compressed_tiff(colour, 7)),
        Sample("fax.tif", tiff([g4_page(gray), g4_page(gray)]), pages=2),
        Sample("deep.tif", tiff([plain_page(rgb16)])),
        Sample("big-endian.tif", tiff([plain_page(gray, order=">")], order=">")),
        Sample("min-is-white.tif", tiff([plain_page(255 - gray, t262=0)])),
        Sample("gray-alpha.tif", tiff([plain_page(gray_alpha)])),
        Sample("scan.pdf", pdf_of_images([gray, colour]), pages=2),
        Sample("born-digital.pdf", pdf_of_text([LINES])),
        Sample("mixed.pdf", pdf_mixed(gray), pages=3),
    ]


def broken() -> list[Sample]:
    """Return odd, broken and hostile files; `expected` is what opening and reading must say."""
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
        Sample("cut.png", png(page)[: len(png(page)) // 2], "corrupt"),
        Sample("cut.jpg", jpeg(page)[: len(jpeg(page)) * 2 // 3], "partial"),
        Sample("header-only.jpg", jpeg(page)[:200], "corrupt"),
        Sample("cut.tif", tiff([plain_page(page)])[:-40], "corrupt"),
        Sample("cut-strip.tif", compressed_tiff(page, 5)[:5000], "corrupt"),
        Sample("cut.webp", webp(page)[:2000], "corrupt"),
        Sample("header-only.pdf", b"%PDF-1.4\n%%EOF\n", "corrupt"),
        Sample("damaged-table.pdf", pdf_of_text([LINES]).replace(b"startxref", b"startxxxx")),
    ]


def _bombs(page: Image) -> list[Sample]:
    huge = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    ends = png_chunk(b"IDAT", zlib.compress(b"")) + png_chunk(b"IEND", b"")
    frame = b"GIF89a" + struct.pack("<HHBBB", 10, 10, 0, 0, 0) + b","
    frame += struct.pack("<HHHHB", 0, 0, 65_535, 65_535, 0) + b"\x02\x01\x00\x00;"
    giant = TiffPage(100_000, 100_000, b"\0" * 16, {})
    lie = struct.pack(">IBBBI", 0, 48, 0, 1, 19) + struct.pack(">IIIIBH", 10**5, 10**5, 0, 0, 0, 0)
    jpeg2000 = jp2(np.full((7000, 6000), 255, np.uint8))
    return [
        Sample("bomb.png", png(page)[:8] + png_chunk(b"IHDR", huge) + ends, "too_large"),
        Sample("bomb.gif", frame, "too_large"),
        Sample("bomb.tif", tiff([giant]), "too_large"),
        Sample("bomb.pgm", b"P5 99999 99999 255\n", "too_large"),
        Sample("bomb.jp2", jpeg2000, "too_large"),
        Sample("jbig2-lie.pdf", pdf_around(lie, "JBIG2Decode", width=9, height=9), "too_large"),
        Sample("jpx-lie.pdf", pdf_around(jpeg2000, "JPXDecode", width=9, height=9), "too_large"),
        Sample("too-many.pdf", pdf_of_text([[]] * 2001), "too_large"),
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
        Sample("cyclic.pdf", pdf_by_hand(tree), "corrupt"),
    ]


def _odd_pdfs() -> list[Sample]:
    catalogue, empty = b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[]/Count %d>>"
    lost = b"<</XObject<</\x80 9 0 R>>>>"  # an image that is not there, its name not UTF-8
    leaf = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 90 90]/Resources%s>>" % lost
    nameless = [catalogue, b"<</Type/Pages/Kids[3 0 R]/Count 1>>", leaf]
    return [
        Sample("locked.pdf", pdf_encrypted(user_password="secret"), "encrypted"),
        Sample("owner-locked.pdf", pdf_encrypted(user_password="")),
        Sample("no-pages.pdf", pdf_by_hand([catalogue, empty % 0]), "corrupt"),
        Sample("minus-pages.pdf", pdf_by_hand([catalogue, empty % -5]), "corrupt"),
        Sample("blank.pdf", pdf_of_text([[]])),
        Sample("odd-name.pdf", pdf_by_hand(nameless), "corrupt"),
    ]
