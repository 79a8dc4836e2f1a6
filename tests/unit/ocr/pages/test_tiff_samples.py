"""TIFF: the samples of every depth and layout, and of torn and damaged pages."""

from __future__ import annotations

import io
import itertools
import lzma
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from daemon.core import tiff
from daemon.core.errors import Rejected
from daemon.core.options import Limits
from daemon.ocr.pages import tiff_codecs, tiff_samples
from tests.support import samples
from tests.support.samples.tiff_layouts import (
    PACKED,
    Layout,
    directory_first,
    levels,
    shown,
    tiff_of,
)
from tests.unit.ocr.pages.test_pages import VIEWER, difference, read_bytes

STRAIGHT, PREMULTIPLIED = 2, 1
SHAPES = {"strip": {}, "strips": {"rows": 7}, "tiles": {"tile": 16}}


def page_in_gray() -> np.ndarray:
    """A ramp, so that every level occurs, over text."""
    image = samples.text_page(["7.50"], width=131, height=61, size=1.0)
    image[:8] = np.linspace(0, 255, 131).astype(np.uint8)
    return image


GRAY = page_in_gray()
RGB = np.dstack([GRAY, np.maximum(GRAY, 60), GRAY[:, ::-1]])


def colour_kinds(bits: int):
    """Yield name, values, layout and the picture, RGB, of each kind of colours at a depth."""
    most = (1 << bits) - 1
    gray, rgb = levels(GRAY, bits), levels(RGB, bits)
    in_gray = np.repeat(shown(gray, bits)[..., None], 3, axis=2)
    yield "black is zero", gray, {"photometric": 1}, in_gray
    yield "white is zero", most - gray, {"photometric": 0}, in_gray
    yield "RGB", rgb, {"photometric": 2}, shown(rgb, bits)
    yield "one more", np.dstack([rgb, gray * 0]), {"photometric": 2, "extra": 0}, shown(rgb, bits)
    if bits <= 8:
        ramp = [round(65_535 * level / most) for level in range(most + 1)]
        palette = [*ramp, *ramp[::-1], *[0] * (most + 1)]
        coloured = np.dstack([in_gray[..., 0], 255 - in_gray[..., 0], in_gray[..., 0] * 0])
        yield "palette", gray, {"photometric": 3, "palette": palette}, coloured
    inks = np.dstack([most - rgb, rgb[..., :1] * 0])
    yield "CMY", inks, {"photometric": 5}, shown(rgb, bits)
    black = np.dstack([gray * 0] * 3 + [most - gray])
    yield "black ink", black, {"photometric": 5}, in_gray
    red = np.dstack([gray * 0 + most, gray * 0, gray * 0, most - gray])
    on_white = np.dstack([in_gray[..., 0] * 0 + 255, in_gray[..., 0], in_gray[..., 0]])
    yield "alpha", red, {"photometric": 2, "extra": STRAIGHT}, on_white
    multiplied = np.dstack([most - gray, gray * 0, gray * 0, most - gray])
    yield "premultiplied", multiplied, {"photometric": 2, "extra": PREMULTIPLIED}, on_white
    ink = np.dstack([gray * 0, most - gray])
    yield "gray + alpha", ink, {"photometric": 1, "extra": STRAIGHT}, in_gray


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 6, 8, 10, 12, 14, 16])
@pytest.mark.parametrize("shape", SHAPES)
def test_samples_of_every_depth_are_shown_as_they_were_drawn(bits, shape, tmp_path):
    for (kind, values, options, picture), planar in itertools.product(
        colour_kinds(bits), (False, True)
    ):
        data = tiff_of(values, Layout(bits, planar=planar, **SHAPES[shape], **options))

        (page,) = read_bytes(tmp_path, data)

        wrong = np.abs(page.image[..., ::-1] - picture).max()
        assert wrong <= 2, (kind, planar)  # rounding of levels and of alpha
        assert page.defect is None


@pytest.mark.parametrize("compression", PACKED)
@pytest.mark.parametrize("bits", [4, 8, 12, 16])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("planar", [False, True])
def test_compressed_samples_of_both_orders_are_shown(compression, bits, order, planar, tmp_path):
    for predictor in (False, True) if bits in (8, 16) else (False,):
        for reversed_bits in (False, True):
            layout = Layout(
                bits,
                photometric=2,
                planar=planar,
                rows=9,
                order=order,
                compression=compression,
                pack=PACKED[compression],
                predictor=predictor,
                reversed_bits=reversed_bits,
            )
            values = levels(RGB, bits)

            (page,) = read_bytes(tmp_path, tiff_of(values, layout))

            assert np.abs(page.image[..., ::-1] - shown(values, bits)).max() <= 1


def test_lab_colours_are_shown(tmp_path):
    bgr = cv2.cvtColor(RGB, cv2.COLOR_RGB2BGR)
    lab = cv2.cvtColor(bgr, cv2.COLOR_BGR2LAB).astype(np.int64)
    again = cv2.cvtColor(lab.astype(np.uint8), cv2.COLOR_LAB2BGR)
    signed = lab.copy()
    signed[..., 1:] ^= 128  # a and b of CIELab are signed
    deep = signed * 256  # and so are their upper bytes at 16 bits

    for values, bits, photometric in ((lab, 8, 9), (signed, 8, 8), (deep, 16, 8)):
        (page,) = read_bytes(tmp_path, tiff_of(values, Layout(bits, photometric)))

        assert difference(page.image, again) < 2


# --- compressions, by the encoder of libtiff ----------------------------------------------------

CODECS = {
    "raw": ("RGB", {}),
    "tiff_lzw": ("RGB", {}),
    "tiff_adobe_deflate": ("RGB", {}),
    "packbits": ("RGB", {}),
    "lzma": ("RGB", {}),
    "zstd": ("RGB", {}),
    "jpeg": ("RGB", {}),
    "tiff_ccitt": ("1", {}),
    "group3": ("1", {}),
    "group3 in two dimensions": ("1", {292: 1}),
    "group3 with fill bits": ("1", {292: 4}),
    "group4": ("1", {}),
}


def written(name: str, strip_bytes: int = 4000, **tags: int) -> bytes:
    """Return the drawn page, its directory before its strips."""
    mode, options = CODECS[name]
    image = Image.fromarray(BILEVEL).convert(mode, dither=Image.Dither.NONE)
    file = io.BytesIO()
    info = options | {int(tag[1:]): value for tag, value in tags.items()}
    strip = strip_bytes if mode == "1" else 24 * strip_bytes
    image.save(file, "TIFF", compression=name.split()[0], tiffinfo=info, strip_size=strip)
    return with_directory_first(file.getvalue())


def with_directory_first(data: bytes) -> bytes:
    """Return the same TIFF with its directory before its strips."""
    with Image.open(io.BytesIO(data)) as image:
        entries = dict(image.tag_v2)
    offsets, sizes = entries.pop(273), entries.pop(279)
    chunks = [data[at : at + size] for at, size in zip(offsets, sizes, strict=True)]
    tags = {}
    for tag in (256, 257, 258, 259, 262, 274, 277, 278, 284, 292, 317, 347):
        value = entries.get(tag)
        if value is not None:
            values = value if isinstance(value, tuple | bytes) else (value,)
            tags[tag] = (7 if tag == 347 else 4, list(values))
    return directory_first(tags, chunks)


def strips_of(data: bytes | bytearray):
    """Return the tags of the strips of the first page."""
    wanted = (tiff.STRIP_OFFSETS, tiff.STRIP_BYTES)
    chain = tiff.read_chain(lambda at, size: bytes(data[at : at + size]), wanted, 1)
    return chain.directories[0].tags


BILEVEL = np.where(samples.text_page(width=400, height=300) < 128, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("name", CODECS)
def test_every_compression_shows_the_page_that_was_drawn(name, tmp_path):
    (page,) = read_bytes(tmp_path, written(name))

    assert difference(page.image, BILEVEL) < 1
    assert page.defect is None


@pytest.mark.parametrize("name", ["zstd", "group4", "tiff_lzw"])
@pytest.mark.parametrize("orientation", VIEWER)
def test_every_decoder_turns_a_page_once(name, orientation, tmp_path):
    turned, rotation = VIEWER[orientation]

    (page,) = read_bytes(tmp_path, written(name, t274=orientation))

    assert difference(page.image, turned(np.repeat(BILEVEL[..., None], 3, axis=2))) < 1
    assert page.rotation == rotation


@pytest.mark.parametrize("name", [name for name in CODECS if name != "raw"])
@pytest.mark.parametrize("share", [0.4, 0.7])
def test_a_torn_page_is_shown_as_far_as_it_goes(name, share, tmp_path):
    whole = written(name, strip_bytes=500)
    tags, cut = strips_of(whole), int(len(whole) * share)
    ends = np.add(tags[tiff.STRIP_OFFSETS], tags[tiff.STRIP_BYTES])
    rows, found = -(-300 // len(ends)), int((ends <= cut).sum())

    (page,) = read_bytes(tmp_path, whole[:cut])

    assert page.defect is not None
    assert "page 1 of the TIFF" in page.defect
    assert 0 < found < len(ends) - 1
    is_right = (np.abs(page.image.astype(int) - BILEVEL[..., None]) < 128).all(axis=(1, 2))
    assert is_right[: found * rows].all()
    assert (page.image[(found + 1) * rows :] == 255).all()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("bits", [4, 8, 12])
def test_a_torn_page_without_compression_is_shown_as_far_as_it_goes(shape, bits, tmp_path):
    data = tiff_of(levels(GRAY, bits), Layout(bits, **SHAPES[shape]))

    (page,) = read_bytes(tmp_path, data[: len(data) // 2])

    assert page.defect is not None
    wanted = shown(levels(GRAY, bits), bits)
    assert np.abs(page.image[:16, :, 0] - wanted[:16]).max() <= 1
    assert (page.image[48:] == 255).all()


@pytest.mark.parametrize("name", ["tiff_lzw", "tiff_adobe_deflate", "lzma", "zstd", "group4"])
def test_a_damaged_strip_costs_only_itself(name, tmp_path):
    data = bytearray(written(name, strip_bytes=1000))
    tags = strips_of(data)
    offsets, sizes = tags[tiff.STRIP_OFFSETS], tags[tiff.STRIP_BYTES]
    middle = len(offsets) // 2
    start, size = offsets[middle], sizes[middle]
    data[start + size // 4 : start + size] = b"\xa5" * (size - size // 4)

    (page,) = read_bytes(tmp_path, bytes(data))

    assert page.defect is not None
    rows = 300 // len(offsets) + 1
    is_right = (page.image == BILEVEL[..., None]).all(axis=(1, 2))
    assert is_right[: rows * (middle - 1)].all()
    assert is_right[rows * (middle + 2) :].all()


@pytest.mark.parametrize("name", [name for name in CODECS if name.startswith("group3")])
def test_a_fax_with_a_damaged_line_is_read_to_its_end(name, tmp_path):
    data = bytearray(written(name, strip_bytes=10**6))
    tags = strips_of(data)
    middle = tags[tiff.STRIP_OFFSETS][0] + tags[tiff.STRIP_BYTES][0] // 2
    data[middle : middle + 6] = b"\xa5\x5a\xa5\x33\x77\x11"

    (page,) = read_bytes(tmp_path, bytes(data))

    assert "is damaged" in (page.defect or "")
    is_right = (page.image == BILEVEL[..., None]).all(axis=(1, 2))
    assert is_right.sum() >= 297
    assert is_right[-60:].all()


def test_a_page_of_which_nothing_can_be_decoded_is_corrupt(tmp_path):
    for compression in (8, 34925, 50000):
        layout = Layout(1, compression=compression, pack=lambda _: b"\xff\x13" * 40)

        with pytest.raises(Rejected, match="page 1 of the TIFF cannot be decoded") as caught:
            read_bytes(tmp_path, tiff_of(levels(GRAY, 1), layout))

        assert caught.value.reason == "corrupt"


@pytest.mark.parametrize("rows", [1, 3])
def test_a_fax_may_announce_a_few_rows_too_many(rows, tmp_path):
    page = samples.g4_page(BILEVEL)
    longer = samples.TiffPage(page.width, page.height + rows, page.strip, page.tags)

    (read,) = read_bytes(tmp_path, samples.tiff([longer]))

    assert read.defect is None
    assert difference(read.image[:300], BILEVEL) == 0


# --- what is not read, and limits ---------------------------------------------------------------

UNSUPPORTED = {
    "JBIG": ({259: (3, [34661])}, r"the compression 34661 \(JBIG\)"),
    "JPEG 2000": ({259: (3, [34712])}, r"the compression 34712 \(JPEG 2000\)"),
    "LERC": ({259: (3, [34887])}, r"the compression 34887 \(LERC\)"),
    "unknown": ({259: (3, [4711])}, r"the compression 4711 \(unknown\)"),
    "LogL": ({262: (3, [32844])}, r"colours of the kind 32844 \(logarithmic luminance\)"),
    "float": ({339: (3, [3])}, "floating-point samples"),
    "32 bits": ({258: (3, [32])}, "32 bits a sample"),
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_what_no_decoder_reads_is_named(name, tmp_path):
    tags, sentence = UNSUPPORTED[name]

    with pytest.raises(Rejected, match=sentence) as caught:
        read_bytes(tmp_path, tiff_of(levels(GRAY, 8), Layout(8, tags=tags)))

    assert caught.value.reason == "unsupported"


@pytest.mark.parametrize("compression", sorted(tiff_codecs.CODECS))
def test_a_page_over_the_limit_is_refused_by_its_header(compression, tmp_path, monkeypatch):
    monkeypatch.setattr(tiff_samples, "decode", lambda _: pytest.fail("it was decoded"))
    layout = Layout(1, compression=compression, tags={256: (4, [30_000]), 257: (4, [30_000])})

    with pytest.raises(Rejected) as caught:
        read_bytes(tmp_path, tiff_of(levels(GRAY, 1), layout))

    assert caught.value.reason == "too_large"


@pytest.mark.parametrize(
    ("compression", "pack"), [(8, zlib.compress), (34925, lzma.compress)], ids=["deflate", "lzma"]
)
def test_a_strip_is_decompressed_no_further_than_its_rows(compression, pack, monkeypatch):
    content = pack(bytes(50_000_000))
    chunk = tiff_codecs.Chunk(content, width=100, rows=100, row_bytes=100)
    pieces = list(itertools.islice(tiff_codecs.CODECS[compression](chunk, 10_000), 3))
    tags = {256: (4, [100]), 257: (4, [100]), 258: (3, [8]), 259: (3, [compression]), 262: (3, [1])}

    assert max(map(len, pieces)) <= 10_000
    decoded = tiff_samples.decode(directory_first(tags, [content]))
    assert decoded is not None
    assert decoded.image.shape == (100, 100)


@pytest.mark.parametrize("tile", [3000, 60_000])
def test_a_tile_far_larger_than_its_page_is_not_decoded_here(tile):
    layout = Layout(8, tags={322: (4, [tile]), 323: (4, [tile])}, tile=16)

    assert tiff_samples.decode(tiff_of(levels(GRAY, 8), layout)) is None


def test_a_page_of_a_million_tiles_is_not_decoded_here():
    tags = {256: (4, [10_000]), 257: (4, [10_000]), 322: (4, [10]), 323: (4, [10])}

    assert tiff_samples.decode(tiff_of(levels(GRAY, 8), Layout(8, tags=tags, tile=16))) is None


def test_a_page_too_large_in_all_its_samples_is_not_decoded_here():
    layout = Layout(8, tags={277: (3, [60_000])})

    assert tiff_samples.decode(tiff_of(levels(GRAY, 8), layout)) is None


def test_the_limits_of_the_config_hold_for_all_layouts(tmp_path):
    data = tiff_of(levels(GRAY, 12), Layout(12))

    with pytest.raises(Rejected, match="131 x 61 pixels"):
        read_bytes(tmp_path, data, Limits(page_megapixels=0.007))
