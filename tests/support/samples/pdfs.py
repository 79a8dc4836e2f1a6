"""Encodes pictures and text as PDF files."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pymupdf

from tests.support.samples.images import png
from tests.support.samples.pictures import LINES, Image, text_page
from tests.support.samples.tiffs import g4_page


def pdf_of_images(images: Sequence[Image], dpi: int = 300, *, rotate: int = 0) -> bytes:
    """Return a scan: each page has the size of its image at `dpi`, with /Rotate if given."""
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
    """Return a scan with the invisible text of another OCR program."""
    document = pymupdf.open(stream=pdf_of_images([image], dpi), filetype="pdf")
    document[0].insert_text((20, 40), hidden, render_mode=3)
    return document.tobytes()


def pdf_of_text_beside(
    image: Image, place: tuple[float, ...] = (72, 300, 472, 460), *, rotate: int = 0
) -> bytes:
    """Return a born-digital A4 page with a picture at `place`, in points."""
    document = pymupdf.open(stream=pdf_of_text([LINES]), filetype="pdf")
    document[0].insert_image(pymupdf.Rect(place), stream=png(image), keep_proportion=False)
    document[0].set_rotation(rotate)
    return document.tobytes()


def pdf_with_ocr_layer(
    lines: Sequence[str], layer: Sequence[str], *, under: bool = False, offset: float = 0.0
) -> bytes:
    """Return a scan of `lines` with the text `layer` in their place, invisible or `under` the scan.

    The layer is `offset` points too low.
    """
    image, zoom = text_page(lines, width=1654, height=2339, size=1.3), 72 / 200
    document = pymupdf.open()
    page = document.new_page(width=1654 * zoom, height=2339 * zoom)
    if not under:
        page.insert_image(page.rect, stream=png(image))
    for number, line in enumerate(layer):
        at = (40 * zoom, (80 + 60 * number) * zoom + offset)
        page.insert_text(at, line, fontsize=11.3, render_mode=0 if under else 3)
    if under:
        page.insert_image(page.rect, stream=png(image))
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


def pdf_of_content(
    content: bytes,
    *,
    resources: bytes = b"",
    page: bytes = b"",
    fonts: bytes = b"",
    objects: Sequence[bytes] = (),
) -> bytes:
    """Return an A4 page with this content; /F is Helvetica, `objects` are numbered from 5 on.

    `resources`, `page` and `fonts` are entries of those dictionaries.
    """
    font = b"/Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>" + fonts + b">>"
    return pdf_by_hand(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<<"
            + font + resources + b">>" + page + b">>",
            pdf_stream(content),
            *objects,
        ]
    )  # fmt: skip


def pdf_stream(content: bytes, entries: bytes = b"") -> bytes:
    """Return a stream object."""
    return b"<<%s/Length %d>>stream\n" % (entries, len(content)) + content + b"\nendstream"


def shown_text(text: str, x: float, y: float, size: float = 12.0, *, state: str = "") -> bytes:
    """Return the operators that show a text in /F with its baseline at (x, y), from below.

    `state` are operators before it, as "1 1 1 rg".
    """
    escaped = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    begin = f"q {state} BT /F {size:g} Tf 1 0 0 1 {x:g} {y:g} Tm"
    return f"{begin} ({escaped}) Tj ET Q\n".encode("latin-1")


def pdf_around(
    stream: bytes,
    kind: str,
    *,
    width: int,
    height: int,
    more: bytes = b"/BitsPerComponent 8/ColorSpace/DeviceGray",
) -> bytes:
    """Put a raw image stream (filter `kind`) on one letter page, with the given size."""
    content = b"q 612 0 0 792 0 0 cm /I Do Q"
    image = b"<</Type/XObject/Subtype/Image/Width %d/Height %d" % (width, height)
    image += more + b"/Filter/%s/Length %d>>" % (kind.encode(), len(stream))
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


def jbig2(image: Image) -> bytes:
    """Encode as scanners do: page information, then one generic region (T.88, 7.4.6; MMR)."""
    height, width = image.shape
    page = struct.pack(">IIIIBH", width, height, 0, 0, 0, 0)
    region = struct.pack(">IIIIBB", width, height, 0, 0, 0, 1) + g4_page(image).strip
    segments = ((0, 48, page), (1, 38, region))
    return b"".join(
        struct.pack(">IBBBI", number, kind, 0, 1, len(data)) + data
        for number, kind, data in segments
    )
