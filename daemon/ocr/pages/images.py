"""Image files: one page each, except TIFF, whose directories are its pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daemon.core import tiff
from daemon.core.errors import Rejected
from daemon.core.options import Limits
from daemon.core.records import DocumentWarning, Page
from daemon.core.tiff import MalformedFileError
from daemon.ocr.pages import headers, heif, jpeg, pixels, sniff
from daemon.ocr.pages.errors import translate_errors
from daemon.ocr.pages.headers import Header

if TYPE_CHECKING:
    from daemon.core.records import Pixels

_TIFF_TAGS: Final = (
    tiff.SUBFILE,
    tiff.WIDTH,
    tiff.HEIGHT,
    tiff.BITS,
    tiff.ORIENTATION,
    tiff.SAMPLES,
    tiff.X_RESOLUTION,
    tiff.RESOLUTION_UNIT,
    tiff.EXTRA_SAMPLES,
    tiff.PHOTOMETRIC,
)
_MAX_VALUES: Final = 16  # of a tag; no relevant tag has more
_PREMULTIPLIED, _STRAIGHT = 1, 2  # values of ExtraSamples
_GRAY, _RGB = 1, 2  # values of PhotometricInterpretation; 0 is gray too
_TRUNCATED: Final = "the JPEG ends early; its lower part may be missing"


class ImageSource:
    """A still image: the header is checked at once, the pixels are decoded on demand."""

    page_count = 1
    warnings: tuple[DocumentWarning, ...] = ()

    def __init__(self, data: bytes, media_type: str, limits: Limits, in_gray: bool) -> None:
        self.media_type = media_type
        self._data = data
        self._header = _read_header(data, media_type)
        scalable = media_type == "image/jpeg" and not jpeg.is_progressive(data)
        share = headers.JP2_SHARE if media_type == "image/jp2" else 1.0
        self._reduction = _reduction(self._header, limits, share, scalable=scalable)
        # samples of a pixel that decode to gray without an intermediate colour image
        gray_samples = (1, 3) if media_type == "image/jpeg" else (1,)
        self._in_gray = in_gray and self._header.samples in gray_samples

    def page(self, number: int) -> Page:
        """Return the image; raises Rejected when nothing of it can be decoded."""
        is_truncated = self.media_type == "image/jpeg" and jpeg.ends_early(self._data)
        kind = sniff.title(self.media_type)
        with translate_errors(f"the {kind}"):
            image = self._decode_truncated() if is_truncated else self._decode()
        if image is None:
            raise Rejected("corrupt", f"the {kind} cannot be decoded; scan or copy it again")
        image = pixels.upright(image, self._header.orientation)
        return _page(
            number, image, self._header, self._reduction, _TRUNCATED if is_truncated else None
        )

    def _decode_truncated(self) -> Pixels | None:
        """Decode a truncated JPEG: with an end marker, libjpeg fills the missing part with gray."""
        image = self._decode_opaque(self._data + jpeg.END)
        return None if image is None or image.min() == image.max() else image

    def _decode(self) -> Pixels | None:
        header = self._header
        if self.media_type == "image/heic":
            return heif.decode(self._data)
        if self.media_type == "image/jp2" and header.samples in (2, 4):
            return pixels.decode_with_mupdf(self._data)
        if header.alpha:
            return pixels.decode_alpha(self._data)
        return self._decode_opaque(self._data)

    def _decode_opaque(self, data: bytes) -> Pixels | None:
        return pixels.decode_opaque(data, self._reduction, in_gray=self._in_gray)


class TiffSource:
    """A TIFF of any number of pages; only the requested page is decoded.

    Thumbnails (reduced-resolution directories) are not pages. Where the chain of directories is
    torn, the page that would follow counts as one that cannot be read, so that its loss is
    reported.
    """

    media_type = "image/tiff"
    warnings: tuple[DocumentWarning, ...] = ()

    def __init__(self, data: bytes, limits: Limits, in_gray: bool) -> None:
        self._data = bytearray(data)
        self._limits = limits
        self._in_gray = in_gray
        max_directories = 2 * limits.pages + 1  # each page may have a thumbnail
        chain = tiff.read_chain(self._read_at, _TIFF_TAGS, max_directories, _MAX_VALUES)
        self._directories = _without_thumbnails(chain.directories)
        self.page_count = len(self._directories) + (chain.ending == "truncated")
        if self.page_count > limits.pages or chain.ending == "too_long":
            limit = f"more than {limits.pages} pages (limits.pages)"
            raise Rejected("too_large", f"the TIFF has {limit}; split it")

    def page(self, number: int) -> Page:
        """Return one page; raises Rejected when it cannot be read."""
        if number > len(self._directories):
            raise Rejected("corrupt", f"the TIFF is torn after page {number - 1}; scan it again")
        with translate_errors(f"page {number} of the TIFF"):
            directory = self._directories[number - 1]
            header = _tiff_header(directory)
            _reduction(header, self._limits)
            tiff.point_header_at(self._data, directory)
            image = self._decode(directory, header)
        if image is None:
            raise Rejected("corrupt", f"page {number} of the TIFF cannot be decoded; scan it again")
        return _page(number, image, header, 1, None)

    def _decode(self, directory: tiff.Directory, header: Header) -> Pixels | None:
        extra = directory.first(tiff.EXTRA_SAMPLES, 0)
        if header.alpha and header.samples == 2:
            return pixels.upright(pixels.decode_with_mupdf(self._data), header.orientation)
        if header.alpha and header.samples == 4:  # OpenCV applies the orientation of a TIFF
            # below 16 bits, libtiff returns straight alpha premultiplied
            premultiplied = extra == _PREMULTIPLIED or _bits(directory) != 16
            return pixels.decode_alpha(self._data, premultiplied=premultiplied)
        photometric = directory.first(tiff.PHOTOMETRIC, 0)
        has_gray = header.samples == 1 and photometric <= _GRAY and _bits(directory) <= 8
        return pixels.decode_opaque(self._data, in_gray=self._in_gray and has_gray)

    def _read_at(self, offset: int, length: int) -> bytes:
        return bytes(self._data[offset : offset + length])


def _read_header(data: bytes, media_type: str) -> Header:
    match media_type:
        case "image/png":
            return headers.read_png(data)
        case "image/jpeg":
            return jpeg.read_jpeg(data)
        case "image/gif":
            return headers.read_gif(data)
        case "image/bmp":
            return headers.read_bmp(data)
        case "image/webp":
            return headers.read_webp(data)
        case "image/jp2":
            return headers.read_jp2(data)
        case "image/heic":
            return heif.read_heic(data)
        case _:
            return headers.read_pnm(data)


def _tiff_header(directory: tiff.Directory) -> Header:
    bits = _bits(directory)
    if bits > 16:
        raise Rejected("unsupported", f"a TIFF of {bits} bits a sample; save it with 8 or 16 bits")
    has_alpha = directory.first(tiff.EXTRA_SAMPLES, 0) in (_PREMULTIPLIED, _STRAIGHT)
    gray_or_rgb = directory.first(tiff.PHOTOMETRIC, 0) <= _RGB
    return Header(
        directory.first(tiff.WIDTH, 0),
        directory.first(tiff.HEIGHT, 0),
        headers.orientation_of(directory),
        headers.dpi_of(directory),
        alpha=has_alpha and gray_or_rgb,
        samples=directory.first(tiff.SAMPLES, 1),
    )


def _bits(directory: tiff.Directory) -> int:
    return directory.first(tiff.BITS, 1)


def _without_thumbnails(directories: tuple[tiff.Directory, ...]) -> tuple[tiff.Directory, ...]:
    """Drop reduced-resolution copies, unless there is nothing else."""
    full = tuple(d for d in directories if not d.first(tiff.SUBFILE, 0) & 1)
    return full or directories


def _reduction(
    header: Header, limits: Limits, share: float = 1.0, *, scalable: bool = False
) -> int:
    """Return the divisor of the sides at decoding; raises Rejected for too many pixels.

    The share `share` of the limit is allowed; a `scalable` format is decoded at 1/2, 1/4 or 1/8.
    """
    allowed = limits.page_megapixels * 1e6 * share
    pixel_count = header.width * header.height
    if not pixel_count:
        raise MalformedFileError("an image of no pixels")
    for reduction in pixels.REDUCTIONS if scalable else (1,):
        if pixel_count <= allowed * reduction * reduction:
            return reduction
    size = f"{header.width} x {header.height} pixels"
    limit = f"{allowed / 1e6:g} megapixels are allowed (limits.page_megapixels)"
    raise Rejected("too_large", f"the image has {size}, {limit}; scan it at a lower resolution")


def _page(number: int, image: Pixels, header: Header, reduction: int, defect: str | None) -> Page:
    rotation = pixels.rotation_of(header.orientation)
    width, height = header.width, header.height
    if rotation in (90, 270):
        width, height = height, width
    if reduction == 1:  # the decoder decides the size
        height, width = image.shape[:2]
    return Page(
        number,
        width,
        height,
        image,
        scale=image.shape[1] / width,
        dpi=header.dpi,
        rotation=rotation,
        defect=defect,
    )
