"""Sample files for the tests, generated: good ones of every format, odd, broken and hostile ones.

All are deterministic. A good sample is an encoder applied to `text_page(...)`:

    image = text_page(["Invoice 2041", "Total 17.50"])
    (inbox / "scan.png").write_bytes(png(image))
    (inbox / "scan.pdf").write_bytes(pdf_of_images([image, image], dpi=200))

`readable()` returns one good file per kind, `broken()` the others with their expected answers.
"""

from __future__ import annotations

from tests.support.samples.images import (
    bmp,
    cmyk_jpeg,
    exif,
    gif,
    heic,
    jp2,
    jpeg,
    pbm,
    pgm,
    png,
    png_chunk,
    ppm,
    webp,
)
from tests.support.samples.kinds import MEDIA_TYPES, Sample, broken, readable
from tests.support.samples.pdfs import (
    jbig2,
    pdf_around,
    pdf_by_hand,
    pdf_encrypted,
    pdf_mixed,
    pdf_of_content,
    pdf_of_images,
    pdf_of_scan_with_hidden_text,
    pdf_of_text,
    pdf_of_text_beside,
    pdf_stream,
    pdf_with_ocr_layer,
    shown_text,
)
from tests.support.samples.pictures import LINES, Image, in_colour, text_page, with_alpha
from tests.support.samples.tiffs import TiffPage, compressed_tiff, g4_page, plain_page, tiff

__all__ = [
    "LINES",
    "MEDIA_TYPES",
    "Image",
    "Sample",
    "TiffPage",
    "bmp",
    "broken",
    "cmyk_jpeg",
    "compressed_tiff",
    "exif",
    "g4_page",
    "gif",
    "heic",
    "in_colour",
    "jbig2",
    "jp2",
    "jpeg",
    "pbm",
    "pdf_around",
    "pdf_by_hand",
    "pdf_encrypted",
    "pdf_mixed",
    "pdf_of_content",
    "pdf_of_images",
    "pdf_of_scan_with_hidden_text",
    "pdf_of_text",
    "pdf_of_text_beside",
    "pdf_stream",
    "pdf_with_ocr_layer",
    "pgm",
    "plain_page",
    "png",
    "png_chunk",
    "ppm",
    "readable",
    "shown_text",
    "text_page",
    "tiff",
    "webp",
    "with_alpha",
]
