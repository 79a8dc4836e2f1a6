"""Image files: one page each, except TIFF, whose directories are its pages.

OpenCV decodes all formats but TIFF, and where it returns nothing MuPDF and Pillow are asked before
a file is refused. TIFF is decoded by `tiff_samples`, and what that does not read by OpenCV, Pillow
and MuPDF. The size that each of them finds in the header is compared with the one that was allowed,
before it decodes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daemon.core import tiff
from daemon.core.errors import Rejected
from daemon.core.options import Limits
from daemon.core.records import DocumentWarning, Page
from daemon.core.tiff import MalformedFileError
from daemon.ocr.pages import (
    bmp,
    headers,
    heif,
    jpeg,
    pillow,
    pixels,
    pnm,
    sniff,
    tiff_codecs,
    tiff_samples,
)
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
    tiff.Y_RESOLUTION,
    tiff.RESOLUTION_UNIT,
    tiff.EXTRA_SAMPLES,
    tiff.PHOTOMETRIC,
    tiff.COMPRESSION,
    tiff.PLANAR,
    tiff.SAMPLE_FORMAT,
)
_MAX_VALUES: Final = 16  # of a tag; no relevant tag has more
_PREMULTIPLIED, _STRAIGHT = 1, 2  # values of ExtraSamples
_MAX_COLOUR_PIXELS: Final = 40e6  # larger JPEGs are decoded in gray, for a third of the memory
_GRAY, _RGB = 1, 2  # values of PhotometricInterpretation; 0 is gray too
_TRUNCATED: Final = "the JPEG ends early; its lower part may be missing"
# of a page's pixels, for MuPDF and Pillow: they took 12 to 14 bytes a pixel, OpenCV takes 3 to 6
_OTHER_SHARE: Final = 1 / 3
_DEPTHS: Final = (1, 8, 16)  # bits of a sample that OpenCV reads from a TIFF
_FLOATING: Final = 3  # value of SampleFormat
_PLANAR: Final = 2  # value of PlanarConfiguration
_OWN_DECODERS: Final = {"image/bmp": bmp.decode, "image/x-portable-anymap": pnm.decode}
_PILLOW_FORMATS: Final = {
    "image/png": ("PNG",),
    "image/jpeg": ("JPEG", "MPO"),
    "image/gif": ("GIF",),
    "image/bmp": ("BMP",),
    "image/webp": ("WEBP",),
    "image/jp2": ("JPEG2000",),
    "image/x-portable-anymap": ("PPM",),
}


class ImageSource:
    """A still image: the header is checked at once, the pixels are decoded on demand."""

    page_count = 1
    warnings: tuple[DocumentWarning, ...] = ()

    def __init__(self, data: bytes, media_type: str, limits: Limits, in_gray: bool) -> None:
        self.media_type = media_type
        self._data = data
        self._limits = limits
        self._header = _read_header(data, media_type)
        scalable = media_type == "image/jpeg" and not jpeg.is_progressive(data)
        share = headers.JP2_SHARE if media_type == "image/jp2" else 1.0
        self._reduction = _reduction(self._header, limits, share, scalable=scalable)
        # Samples of a pixel that decode to gray without an intermediate colour image. A JPEG in
        # colour takes a quarter longer to decode, but seals in red ink can be taken off it only so.
        pixel_count = self._header.width * self._header.height
        is_large = pixel_count > _MAX_COLOUR_PIXELS * self._reduction**2
        gray_samples = (1, 3) if media_type == "image/jpeg" and is_large else (1,)
        self._in_gray = in_gray and self._header.samples in gray_samples

    def page(self, number: int) -> Page:
        """Return the image; raises Rejected when nothing of it can be decoded."""
        is_truncated = self.media_type == "image/jpeg" and jpeg.ends_early(self._data)
        kind = sniff.title(self.media_type)
        defect: str | None = _TRUNCATED
        with translate_errors(f"the {kind}"):
            if is_truncated:
                image = self._decode_truncated()
            else:
                image, is_whole = self._decode()
                defect = None if is_whole else f"the {kind} is torn or damaged; scan it again"
        if image is None:
            raise self._rejection(kind)
        image = pixels.upright(image, self._header.orientation)
        return _page(number, image, self._header, self._reduction, defect)

    def _decode_truncated(self) -> Pixels | None:
        """Decode a truncated JPEG: with an end marker, libjpeg fills the missing part with gray."""
        image = self._decode_opaque(self._data + jpeg.END)
        return None if image is None or image.min() == image.max() else image

    def _decode(self) -> tuple[Pixels | None, bool]:
        """Return the image, None if nothing decodes, and whether it is whole."""
        if self.media_type == "image/heic":
            return heif.decode(self._data), True
        own = _OWN_DECODERS.get(self.media_type)
        if own is not None and (decoded := own(self._data)) is not None:
            return decoded
        image = self._decode_with_opencv()
        return (image, True) if image is not None else self._decode_otherwise()

    def _decode_with_opencv(self) -> Pixels | None:
        if self.media_type == "image/jp2" and self._header.samples in (2, 4):
            return None  # OpenCV drops samples
        return pixels.decode_alpha(self._data) if self._header.alpha else self._decode_opaque()

    def _decode_opaque(self, data: bytes | None = None) -> Pixels | None:
        return pixels.decode_opaque(data or self._data, self._reduction, in_gray=self._in_gray)

    def _decode_otherwise(self) -> tuple[Pixels | None, bool]:
        """Ask MuPDF and Pillow; return the image and whether it is whole."""
        formats = _PILLOW_FORMATS.get(self.media_type)
        if formats is None or self._reduction > 1:  # only OpenCV scales while it decodes
            return None, True
        _check_other_decoders(sniff.title(self.media_type), self._header, self._limits)
        size = self._header.width, self._header.height
        decoded = pixels.decode_with_mupdf(self._data, *size)
        if decoded is not None and decoded[1]:
            return decoded
        image = pillow.decode(self._data, formats, *size)
        return (pixels.in_bgr(image), True) if image is not None else decoded or (None, True)

    def _rejection(self, kind: str) -> Rejected:
        coding = jpeg.unusual_coding(self._data) if self.media_type == "image/jpeg" else None
        if coding is not None:
            remedy = "save it as a usual JPEG or as PNG"
            return Rejected("unsupported", f"the JPEG has {coding}, which is not read; {remedy}")
        return Rejected("corrupt", f"the {kind} cannot be decoded; scan or copy it again")


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
        subject = f"page {number} of the TIFF"
        with translate_errors(subject):
            directory = self._directories[number - 1]
            header = _tiff_header(directory)
            _reduction(header, self._limits)
            tiff.point_header_at(self._data, directory)
            image, found = self._decode(directory, header)
        if image is None:
            raise _tiff_rejection(subject, directory)
        return _page(number, image, header, 1, None if found is None else _damage(subject, found))

    def _decode(
        self, directory: tiff.Directory, header: Header
    ) -> tuple[Pixels | None, float | None]:
        """Return the page and, where something of it is missing, the share that was found."""
        # OpenCV decodes JPEG as exactly, and takes less time
        compression = directory.first(tiff.COMPRESSION, 1)
        is_jpeg = compression == tiff_codecs.JPEG
        image = self._decode_with_opencv(directory, header) if is_jpeg else None
        if image is not None:
            return image, None
        samples = tiff_samples.decode(self._data)
        if samples and not samples.is_whole and compression == tiff_codecs.CCITT_GROUP_3:
            # libtiff goes on at the next line of a fax, if no strip is cut off
            image = self._decode_with_opencv(directory, header)
            if image is not None:
                return image, 1.0
        if samples is not None:
            return self._shown(samples, header), None if samples.is_whole else samples.found
        if directory.first(tiff.PHOTOMETRIC, 0) not in tiff_samples.COLOURS:
            return None, None  # MuPDF would show some colours
        image = None if is_jpeg else self._decode_with_opencv(directory, header)
        return (image, None) if image is not None else self._decode_otherwise(header)

    def _shown(self, samples: tiff_samples.Samples, header: Header) -> Pixels | None:
        """Return the samples upright and, unless gray will do, in colour; None without any."""
        if not samples.found:
            return None
        image = pixels.upright(samples.image, header.orientation)
        return image if self._in_gray else pixels.in_bgr(image)

    def _decode_with_opencv(self, directory: tiff.Directory, header: Header) -> Pixels | None:
        """OpenCV applies the orientation of a TIFF; it drops the alpha of gray, and of planes."""
        bits = _bits(directory)
        is_planar = directory.first(tiff.PLANAR, 1) == _PLANAR and header.samples > 1
        if directory.first(tiff.COMPRESSION, 1) not in tiff_codecs.OF_OPENCV:
            return None  # it would return a page without anything on it
        if bits not in _DEPTHS or (header.alpha and (header.samples == 2 or is_planar)):
            return None
        if header.alpha and header.samples == 4:
            # below 16 bits, libtiff returns straight alpha premultiplied
            extra = directory.first(tiff.EXTRA_SAMPLES, 0)
            premultiplied = extra == _PREMULTIPLIED or bits != 16
            return pixels.decode_alpha(self._data, premultiplied=premultiplied)
        photometric = directory.first(tiff.PHOTOMETRIC, 0)
        has_gray = header.samples == 1 and photometric <= _GRAY and bits <= 8
        return pixels.decode_opaque(self._data, in_gray=self._in_gray and has_gray)

    def _decode_otherwise(self, header: Header) -> tuple[Pixels | None, float | None]:
        """Ask Pillow, whose libtiff has all codecs, then MuPDF."""
        _check_other_decoders("TIFF", header, self._limits)
        data, size = bytes(self._data), (header.width, header.height)
        image = pillow.decode(data, ("TIFF",), *size)
        if image is not None:
            return pixels.in_bgr(pixels.upright(image, header.orientation)), None
        decoded = pixels.decode_with_mupdf(data, *size)
        if decoded is None:
            return None, None
        return pixels.upright(decoded[0], header.orientation), None if decoded[1] else 1.0

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
    remedy = "save it with 8 or 16 bits"
    bits = _bits(directory)
    if bits > 16:
        raise Rejected("unsupported", f"a TIFF of {bits} bits a sample; {remedy}")
    if directory.first(tiff.SAMPLE_FORMAT, 1) == _FLOATING:
        raise Rejected("unsupported", f"a TIFF of floating-point samples; {remedy}")
    has_alpha = directory.first(tiff.EXTRA_SAMPLES, 0) in (_PREMULTIPLIED, _STRAIGHT)
    gray_or_rgb = directory.first(tiff.PHOTOMETRIC, 0) <= _RGB
    return Header(
        directory.first(tiff.WIDTH, 0),
        directory.first(tiff.HEIGHT, 0),
        headers.orientation_of(directory),
        headers.dpi_of(directory),
        alpha=has_alpha and gray_or_rgb,
        samples=directory.first(tiff.SAMPLES, 1),
        pixel_height=headers.pixel_height_of(directory),
    )


def _damage(subject: str, found: float) -> str:
    if found < 1:
        share = f"about {max(1, min(99, round(100 * found)))} %"
        return f"{subject} is torn or damaged, {share} of it could be decoded; scan it again"
    return f"{subject} is damaged, a part of it may be wrong or missing; scan it again"


def _tiff_rejection(subject: str, directory: tiff.Directory) -> Rejected:
    """Name what of a page is not read; a page of which all is known is corrupt."""
    compression = directory.first(tiff.COMPRESSION, 1)
    photometric = directory.first(tiff.PHOTOMETRIC, 0)
    is_known = compression in tiff_codecs.KNOWN or (
        compression == tiff_codecs.ZSTANDARD and tiff_codecs.has_zstandard()
    )
    if not is_known:
        name = tiff_codecs.NAMES.get(compression, "unknown")
        has = f"the compression {compression} ({name})"
    elif photometric not in tiff_samples.COLOURS:
        name = tiff_samples.OTHER_COLOURS.get(photometric, "unknown")
        has = f"colours of the kind {photometric} ({name})"
    else:
        return Rejected("corrupt", f"{subject} cannot be decoded; scan it again")
    remedy = "save it as RGB or gray, uncompressed or with LZW, or as PNG"
    return Rejected("unsupported", f"{subject} has {has}, which is not read; {remedy}")


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


def _check_other_decoders(kind: str, header: Header, limits: Limits) -> None:
    """Raise Rejected for more pixels than MuPDF and Pillow, which hold three copies, may decode."""
    allowed = limits.page_megapixels * _OTHER_SHARE
    if header.width * header.height > allowed * 1e6:
        size = f"{header.width} x {header.height} pixels"
        limit = f"{allowed:g} megapixels are allowed for it (limits.page_megapixels)"
        needs = f"the {kind} can only be decoded by a decoder that needs more memory"
        raise Rejected("too_large", f"{needs}: it has {size}, {limit}; save it smaller or as PNG")


def _page(number: int, image: Pixels, header: Header, reduction: int, defect: str | None) -> Page:
    rotation = pixels.rotation_of(header.orientation)
    width, height, pixel_height = header.width, header.height, header.pixel_height
    dpi = header.dpi
    if rotation in (90, 270):
        width, height, pixel_height = height, width, 1 / pixel_height
        dpi = None if dpi is None else dpi * pixel_height
    if reduction == 1:  # the decoder decides the size
        height, width = image.shape[:2]
    return Page(
        number,
        width,
        height,
        image,
        scale=image.shape[1] / width,
        dpi=dpi,
        rotation=rotation,
        defect=defect,
        pixel_height=pixel_height,
    )
