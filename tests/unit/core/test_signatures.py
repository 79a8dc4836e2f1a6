"""The table of file signatures, held against the samples that the decoders read."""

from __future__ import annotations

import pytest

from daemon.core import signatures
from daemon.ocr.pages import sniff as pages
from daemon.web.http import sniff as web


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        *signatures.SIGNATURES,
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"BM\x10\0\0\0\0\0\0\0", "image/bmp"),
        (b"P6 2 2 255\n", "image/x-portable-anymap"),
    ],
)
def test_inbox_pages_and_web_agree_on_what_a_signature_means(head: bytes, media_type: str) -> None:
    assert signatures.media_type(head) == media_type
    assert pages.media_type(head) == media_type
    assert (web.sniff(head) or ("",))[0] == media_type


@pytest.mark.parametrize(
    "head",
    [b"", b"P", b"P7\n", b"BM plain text that begins with BM", b"RIFF\0\0\0\0AVI ", b"GIF88a"],
)
def test_what_only_looks_like_a_signature_is_none(head: bytes) -> None:
    assert signatures.media_type(head) is None


@pytest.mark.parametrize(("before", "found"), [(0, True), (1024, True), (1025, False)])
def test_a_pdf_header_may_begin_within_its_first_bytes(before: int, found: bool) -> None:
    assert signatures.has_pdf_header(b"\0" * before + b"%PDF-1.7") == found


def test_a_brand_is_named_for_a_file_type_box_and_for_nothing_else() -> None:
    assert signatures.file_brand(b"\0\0\0\x18ftypheic\0\0\0\0") == b"heic"
    assert signatures.file_brand(b"\0\0\0\x18moovheic\0\0\0\0") is None
