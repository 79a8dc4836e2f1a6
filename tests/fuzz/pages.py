"""Fuzz target: for any bytes, each page is decoded or rejected with a one-line message."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from daemon.core.errors import Rejected
from daemon.core.options import Limits, Rendering
from daemon.core.records import Page
from daemon.ocr import pages, preprocess

LIMITS = Limits(file_megabytes=1, pages=40, page_megapixels=2.0)  # small, for speed


def check(path: Path) -> None:
    """Raise when opening or decoding ends in anything but pixels or Rejected.

    Deferred is a violation too: on a healthy disk it would keep a file waiting forever.
    """
    for in_gray, colours in ((True, ()), (False, (3,))):
        opened = pages.open_document(path, LIMITS, Rendering(), in_gray=in_gray)
        with rejections(path), opened as source:
            assert 1 <= source.page_count <= LIMITS.pages
            for number in range(1, source.page_count + 1):
                with rejections(path):
                    page = source.page(number)
                    assert_pixels(preprocess.grayed(page) if in_gray else page, colours)


def assert_pixels(page: Page, colours: tuple[int, ...]) -> None:
    """Check the image of a `Page`, H,W or H,W,3; a page that is all text has none."""
    assert page.image.dtype == np.uint8
    assert not page.image.size or page.image.shape[2:] == colours
    assert page.image.size <= 3 * LIMITS.page_megapixels * 1e6
    assert page.image.size or page.text_layer


@contextlib.contextmanager
def rejections(path: Path) -> Iterator[None]:
    """Accept a rejection whose message is one line without internal names."""
    try:
        yield
    except Rejected as rejected:
        message = str(rejected)
        assert "\n" not in message
        assert path.name not in message
        assert "/dev/fd" not in message
