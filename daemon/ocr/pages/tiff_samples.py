"""Samples of a TIFF page, strip by strip: any depth up to 16 bits, chunky or planar, torn or whole.

OpenCV reads 1, 8 and 16 bits; of the other depths, and of planes of 16 bits with alpha, it returns
nothing or, without an error, white. MuPDF misplaces the samples of tiles below 8 bits, and Pillow
those of 16-bit planes. None of them returns the upper part of a torn page, and none says that a
strip is damaged. Here every strip and tile is decompressed on its own, as far as it goes; what is
missing is white.
Source: TIFF 6.0, sections 3 to 11, 14, 15, 18 and 23; Adobe's TIFF technical notes 1 to 3.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from daemon.core import tiff
from daemon.core.records import Box
from daemon.core.tiff import MalformedFileError
from daemon.ocr.pages import jpeg, transparency
from daemon.ocr.pages.tiff_codecs import CCITT, CODECS, JPEG, Chunk, DamagedError, decode_jpeg

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from daemon.core.records import Pixels

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR, CIELAB, ICCLAB = 0, 1, 2, 3, 5, 6, 8, 9
COLOURS: Final = {
    WHITE_IS_ZERO: 1,
    BLACK_IS_ZERO: 1,
    RGB: 3,
    PALETTE: 1,
    CMYK: 4,
    YCBCR: 3,
    CIELAB: 3,
    ICCLAB: 3,
}
"""Samples of a pixel by PhotometricInterpretation, for the colours that are read."""
OTHER_COLOURS: Final = {
    4: "transparency mask",
    10: "ITU Lab",
    32803: "colour filter array",
    32844: "logarithmic luminance",
    32845: "logarithmic colour",
    34892: "linear raw",
    51177: "depth map",
}
"""Names of other values of PhotometricInterpretation."""
_TAGS: Final = (
    tiff.WIDTH,
    tiff.HEIGHT,
    tiff.BITS,
    tiff.COMPRESSION,
    tiff.PHOTOMETRIC,
    tiff.FILL_ORDER,
    tiff.STRIP_OFFSETS,
    tiff.SAMPLES,
    tiff.ROWS_PER_STRIP,
    tiff.STRIP_BYTES,
    tiff.PLANAR,
    tiff.T4_OPTIONS,
    tiff.PREDICTOR,
    tiff.COLOUR_MAP,
    tiff.TILE_WIDTH,
    tiff.TILE_HEIGHT,
    tiff.TILE_OFFSETS,
    tiff.TILE_BYTES,
    tiff.EXTRA_SAMPLES,
    tiff.SAMPLE_FORMAT,
    tiff.JPEG_TABLES,
)
_MAX_SAMPLES: Final = 8  # of a pixel: five of CMYK with alpha, and some that are skipped
_MAX_BITS: Final = 16
_BAND_BYTES: Final = 1 << 20  # of decompressed rows that are unpacked at once
_MAX_SURPLUS: Final = 4  # times the page's pixels that its tiles may have in all
_MAX_TILE: Final = 1 << 22  # pixels of a tile that is larger than a page
_MAX_CHUNKS: Final = 65_536  # strips and tiles: as many offsets are read of a directory
_FOOT: Final = 1 / 100  # of a page's rows that may be missing at its foot: some faxes announce more
_PREMULTIPLIED, _STRAIGHT = 1, 2  # values of ExtraSamples
_NO_PREDICTOR, _HORIZONTAL = 1, 2  # values of Predictor
_PLANAR: Final = 2  # value of PlanarConfiguration
_OF_JPEG: Final = (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, YCBCR)  # colours of strips that are JPEGs
_UNSIGNED: Final = (1, 4)  # values of SampleFormat: unsigned integers, undefined
_REVERSED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass(frozen=True, slots=True)
class Samples:
    """A decoded page: H,W gray or H,W,3 BGR as stored (not turned), and the share that was found.

    `is_whole` is false where a part of the page is missing or damaged.
    """

    image: Pixels
    found: float
    is_whole: bool


@dataclass(frozen=True, slots=True)
class _Samples:
    """How the samples of a page are stored; `colours` samples of a pixel are shown."""

    directory: tiff.Directory
    order: str
    width: int
    height: int
    bits: int
    samples: int
    colours: int
    alpha: bool
    is_planar: bool
    chunk_width: int
    chunk_height: int

    @property
    def compression(self) -> int:
        """The value of Compression."""
        return self.directory.first(tiff.COMPRESSION, 1)

    @property
    def photometric(self) -> int:
        """The value of PhotometricInterpretation."""
        return self.directory.first(tiff.PHOTOMETRIC, WHITE_IS_ZERO)

    @property
    def kept(self) -> int:
        """Samples of a pixel that are decoded: the colours, and alpha."""
        return self.colours + self.alpha

    @property
    def chunk_samples(self) -> int:
        """Samples of a pixel that lie side by side in a strip or tile."""
        return 1 if self.is_planar else self.samples

    @property
    def row_bytes(self) -> int:
        """Bytes of a row of a strip or tile, decompressed."""
        return -(-self.chunk_width * self.chunk_samples * self.bits // 8)

    @property
    def grid(self) -> tuple[int, int]:
        """How many strips or tiles are across and down the page."""
        return -(-self.width // self.chunk_width), -(-self.height // self.chunk_height)


def decode(data: bytes | bytearray) -> Samples | None:
    """Decode the first page of a TIFF as far as its strips go; None for what is not read here."""
    layout = _layout(data)
    if layout is None:
        return None
    # the colours of a pixel are known when all its planes are, its ground when all the page is
    is_deferred = layout.is_planar or layout.alpha
    is_gray = layout.colours == 1 and layout.photometric != PALETTE
    shape = layout.height, layout.width, layout.kept if is_deferred else 1 if is_gray else 3
    canvas: Pixels = np.full(shape, 255, np.uint8)
    missing: list[Box] = []
    is_damaged = False
    for plane, box, chunk in _chunks(data, layout):
        row = 0
        try:
            for samples in _rows(chunk, layout):
                shown = samples if is_deferred else _in_colour(samples, layout)
                _place(canvas, shown, box.top + row, box.left, plane)
                row += samples.shape[0]
        except DamagedError:
            is_damaged = True
        if row < box.bottom - box.top:
            missing.append(replace(box, top=box.top + row))
    image = _composite(canvas, layout) if is_deferred else canvas
    for box in missing:
        image[box.top : box.bottom, box.left : box.right] = 255
    image = image[..., 0] if image.shape[2] == 1 else image
    is_whole = not is_damaged and _is_foot(missing, layout)
    return Samples(image, _share_found(missing, layout), is_whole)


def _share_found(missing: Sequence[Box], layout: _Samples) -> float:
    planes = layout.kept if layout.is_planar else 1
    area = sum((box.right - box.left) * (box.bottom - box.top) for box in missing)
    return 1 - area / (layout.width * layout.height * planes)


def _is_foot(missing: Sequence[Box], layout: _Samples) -> bool:
    """Tell whether no more is missing than the last rows, which a fax may announce in vain."""
    return all(box.top >= layout.height * (1 - _FOOT) for box in missing)


def _layout(data: bytes | bytearray) -> _Samples | None:
    """Return the layout of the first page, None where it has one that is not read here."""
    view = memoryview(data)
    chain = tiff.read_chain(lambda at, size: bytes(view[at : at + size]), _TAGS, 1)
    directory = chain.directories[0]
    depths = set(directory.tags.get(tiff.BITS, (1,)))
    formats = set(directory.tags.get(tiff.SAMPLE_FORMAT, (1,)))
    samples = directory.first(tiff.SAMPLES, 1)
    colours = COLOURS.get(directory.first(tiff.PHOTOMETRIC, WHITE_IS_ZERO))
    if (
        len(depths) != 1
        or not 1 <= (bits := depths.pop()) <= _MAX_BITS
        or not formats.issubset(_UNSIGNED)
        or colours is None
        or not colours <= samples <= _MAX_SAMPLES
        or not _is_known_coding(directory, bits)
    ):
        return None
    extra = directory.first(tiff.EXTRA_SAMPLES, 0)
    width, height = directory.first(tiff.WIDTH, 0), directory.first(tiff.HEIGHT, 0)
    is_tiled = tiff.TILE_OFFSETS in directory.tags
    rows = min(directory.first(tiff.ROWS_PER_STRIP, height) or height, height)
    layout = _Samples(
        directory,
        order="<" if data[:2] == b"II" else ">",
        width=width,
        height=height,
        bits=bits,
        samples=samples,
        colours=colours,
        alpha=samples > colours and extra in (_PREMULTIPLIED, _STRAIGHT),
        is_planar=directory.first(tiff.PLANAR, 1) == _PLANAR and samples > 1,
        chunk_width=directory.first(tiff.TILE_WIDTH, 0) if is_tiled else width,
        chunk_height=directory.first(tiff.TILE_HEIGHT, 0) if is_tiled else rows,
    )
    return layout if _is_plausible(layout) else None


def _is_known_coding(directory: tiff.Directory, bits: int) -> bool:
    """Tell whether compression, colours and predictor are combined as they are read here."""
    photometric = directory.first(tiff.PHOTOMETRIC, WHITE_IS_ZERO)
    predictor = directory.first(tiff.PREDICTOR, _NO_PREDICTOR)
    compression = directory.first(tiff.COMPRESSION, 1)
    if compression == JPEG:
        planar = directory.first(tiff.PLANAR, 1) == _PLANAR
        return bits == 8 and photometric in _OF_JPEG and not planar
    if compression in CCITT and (bits != 1 or directory.first(tiff.SAMPLES, 1) != 1):
        return False
    is_known = predictor == _NO_PREDICTOR or (predictor == _HORIZONTAL and bits in (8, 16))
    return compression in CODECS and photometric != YCBCR and is_known


def _is_plausible(layout: _Samples) -> bool:
    """Tell whether strips or tiles cover about the page, so that decoding is bounded by it."""
    if not min(layout.width, layout.height, layout.chunk_width, layout.chunk_height):
        return False
    tile = layout.chunk_width * layout.chunk_height
    page = layout.width * layout.height
    across, down = layout.grid
    if across * down * layout.kept > _MAX_CHUNKS:
        return False
    return tile <= max(page, _MAX_TILE) and across * down * tile <= _MAX_SURPLUS * page + _MAX_TILE


def _chunks(data: bytes | bytearray, layout: _Samples) -> Iterator[tuple[int | None, Box, Chunk]]:
    """Yield plane (None for all), place on the page and content of all strips or tiles.

    Those that are not in the file have no content.
    """
    tags = layout.directory.tags
    is_tiled = tiff.TILE_OFFSETS in tags
    offsets = tags[tiff.TILE_OFFSETS] if is_tiled else tags.get(tiff.STRIP_OFFSETS, ())
    sizes = tags.get(tiff.TILE_BYTES if is_tiled else tiff.STRIP_BYTES, ())
    is_reversed = layout.directory.first(tiff.FILL_ORDER, 1) == 2 and layout.compression != JPEG
    across, down = layout.grid
    for index in range(across * down * (layout.kept if layout.is_planar else 1)):
        plane, place = divmod(index, across * down)
        top, left = place // across * layout.chunk_height, place % across * layout.chunk_width
        bottom = min(top + layout.chunk_height, layout.height)
        box = Box(left, top, min(left + layout.chunk_width, layout.width), bottom)
        offset = offsets[index] if index < len(offsets) else len(data)
        size = sizes[index] if index < len(sizes) else len(data)
        content: bytes | memoryview = memoryview(data)[offset : offset + size]
        if is_reversed:
            content = bytes(content).translate(_REVERSED)
        chunk = Chunk(
            content=content,
            width=layout.chunk_width,
            rows=layout.chunk_height if is_tiled else bottom - top,
            row_bytes=layout.row_bytes,
            options=layout.directory.first(tiff.T4_OPTIONS, 0),
            tables=bytes(tags.get(tiff.JPEG_TABLES, ())),
        )
        yield plane if layout.is_planar else None, box, chunk


def _rows(chunk: Chunk, layout: _Samples) -> Iterator[Pixels]:
    """Yield the samples of a strip or tile in bands of rows, rows,W,n of 8 bits."""
    if layout.compression == JPEG:
        is_rgb = layout.photometric == RGB
        image = decode_jpeg(chunk, layout.colours, is_rgb=is_rgb)
        if image is not None:
            yield image.reshape(*image.shape[:2], layout.colours)
        if jpeg.ends_early(bytes(chunk.content)):
            raise DamagedError
        return
    rows_at_once = max(1, _BAND_BYTES // chunk.row_bytes)
    row, rest = 0, memoryview(b"")
    for piece in CODECS[layout.compression](chunk, rows_at_once * chunk.row_bytes):
        if row == chunk.rows:
            return  # more than announced
        rest = memoryview(bytes(rest) + bytes(piece) if rest else piece)
        while row < chunk.rows and len(rest) >= chunk.row_bytes:
            count = min(len(rest) // chunk.row_bytes, chunk.rows - row, rows_at_once)
            yield _unpacked(rest[: count * chunk.row_bytes], count, layout)
            rest = rest[count * chunk.row_bytes :]
            row += count


def _unpacked(content: memoryview, rows: int, layout: _Samples) -> Pixels:
    """Return the samples of whole rows, rows,W,n, scaled to 8 bits (indices of a palette as is)."""
    count = layout.chunk_width * layout.chunk_samples
    shape = rows, layout.chunk_width, layout.chunk_samples
    values = _integers(content, rows, count, layout.bits, layout.order).reshape(shape)
    if layout.directory.first(tiff.PREDICTOR, _NO_PREDICTOR) == _HORIZONTAL:
        # modulo 2 ** bits, as it should be
        np.cumsum(values, axis=1, dtype=values.dtype, out=values)
    if layout.photometric == PALETTE:
        return np.minimum(values, 255).astype(np.uint8)
    if layout.photometric == CIELAB and layout.bits in (8, 16):  # a and b are signed
        values[..., 1:3] ^= values.dtype.type(1 << layout.bits - 1)
    most = (1 << layout.bits) - 1
    if most > 255:
        return ((values.astype(np.uint32) * 255 + most // 2) // most).astype(np.uint8)
    if most == 255:
        return values.astype(np.uint8)
    scale = (np.arange(256, dtype=np.uint32) * 255 // most).astype(np.uint8)
    return np.asarray(scale[values], np.uint8)


def _integers(
    content: memoryview, rows: int, count: int, bits: int, order: str
) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Return `count` integers of `bits` bits in each row, rows,count; rows begin at a byte."""
    if bits == 16:
        return np.frombuffer(content, order + "u2").astype(np.uint16).reshape(rows, count)
    stored = np.frombuffer(content, np.uint8).reshape(rows, -1)
    if bits == 8:
        return stored.copy()
    digits = np.unpackbits(stored, axis=1)[:, : count * bits]
    if bits == 1:
        return digits
    padded = np.zeros((rows, count, 16), np.uint8)
    padded[..., 16 - bits :] = digits.reshape(rows, count, bits)
    packed = np.packbits(padded.reshape(rows, count * 16), axis=1)
    values = packed.view(">u2").astype(np.uint16)
    return values.astype(np.uint8) if bits < 8 else values


def _place(canvas: Pixels, samples: Pixels, top: int, left: int, plane: int | None) -> None:
    """Copy rows of a strip or tile into the page, except what lies beyond its edges."""
    target = canvas[top : top + samples.shape[0], left : left + samples.shape[1]]
    part = samples[: target.shape[0], : target.shape[1]]
    if plane is None:
        target[:] = part[..., : canvas.shape[2]]
    else:
        target[..., plane] = part[..., 0]


def _composite(canvas: Pixels, layout: _Samples) -> Pixels:
    """Return H,W,3 BGR or H,W,1 gray of a page that is there with all its samples."""
    if not layout.alpha:
        return _in_colour(canvas, layout)
    if layout.photometric == RGB:  # in place: pages of 120 megapixels must fit in memory
        with_alpha = np.asarray(cv2.cvtColor(canvas, cv2.COLOR_RGBA2BGRA, dst=canvas), np.uint8)
    else:
        image = _in_colour(canvas, layout)
        image = np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image
        with_alpha = np.dstack([image, canvas[..., layout.colours]])
    is_premultiplied = layout.directory.first(tiff.EXTRA_SAMPLES, 0) == _PREMULTIPLIED
    return transparency.composite(with_alpha, premultiplied=is_premultiplied)


def _in_colour(samples: Pixels, layout: _Samples) -> Pixels:
    """Return H,W,3 BGR or H,W,1 gray."""
    if layout.compression == JPEG:
        return samples if layout.photometric else 255 - samples
    match layout.photometric:
        case 0:
            return 255 - samples[..., :1]
        case 1:
            return samples[..., :1]
        case 2:
            return samples[..., 2::-1]
        case 3:
            return _of_palette(samples[..., 0], layout)
        case 5:
            return _of_inks(samples)
        case _:
            lab = np.ascontiguousarray(samples[..., :3])
            return np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2BGR), np.uint8)


def _of_palette(indices: Pixels, layout: _Samples) -> Pixels:
    """Look the colours up; a map of 8 bits, which some programs write, is recognised."""
    entries = np.array(layout.directory.tags.get(tiff.COLOUR_MAP, ()), np.uint32)
    size = len(entries) // 3
    if not size:
        raise MalformedFileError("its colour map is missing")
    colours = np.zeros((256, 3), np.uint8)
    known = min(size, 256)
    shift = 8 if entries.max() > 255 else 0
    colours[:known] = (entries[: 3 * size].reshape(3, size)[::-1, :known] >> shift).T
    return np.asarray(colours[indices], np.uint8)


def _of_inks(inks: Pixels) -> Pixels:
    """Return BGR of cyan, magenta, yellow and black, in bands: each ink takes off light."""
    result = np.empty((*inks.shape[:2], 3), np.uint8)
    for top in range(0, inks.shape[0], 256):
        light = 255 - inks[top : top + 256, :, :4].astype(np.uint16)
        result[top : top + 256] = (light[..., 2::-1] * light[..., 3:] + 127) // 255
    return result
