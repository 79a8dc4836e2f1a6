"""Image files: the pixels of every format are those that a viewer shows."""

from __future__ import annotations

import io
import struct
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from daemon.core.errors import Rejected
from daemon.core.options import Limits, Rendering
from daemon.core.records import Page
from daemon.ocr import pages, preprocess
from daemon.ocr.pages import heif
from tests.support import samples


def read_pages(path: Path, limits: Limits | None = None, **rendering) -> list[Page]:
    with pages.open_document(path, limits or Limits(), Rendering(**rendering)) as source:
        return [source.page(number) for number in range(1, source.page_count + 1)]


def read_bytes(tmp_path: Path, data: bytes, limits: Limits | None = None, **rendering):
    path = tmp_path / "misleading.txt"
    path.write_bytes(data)
    return read_pages(path, limits, **rendering)


def difference(shown: np.ndarray, drawn: np.ndarray) -> float:
    """Mean absolute difference of two pictures in gray levels."""
    if drawn.ndim == 2:
        drawn = cv2.cvtColor(drawn, cv2.COLOR_GRAY2BGR)
    return float(np.abs(shown.astype(int) - drawn).mean())


GOOD = {sample.name: sample for sample in samples.readable() if not sample.name.endswith("pdf")}


@pytest.mark.parametrize("name", GOOD)
def test_every_format_shows_the_page_that_was_drawn(name, tmp_path, drawn):
    sample = GOOD[name]
    in_colour = any(word in name for word in ("colour", "progressive", "lzw", "jpeg", "deep.tif"))
    expected = samples.in_colour(drawn) if in_colour else drawn
    if name == "cmyk.jpg":
        expected = cv2.cvtColor(samples.in_colour(drawn), cv2.COLOR_BGR2GRAY)

    found = read_bytes(tmp_path, sample.data)

    assert len(found) == sample.pages
    for page in found:
        assert page.image.dtype == np.uint8
        assert page.image.flags.c_contiguous
        assert (page.height, page.width, 3) == page.image.shape
        assert difference(page.image, expected) < 3


@pytest.mark.parametrize("name", GOOD)
def test_a_page_decoded_in_gray_equals_the_gray_of_the_coloured_one(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(GOOD[name].data)
    coloured_pages = read_pages(path)
    with pages.open_document(path, Limits(), Rendering(), in_gray=True) as source:
        gray_pages = [preprocess.grayed(source.page(n + 1)) for n in range(source.page_count)]

    for coloured, gray in zip(coloured_pages, gray_pages, strict=True):
        wanted = cv2.cvtColor(coloured.image, cv2.COLOR_BGR2GRAY)
        assert np.abs(gray.image.astype(int) - wanted).mean() < 0.5  # chroma is clamped at edges
        assert replace(gray, image=coloured.image) == coloured


@pytest.mark.parametrize("name", GOOD)
def test_the_media_type_comes_from_the_content(name, tmp_path):
    path = tmp_path / "scan.docx"
    path.write_bytes(GOOD[name].data)
    extension = name.rpartition(".")[2]
    with pages.open_document(path, Limits(), Rendering()) as source:
        assert source.media_type == samples.MEDIA_TYPES[extension]


# What a viewer does for EXIF orientation n, as the standard defines it: where row 0 and column 0 of
# the stored picture are to be shown.
VIEWER = {
    1: (lambda stored: stored, 0),
    2: (lambda stored: stored[:, ::-1], 0),
    3: (lambda stored: stored[::-1, ::-1], 180),
    4: (lambda stored: stored[::-1], 180),
    5: (lambda stored: stored.transpose(1, 0, 2), 90),
    6: (lambda stored: stored.transpose(1, 0, 2)[:, ::-1], 90),
    7: (lambda stored: stored.transpose(1, 0, 2)[::-1, ::-1], 270),
    8: (lambda stored: stored.transpose(1, 0, 2)[::-1], 270),
}


@pytest.mark.parametrize("orientation", VIEWER)
def test_a_jpeg_is_rotated_by_its_exif_orientation(orientation, tmp_path, drawn):
    stored = samples.in_colour(drawn)
    shown, turn = VIEWER[orientation]

    (page,) = read_bytes(tmp_path, samples.jpeg(stored, orientation=orientation))

    assert difference(page.image, shown(stored)) < 3
    assert (page.width, page.height) == (page.image.shape[1], page.image.shape[0])
    assert page.rotation == turn


@pytest.mark.parametrize("orientation", VIEWER)
@pytest.mark.parametrize("alpha", [False, True])
def test_a_tiff_is_rotated_once_by_its_orientation(orientation, alpha, tmp_path, drawn):
    stored = samples.in_colour(drawn)
    rgb = cv2.cvtColor(stored, cv2.COLOR_BGR2RGB)
    if alpha:  # gray + alpha takes another way through the decoders
        rgb = np.dstack([np.zeros_like(drawn), 255 - drawn])
        stored = cv2.cvtColor(drawn, cv2.COLOR_GRAY2BGR)
    shown, turn = VIEWER[orientation]

    (page,) = read_bytes(tmp_path, samples.tiff([samples.plain_page(rgb, t274=orientation)]))

    assert difference(page.image, shown(stored)) < 1
    assert page.rotation == turn


def test_half_transparent_ink_is_gray_on_white(tmp_path):
    red = np.zeros((20, 20, 4), np.uint8)
    red[..., 2], red[..., 3] = 255, 128
    rgba = red[..., [2, 1, 0, 3]]
    files = {
        "png": samples.png(red),
        "webp": samples.webp(red),
        "straight": samples.tiff([samples.plain_page(rgba)]),
        "deep": samples.tiff([samples.plain_page(rgba.astype(np.uint16) * 257)]),
    }
    for name, data in files.items():
        (page,) = read_bytes(tmp_path, data)

        assert np.abs(page.image.astype(int) - (127, 127, 255)).max() <= 1, name


def test_sixteen_bits_are_scaled_not_clipped(tmp_path):
    ramp = np.tile(np.linspace(0, 65_535, 256).astype(np.uint16), (16, 1))
    for data in (samples.png(ramp), samples.tiff([samples.plain_page(ramp)])):
        (page,) = read_bytes(tmp_path, data)

        assert np.abs(page.image[0, :, 0].astype(int) - np.arange(256)).max() <= 1


def test_the_resolution_is_taken_from_the_file(tmp_path, drawn):
    by_tag = samples.tiff([samples.plain_page(drawn, t282=240, t283=240, t296=2)])
    by_centimetre = samples.tiff([samples.plain_page(drawn, t282=100, t283=100, t296=3)])
    found = [
        read_bytes(tmp_path, data)[0].dpi
        for data in (
            samples.png(drawn, dpi=300),
            samples.jpeg(drawn, dpi=200),
            by_tag,
            by_centimetre,
            samples.png(drawn),
        )
    ]

    assert found == [300.0, 200.0, 240.0, 254.0, None]


def test_a_thumbnail_in_a_tiff_is_not_a_page(tmp_path, drawn):
    small = samples.plain_page(cv2.resize(drawn, (100, 40)), t254=1)

    found = read_bytes(tmp_path, samples.tiff([samples.plain_page(drawn), small]))

    assert [(page.number, page.width) for page in found] == [(1, 1000)]


def test_thumbnails_do_not_count_against_the_limit_of_pages(tmp_path, drawn):
    page = samples.plain_page(drawn)
    small = samples.plain_page(cv2.resize(drawn, (100, 40)), t254=1)

    assert len(read_bytes(tmp_path, samples.tiff([page, small] * 3), Limits(pages=3))) == 3


def test_each_directory_of_a_tiff_is_a_page(tmp_path, drawn):
    shades = [np.full((30, 40 + n), n * 20, np.uint8) for n in range(1, 6)]

    found = read_bytes(tmp_path, samples.tiff([samples.plain_page(shade) for shade in shades]))

    assert [(page.number, page.width, int(page.image.mean())) for page in found] == [
        (n, 40 + n, n * 20) for n in range(1, 6)
    ]


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_the_first_frame_of_an_animation_is_shown(kind, mode, tmp_path, drawn):
    frames = [Image.fromarray(shown).convert("RGB") for shown in (drawn, 255 - drawn)]
    if mode == "RGBA":
        frames[0].putalpha(Image.fromarray(255 - drawn))
    file = io.BytesIO()
    frames[0].save(file, kind, save_all=True, append_images=frames[1:], duration=100, lossless=True)

    found = read_bytes(tmp_path, file.getvalue())

    assert len(found) == 1
    assert difference(found[0].image, drawn) < 3


def test_a_bad_page_of_a_tiff_costs_only_itself(tmp_path, drawn):
    good, bad = samples.plain_page(drawn), samples.TiffPage(50, 50, b"", {273: 10**7, 279: 99})
    path = tmp_path / "two.tif"
    path.write_bytes(samples.tiff([bad, good]))
    with pages.open_document(path, Limits(), Rendering()) as source:
        with pytest.raises(Rejected, match="page 1 of the TIFF"):
            source.page(1)
        assert source.page(2).width == 1000


def test_the_pages_of_a_tiff_whose_directories_run_in_a_circle_are_read_once(tmp_path, drawn):
    whole = samples.tiff([samples.plain_page(drawn)] * 3)
    (first,) = struct.unpack_from("<I", whole, 4)

    found = read_bytes(tmp_path, samples.tiff([samples.plain_page(drawn)] * 3, next_offset=first))

    assert [page.number for page in found] == [1, 2, 3]
    assert all(difference(page.image, drawn) < 1 for page in found)


def test_pages_lost_in_a_torn_tiff_are_reported(tmp_path, drawn):
    path = tmp_path / "torn.tif"
    path.write_bytes(samples.tiff([samples.plain_page(drawn)], next_offset=10_000_000))
    with pages.open_document(path, Limits(), Rendering()) as source:
        assert source.page_count == 2
        with pytest.raises(Rejected, match="torn after page 1"):
            source.page(2)


def test_a_truncated_jpeg_reports_what_is_missing(tmp_path, drawn):
    whole = samples.jpeg(drawn)

    (page,) = read_bytes(tmp_path, whole[: len(whole) * 2 // 3])

    assert page.defect is not None
    assert "ends early" in page.defect
    assert difference(page.image[:120], drawn[:120]) < 3
    assert read_bytes(tmp_path, whole)[0].defect is None


def test_bytes_after_the_end_of_a_jpeg_are_ignored(tmp_path, drawn):
    (page,) = read_bytes(tmp_path, samples.jpeg(drawn) + b"a film that a phone appended" * 99)

    assert page.defect is None


def test_a_thumbnail_does_not_hide_that_a_jpeg_is_truncated(tmp_path, drawn):
    thumbnail = b"Exif\0\0" + samples.exif(1) + samples.jpeg(drawn[:40, :40])
    segment = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    whole = samples.jpeg(drawn)
    cut = whole[:2] + segment + whole[2 : len(whole) // 2]

    (page,) = read_bytes(tmp_path, cut)

    assert page.defect is not None


# --- photos of phones ---------------------------------------------------------------------------


def test_a_photo_is_rejected_by_format_where_its_decoder_is_not_installed(
    tmp_path, monkeypatch, drawn
):
    monkeypatch.setattr(heif, "installed", lambda: False)

    with pytest.raises(Rejected, match=r"HEIC photo; install 'ocr-daemon\[heif\]'") as caught:
        read_bytes(tmp_path, samples.heic(samples.in_colour(drawn)))

    assert caught.value.reason == "unsupported"


def test_a_photo_that_is_too_large_is_rejected_by_its_header(tmp_path, drawn):
    photo = samples.heic(samples.in_colour(drawn))

    with pytest.raises(Rejected) as caught:
        read_bytes(tmp_path, photo, Limits(page_megapixels=0.01))

    assert caught.value.reason == "too_large"


def test_a_photo_truncated_in_its_header_is_corrupt(tmp_path, drawn):
    with pytest.raises(Rejected) as caught:
        read_bytes(tmp_path, samples.heic(samples.in_colour(drawn))[:200])

    assert caught.value.reason == "corrupt"
