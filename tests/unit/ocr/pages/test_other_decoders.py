"""BMP and PNM of unusual depths, and images that OpenCV does not decode."""

from __future__ import annotations

import io
import re
import struct

import cv2
import numpy as np
import pytest
from PIL import Image

from daemon.core.errors import Rejected
from daemon.core.options import Limits
from daemon.ocr.pages import pillow, pixels
from tests.support import samples
from tests.support.samples.bmps import bmp_of
from tests.support.samples.tiff_layouts import levels, shown
from tests.unit.ocr.pages.test_pages import GOOD, difference, read_bytes

GRAY = samples.text_page(["7.50"], width=131, height=61, size=1.0)
GRAY[:8] = np.linspace(0, 255, 131).astype(np.uint8)
BGR = np.dstack([np.maximum(GRAY, 96), GRAY, GRAY[:, ::-1]])

# bits of red, green and blue, and where they begin
MASKS = {
    "5-5-5": (16, (5, 10), (5, 5), (5, 0)),
    "5-6-5": (16, (5, 11), (6, 5), (5, 0)),
    "blue first": (16, (5, 0), (6, 5), (5, 11)),
    "4-4-4": (16, (4, 8), (4, 4), (4, 0)),
    "6-6-4": (16, (6, 10), (6, 4), (4, 0)),
    "8-8-8": (32, (8, 16), (8, 8), (8, 0)),
    "red first": (32, (8, 0), (8, 8), (8, 16)),
    "upper bytes": (32, (8, 24), (8, 16), (8, 8)),
    "10-10-10": (32, (10, 20), (10, 10), (10, 0)),
    "11-11-10": (32, (11, 21), (11, 10), (10, 0)),
}


@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize("header", [40, 56, 108, 124])
@pytest.mark.parametrize("top_down", [False, True])
def test_the_masks_of_a_bmp_are_followed(name, header, top_down, tmp_path):
    depth, *places = MASKS[name]
    channels = [BGR[..., 2], BGR[..., 1], BGR[..., 0]]
    values, masks, expected = np.zeros(GRAY.shape, np.int64), [], []
    for channel, (bits, shift) in zip(channels, places, strict=True):
        values |= levels(channel, bits) << shift
        masks.append((1 << bits) - 1 << shift)
        expected.insert(0, shown(levels(channel, bits), bits))
    data = bmp_of(values, depth, masks=masks, header=header, top_down=top_down)

    (page,) = read_bytes(tmp_path, data)

    assert np.abs(page.image - np.dstack(expected)).max() <= 1


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("header", [40, 108])
def test_the_palette_of_a_bmp_is_followed(bits, header, tmp_path):
    most = (1 << bits) - 1
    ramp = [round(255 * level / most) for level in range(most + 1)]
    palette = [(level, level, 255 - level) for level in ramp]
    values = levels(GRAY, bits)

    (page,) = read_bytes(tmp_path, bmp_of(values, bits, palette=palette, header=header))

    wanted = np.array(palette)[values]
    assert np.abs(page.image - wanted).max() <= 1


def test_a_bmp_of_5_bits_without_masks_is_white_where_it_is_white(tmp_path):
    values = levels(GRAY, 5)

    (page,) = read_bytes(tmp_path, bmp_of(values | values << 5 | values << 10, 16))

    assert np.abs(page.image - shown(values, 5)[..., None]).max() <= 1


def test_alpha_of_a_bmp_counts_unless_all_of_it_is_zero(tmp_path):
    masks = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    gray = GRAY.astype(np.int64)
    black_ink, no_alpha = 255 - gray << 24, gray | gray << 8 | gray << 16
    for values in (black_ink, no_alpha):
        (page,) = read_bytes(tmp_path, bmp_of(values, 32, masks=masks, header=108))

        assert difference(page.image, GRAY) < 1


@pytest.mark.parametrize("bits", [16, 32])
@pytest.mark.parametrize("top_down", [False, True])
def test_a_torn_bmp_is_shown_as_far_as_it_goes(bits, top_down, tmp_path):
    values = levels(GRAY, 5)
    data = bmp_of(values | values << 5 | values << 10, bits, top_down=top_down)
    if bits == 32:
        values = GRAY.astype(np.int64)
        data = bmp_of(values | values << 8 | values << 16, bits, top_down=top_down)

    (page,) = read_bytes(tmp_path, data[: len(data) // 2])

    assert page.defect is not None
    lost, kept = (
        (page.image[-25:], page.image[:25]) if top_down else (page.image[:25], page.image[-25:])
    )
    assert (lost == 255).all()
    assert difference(kept, GRAY[:25] if top_down else GRAY[-25:]) < 3


# --- PNM ----------------------------------------------------------------------------------------


def pnm(kind: int, most: int, image: np.ndarray) -> bytes:
    values = np.round(image.astype(float) * most / 255).astype(np.int64)
    height, width = image.shape[:2]
    head = b"P%d # a comment\n%d %d\n%d\n" % (kind, width, height, most)
    if kind in (5, 6):
        return head + values.astype(">u1" if most < 256 else ">u2").tobytes()
    return head + b"\n".join(
        b" ".join(b"%d" % v for v in row) for row in values.reshape(height, -1)
    )


@pytest.mark.parametrize("most", [1, 15, 31, 100, 255, 1023, 4095, 65535])
@pytest.mark.parametrize("kind", [2, 3, 5, 6])
def test_the_white_of_a_pnm_is_white(most, kind, tmp_path):
    rgb = cv2.cvtColor(BGR, cv2.COLOR_BGR2RGB)
    picture = GRAY if kind in (2, 5) else rgb
    wanted = np.round(picture.astype(float) * most / 255) * 255 / most

    (page,) = read_bytes(tmp_path, pnm(kind, most, picture))

    found = page.image[..., 0] if kind in (2, 5) else page.image[..., ::-1]
    assert np.abs(found - wanted).max() <= 1


@pytest.mark.parametrize("most", [100, 255, 1023])
@pytest.mark.parametrize("kind", [2, 5])
def test_a_torn_pnm_is_shown_as_far_as_it_goes(most, kind, tmp_path):
    data = pnm(kind, most, GRAY)

    (page,) = read_bytes(tmp_path, data[: len(data) // 2])

    assert page.defect is not None
    assert difference(page.image[:20], GRAY[:20]) < 3
    assert (page.image[-20:] == 255).all()


# --- MuPDF and Pillow ---------------------------------------------------------------------------


DECODED_HERE = ("gray.pgm", "colour.ppm", "ten-bits.pgm", "packed.bmp")
OF_OPENCV = [
    name for name in GOOD if name not in DECODED_HERE and name[-4:] not in ("heic", ".tif")
]


@pytest.mark.parametrize("name", OF_OPENCV)
def test_what_opencv_does_not_decode_is_decoded_by_another(name, tmp_path, monkeypatch):
    (wanted,) = read_bytes(tmp_path, GOOD[name].data)
    monkeypatch.setattr(pixels, "decode_opaque", lambda *_, **__: None)
    monkeypatch.setattr(pixels, "decode_alpha", lambda *_, **__: None)

    (page,) = read_bytes(tmp_path, GOOD[name].data)

    limit = 12 if name == "cmyk.jpg" else 3  # MuPDF converts CMYK by profiles
    assert np.abs(page.image.astype(int) - wanted.image).mean() < limit
    assert page.defect is None


@pytest.mark.parametrize("name", OF_OPENCV)
def test_other_decoders_keep_the_limit_too(name, tmp_path, monkeypatch):
    monkeypatch.setattr(pixels, "decode_opaque", lambda *_, **__: None)
    monkeypatch.setattr(pixels, "decode_alpha", lambda *_, **__: None)

    with pytest.raises(Rejected, match="1000 x 400 pixels") as caught:
        read_bytes(tmp_path, GOOD[name].data, Limits(page_megapixels=1.19))
    assert caught.value.reason == "too_large"
    assert len(read_bytes(tmp_path, GOOD[name].data, Limits(page_megapixels=1.3))) == 1


@pytest.mark.parametrize(("width", "height"), [(999, 400), (1000, 399), (10, 10)])
def test_nothing_is_decoded_that_is_larger_than_was_checked(width, height, drawn):
    for kind, data in (
        ("PNG", samples.png(drawn)),
        ("TIFF", samples.tiff([samples.g4_page(drawn)])),
    ):
        assert pixels.decode_with_mupdf(data, width, height) is None
        assert pillow.decode(data, (kind,), width, height) is None
        assert pixels.decode_with_mupdf(data, 1000, 400) is not None
        assert pillow.decode(data, (kind,), 1000, 400) is not None


def test_only_the_decoder_of_its_format_decodes_a_file(drawn):
    assert pillow.decode(samples.png(drawn), ("GIF", "TIFF"), 1000, 400) is None


def test_a_gif_whose_transparent_colour_is_not_in_its_palette_is_read(tmp_path):
    frame = Image.fromarray(np.where(GRAY < 128, 0, 1).astype(np.uint8), "P")
    frame.putpalette([0, 0, 0, 255, 255, 255])
    file = io.BytesIO()
    frame.save(file, "GIF", transparency=1)
    data = bytearray(file.getvalue())
    at = data.index(b"!\xf9\x04") + 6
    data[at] = 200

    (page,) = read_bytes(tmp_path, bytes(data))

    assert difference(page.image, np.where(GRAY < 128, 0, 255).astype(np.uint8)) < 3


def test_the_whole_first_frame_of_a_torn_animation_is_read(tmp_path, drawn):
    frames = [Image.fromarray(image) for image in (drawn, 255 - drawn, drawn)]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    data = file.getvalue()

    (page,) = read_bytes(tmp_path, data[: len(data) * 2 // 3])

    assert difference(page.image, drawn) < 3


def test_old_jpeg_in_a_tiff_is_read(tmp_path, drawn):
    jpeg = samples.jpeg(drawn)
    tags = {259: 6, 262: 6, 277: 3, 258: 8, 512: 1, 513: 8, 514: len(jpeg), 273: 8, 279: len(jpeg)}
    colour = samples.jpeg(samples.in_colour(drawn))
    tags |= {514: len(colour), 279: len(colour)}

    (page,) = read_bytes(tmp_path, samples.tiff([samples.TiffPage(1000, 400, colour, tags)]))

    assert difference(page.image, samples.in_colour(drawn)) < 4


@pytest.mark.parametrize(
    ("marker", "sentence"),
    [(0xC3, "lossless coding"), (0xF7, "JPEG-LS"), (0xC5, "hierarch")],
)
def test_a_jpeg_of_an_unusual_coding_is_unsupported(marker, sentence, tmp_path, drawn):
    data = bytearray(samples.jpeg(drawn))
    at = re.search(rb"\xff\xc0", data).start()
    data[at + 1] = marker

    with pytest.raises(Rejected, match=sentence) as caught:
        read_bytes(tmp_path, bytes(data))

    assert caught.value.reason == "unsupported"


def test_a_jpeg_of_twelve_bits_is_unsupported(tmp_path, drawn):
    data = bytearray(samples.jpeg(drawn))
    at = re.search(rb"\xff\xc0", data).start()
    struct.pack_into(">BBHB", data, at, 0xFF, 0xC1, 11, 12)

    with pytest.raises(Rejected, match="12 bits a sample"):
        read_bytes(tmp_path, bytes(data))


def test_a_photo_file_without_a_picture_is_told_in_a_sentence(tmp_path, drawn):
    photo = samples.heic(samples.in_colour(drawn)).replace(b"hvc1", b"Exif", 1)

    with pytest.raises(Rejected) as caught:
        read_bytes(tmp_path, photo)

    assert caught.value.reason == "corrupt"
    assert "index" not in caught.value.message
    assert "scan or export it again" in caught.value.message
