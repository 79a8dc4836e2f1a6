"""Decoding: from a file to its pages. Only this package decodes images and PDFs for reading.

A file is checked by its content and its header before any decoder runs. One page at a time is in
memory. Errors of decoders are raised as Rejected or Deferred (see `errors`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

import cv2

from daemon.core import fs
from daemon.core.errors import Deferred, Rejected
from daemon.core.options import Limits, Rendering
from daemon.core.records import DocumentWarning, Page, Stamp
from daemon.ocr.pages import sniff
from daemon.ocr.pages.errors import translate_errors
from daemon.ocr.pages.images import ImageSource, TiffSource
from daemon.ocr.pages.pdf import PdfSource

cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


class PageSource(Protocol):
    """An open document."""

    @property
    def media_type(self) -> str:
        """Detected from the content, as in `image/tiff`."""

    @property
    def page_count(self) -> int:
        """At least 1 and at most `limits.pages`."""

    @property
    def warnings(self) -> Sequence[DocumentWarning]:
        """What a reader of the answer should know of the document as a whole."""

    def page(self, number: int) -> Page:
        """Return page 1..page_count; raises Rejected or Deferred when it cannot be read."""


@contextmanager
def open_document(
    path: Path,
    limits: Limits,
    rendering: Rendering,
    stamp: Stamp | None = None,
    *,
    in_gray: bool = False,
    with_picture: bool = False,
) -> Iterator[PageSource]:
    """Open the file at `path`, whatever its extension; the path is resolved only once.

    With `in_gray`, no colours are needed: page images may then be H,W where the decoder supports
    it, otherwise they are H,W,3 BGR. With `with_picture`, pages are drawn even where their text
    layer is all that has to be read (`Page.picture`). Raises Rejected (corrupt, encrypted,
    unsupported, too_large) with a sentence that says what the file is and what to do, and Deferred
    when the environment prevents reading, or when the file does not have `stamp`.
    """
    with translate_errors("the file"):
        file = fs.open_regular(path)
    with file:
        if stamp is not None and Stamp.from_status(os.fstat(file.fileno())) != stamp:
            raise Deferred("the file was changed or replaced after it was claimed")
        with translate_errors("the file"):
            source = _open(file, limits, rendering, in_gray, with_picture)
        try:
            yield source
        finally:
            if isinstance(source, PdfSource):
                source.close()


def _open(
    file: BinaryIO, limits: Limits, rendering: Rendering, in_gray: bool, with_picture: bool
) -> PageSource:
    size = os.fstat(file.fileno()).st_size
    if size > limits.file_megabytes * 1_000_000:
        limit = f"limits.file_megabytes is {limits.file_megabytes}"
        raise Rejected("too_large", f"the file has {size / 1e6:.0f} MB, {limit}; split it")
    media_type = sniff.media_type(file.read(sniff.HEAD_BYTES))
    with translate_errors(f"the {sniff.title(media_type)}"):
        if media_type == "application/pdf":
            # masking of words needs the colours
            return PdfSource(file, limits, rendering, with_picture=with_picture)
        file.seek(0)
        data = file.read()
        if media_type == "image/tiff":
            return TiffSource(data, limits, in_gray)
        return ImageSource(data, media_type, limits, in_gray)
