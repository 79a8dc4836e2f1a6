"""Transparent images are laid on a ground that shows their ink."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from daemon.ocr.pages import transparency
from tests.support import samples
from tests.support.samples.tiff_layouts import Layout, tiff_of
from tests.unit.ocr.pages.test_pages import difference, read_bytes

WHITE, BLACK, YELLOW, BLUE = (255, 255, 255), (0, 0, 0), (0, 255, 255), (128, 0, 0)  # BGR


def ink(image: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Return H,W,4: a colour everywhere, opaque where the gray image is dark."""
    layers = np.empty((*image.shape, 4), np.uint8)
    layers[..., :3], layers[..., 3] = colour, 255 - image
    return layers


def beside(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.hstack([left, right])


def pillow_file(kind: str, image: np.ndarray, **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(cv2.cvtColor(image, cv2.COLOR_BGRA2RGBA)).save(file, kind, **options)
    return file.getvalue()


def bmp_with_alpha(image: np.ndarray) -> bytes:
    """Return a BMP of version 4, with masks of 8 bits each."""
    height, width = image.shape[:2]
    masks = b"".join(mask.to_bytes(4, "little") for mask in (0xFF0000, 0xFF00, 0xFF, 0xFF << 24))
    sizes = np.array([108, width, height], "<u4").tobytes()
    head = sizes + b"\1\0\x20\0\3\0\0\0" + bytes(20) + masks + b"BGRs"
    pixels = image[::-1].tobytes()
    start = (14 + 108).to_bytes(4, "little")
    size = (14 + 108 + len(pixels)).to_bytes(4, "little")
    return b"BM" + size + bytes(4) + start + head.ljust(108, b"\0") + pixels


FORMATS = {
    "png": samples.png,
    "webp": samples.webp,
    "gif": lambda image: pillow_file("GIF", image),
    "jp2": lambda image: pillow_file("JPEG2000", image),
    "heic": lambda image: heic(image),
    "bmp": bmp_with_alpha,
    "tiff": lambda image: tiff_of(
        image[..., [2, 1, 0, 3]].astype(int), Layout(8, photometric=2, extra=2)
    ),
    "premultiplied tiff": lambda image: tiff_of(
        (image[..., [2, 1, 0, 3]] * [1, 1, 1, 1])
        * np.dstack([image[..., 3:] / 255] * 3 + [image[..., 3:] * 0 + 1]).astype(float)
        // 1,
        Layout(8, photometric=2, extra=1),
    ),
    "gray + alpha": lambda image: tiff_of(
        np.dstack([cv2.cvtColor(image[..., :3].copy(), cv2.COLOR_BGR2GRAY), image[..., 3]]).astype(
            int
        ),
        Layout(8, photometric=1, extra=2),
    ),
}


def heic(image: np.ndarray) -> bytes:
    import pillow_heif

    rgba = cv2.cvtColor(image, cv2.COLOR_BGRA2RGBA)
    photo = pillow_heif.from_bytes("RGBA", image.shape[1::-1], rgba.tobytes())
    file = io.BytesIO()
    photo.save(file, quality=-1)
    return file.getvalue()


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(("colour", "ground"), [(WHITE, 0), (BLACK, 255), (BLUE, 255)])
def test_ink_of_one_colour_is_seen_in_every_format(name, colour, ground, tmp_path, drawn):
    small = cv2.resize(drawn, (500, 200), interpolation=cv2.INTER_AREA)
    if name == "gif":  # which has no half transparency
        small = np.where(small < 128, 0, 255).astype(np.uint8)

    (page,) = read_bytes(tmp_path, FORMATS[name](ink(small, colour)))

    alpha = (255 - small[..., None].astype(int)) / 255
    wanted = alpha * colour + (1 - alpha) * ground
    if name == "gray + alpha":
        wanted = np.repeat(wanted @ [[0.114], [0.587], [0.299]], 3, axis=2)
    assert np.abs(page.image - wanted).mean() < 3


@pytest.mark.parametrize("size", [0.6, 1.5, 6.0])
@pytest.mark.parametrize(
    ("colour", "ground"),
    [(WHITE, 0), (YELLOW, 0), ((230, 230, 230), 0), (BLACK, 255), ((0, 0, 200), 255), (BLUE, 255)],
)
def test_the_ground_contrasts_with_the_ink_at_any_size(size, colour, ground):
    page = samples.text_page(["Hi"], height=300, size=size)

    assert transparency.choose_ground(ink(page, colour)) == ground


def test_light_and_dark_ink_are_both_seen():
    page = samples.text_page()
    image = beside(ink(page, WHITE), ink(page, BLACK))

    shown = transparency.composite(image)

    light, dark = shown[:, : page.shape[1]], shown[:, page.shape[1] :]
    assert light[page == 0].min() - np.median(light) > 100
    assert np.median(dark) - dark[page == 0].max() > 100


@pytest.mark.parametrize("ground", [255, 230])
@pytest.mark.parametrize("shadow", [False, True])
def test_a_window_with_its_text_stays_on_white(ground, shadow):
    page = samples.text_page()
    window = np.dstack([np.where(page < 128, page, ground)] * 3 + [np.full_like(page, 255)])
    image = cv2.copyMakeBorder(window, 60, 60, 60, 60, cv2.BORDER_CONSTANT, value=(0, 0, 0, 0))
    if shadow:
        blurred = cv2.GaussianBlur(image[..., 3], (0, 0), 20)
        image[..., 3] = np.maximum(image[..., 3], blurred // 2)

    assert transparency.choose_ground(image.astype(np.uint8)) == 255


@pytest.mark.parametrize(("sheet", "ground"), [(255, 0), (240, 0), (0, 255), (60, 255)])
def test_letters_that_are_cut_out_of_a_sheet_are_seen(sheet, ground):
    page = samples.text_page()
    image = np.dstack([np.full_like(page, sheet)] * 3 + [page])

    assert transparency.choose_ground(image) == ground


def test_nothing_and_everything_opaque_are_laid_on_white():
    empty, opaque = np.zeros((30, 40, 4), np.uint8), np.full((30, 40, 4), 255, np.uint8)

    assert (transparency.composite(empty) == 255).all()
    assert (transparency.composite(opaque) == 255).all()


def test_a_large_image_is_judged_as_a_small_one():
    page = cv2.resize(samples.text_page(), (6000, 2400))

    assert transparency.choose_ground(ink(page, WHITE)) == 0
    assert difference(transparency.composite(ink(page, WHITE)), 255 - page) < 1
