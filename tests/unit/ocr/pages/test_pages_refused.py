"""Files that are rejected for their size, or deferred because they cannot be read now."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from daemon.core.errors import Deferred, Rejected
from daemon.core.options import Limits, Rendering
from daemon.ocr import pages
from tests.support import samples
from tests.unit.ocr.pages.test_pages import difference, read_bytes, read_pages

# --- what it is ---------------------------------------------------------------------------------

NAMES = {
    b"AT&TFORM\0\0\0\x20DJVM": "a DjVu document",
    b"PK\x03\x04 [Content_Types].xml": "a Microsoft Office document",
    b"PK\x03\x04"
    + bytes(26)
    + b"mimetypeapplication/vnd.oasis.opendocument.text": "an OpenDocument",
    b"PK\x03\x04" + bytes(26) + b"mimetypeapplication/epub+zip": "an EPUB book",
    b"PK\x03\x04" + bytes(40): "a ZIP archive",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an old Microsoft Office document",
    b"%!PS-Adobe-3.0": "a PostScript document",
    b"{\\rtf1": "an RTF document",
    b"8BPS\0\1": "a Photoshop document",
    b"\0\0\0\x18ftypavif\0\0\0\0mif1avif": "an AVIF image",
    b"\0\0\0\x18ftypisom\0\0\0\0isomavc1": "a video",
    b"\0\0\0\x0cJXL \r\n\x87\n": "a JPEG XL image",
    b"\x97JB2\r\n\x1a\n": "a JBIG2 image",
    b"\xff\x0a\xfa\x7f": "a JPEG XL image",
    b"II\xbc\x01": "a JPEG XR image",
    b"DDS |\0\0\0": "a DDS image",
    b"\0\0\1\0\1\0\x10\x10": "an icon",
    b"\0\0\2\0\1\0\x20\x20": "a cursor",
    b"\x0a\5\1\x08\0\0\0\0\x63\0\x31\0": "a PCX image",
    b"\0\0\2" + bytes(9) + b"\x64\0\x32\0\x18\x20": "a TGA image",
    b"\0\0\x0a" + bytes(9) + b"\x64\0\x32\0\x20\x08": "a TGA image",
    b"\0\1\1\0\0\0\1\x18" + bytes(4) + b"\x64\0\x32\0\x08\0": "a TGA image",
    b"\0\0\3" + bytes(9) + b"\x64\0\x32\0\x08\0\0\0": "a TGA image",
    b"P7\nWIDTH 4": "a PAM image",
    b"gimp xcf v011": "a GIMP image",
    bytes(128) + b"DICM": "a DICOM image",
    b"FORM\0\0\0\x10ILBM": "an IFF image",
    b"\1\0\0\0" + bytes(36) + b" EMF": "a Windows metafile",
    b"\0\0\0\x18ftypcrx \0\0\0\1": "a raw photo",
    b"PK\x03\x04" + bytes(26) + b"FixedDocumentSequence.fdseq": "an XPS document",
    b"PK\x03\x04" + bytes(26) + b"OFD.xml": "an OFD document",
    bytes(257) + b"ustar\0": "a TAR archive",
    b"\x1b%-12345X@PJL": "a print file",
    b"RIFF\0\0\0\0WAVE": "a RIFF sound or video",
    b"<?xml version='1.0'?><svg/>": "an SVG drawing",
    b"<!DOCTYPE html><p>": "an HTML page",
    b"<?xml version='1.0'?><a/>": "an XML document",
    b"Dear Sir or Madam": "plain text",
    b"\x00\x01\x02\x03": "no image or PDF that is known, or it is damaged",
}


@pytest.mark.parametrize(("data", "name"), NAMES.items(), ids=NAMES.values())
def test_a_rejected_file_is_named_by_its_format(data, name, tmp_path):
    with pytest.raises(Rejected, match=f"this is {name}") as caught:
        read_bytes(tmp_path, data)

    assert caught.value.reason == "unsupported"


# --- limits -------------------------------------------------------------------------------------


def test_pixels_are_allowed_up_to_the_limit_and_not_beyond(tmp_path):
    image = np.full((1000, 1000), 255, np.uint8)
    data = samples.png(image)

    assert read_bytes(tmp_path, data, Limits(page_megapixels=1.0))[0].scale == 1.0
    with pytest.raises(Rejected, match=r"1000 x 1000 pixels, 0\.999 megapixels") as caught:
        read_bytes(tmp_path, data, Limits(page_megapixels=0.999))
    assert caught.value.reason == "too_large"


def test_a_large_jpeg_is_scaled_while_it_is_decoded(tmp_path, drawn):
    data = samples.jpeg(samples.in_colour(drawn), orientation=6)

    (page,) = read_bytes(tmp_path, data, Limits(page_megapixels=0.1))

    assert (page.width, page.height) == (400, 1000)
    assert page.image.shape == (500, 200, 3)
    assert page.scale == 0.5


def test_bytes_are_limited(tmp_path):
    path = tmp_path / "long.png"
    with closing(path.open("wb")) as file:
        file.write(samples.png(samples.text_page()))
        file.truncate(1_000_001)

    with pytest.raises(Rejected, match=r"limits\.file_megabytes is 1") as caught:
        read_pages(path, Limits(file_megabytes=1))
    assert caught.value.reason == "too_large"


@pytest.mark.parametrize("count", [3, 4])
def test_pages_are_limited_in_a_tiff(count, tmp_path, drawn):
    data = samples.tiff([samples.plain_page(drawn)] * count)
    if count == 3:
        assert len(read_bytes(tmp_path, data, Limits(pages=3))) == 3
    else:
        with pytest.raises(Rejected, match="more than 3 pages"):
            read_bytes(tmp_path, data, Limits(pages=3))


# --- the environment ----------------------------------------------------------------------------


def test_an_unreadable_file_is_deferred(tmp_path, monkeypatch):
    def refused(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refused)

    with pytest.raises(Deferred, match="Permission denied"):
        read_pages(tmp_path / "scan.png")


def test_a_file_that_vanished_is_deferred(tmp_path):
    with pytest.raises(Deferred, match="No such file"):
        read_pages(tmp_path / "gone.pdf")


def test_an_error_of_the_caller_passes_through_the_open_document(tmp_path):
    path = tmp_path / "scan.png"
    path.write_bytes(samples.png(samples.text_page()))

    with (
        pytest.raises(ZeroDivisionError),
        pages.open_document(path, Limits(), Rendering()),
    ):
        raise ZeroDivisionError


@pytest.mark.parametrize("make", [samples.png, lambda image: samples.pdf_of_images([image])])
def test_a_file_name_that_is_not_utf8_is_accepted(make, tmp_path, drawn):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe scan"))
    path.write_bytes(make(drawn))

    assert difference(read_pages(path)[0].image, drawn) < 3
