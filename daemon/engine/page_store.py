"""The pages of a document while it is in flight, most of them packed.

A page of 400 words takes 160 kB as records, 54 kB as JSON and 9 kB compressed. The first pages of a
document are kept as they are, so that a short one costs nothing; a book of 2 000 pages takes 20 MB
instead of 320.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, overload

import msgspec

from daemon.core.errors import Rejected
from daemon.core.records import Failure, PageText

UNPACKED_BYTES: Final = 1 << 20  # of JSON that are kept as records
# What a document may have: 2 000 pages of 400 words are 108 MB, and packed 20 MB.
MAX_JSON_BYTES: Final = 512 << 20
MAX_PACKED_BYTES: Final = 32 << 20

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(PageText)


class PageStore:
    """Pages by number; a page that is added again replaces the earlier one."""

    def __init__(self) -> None:
        self._pages: dict[int, PageText | bytes] = {}
        self._failures: dict[int, Failure] = {}
        self._json_bytes = self._packed_bytes = 0

    def __len__(self) -> int:
        return len(self._pages)

    @property
    def failures(self) -> Mapping[int, Failure]:
        """The failures of the pages that have one, by number."""
        return self._failures

    def add(self, page: PageText) -> None:
        """Keep a page; Rejected where the document has more text than can be answered."""
        content = _ENCODER.encode(page)
        self._json_bytes += len(content)
        kept: PageText | bytes = page
        if self._json_bytes > UNPACKED_BYTES:
            kept = zlib.compress(content, 1)
            self._packed_bytes += len(kept)
        if self._json_bytes > MAX_JSON_BYTES or self._packed_bytes > MAX_PACKED_BYTES:
            limit = f"{MAX_JSON_BYTES >> 20} MiB of text and boxes"
            raise Rejected("too_large", f"it has more than {limit}; split it into smaller files")
        self._pages[page.number] = kept
        self._failures.pop(page.number, None)
        if page.failure is not None:
            self._failures[page.number] = page.failure

    def clear(self) -> None:
        """Forget all pages."""
        self._pages.clear()
        self._failures.clear()
        self._json_bytes = self._packed_bytes = 0

    def pages(self) -> PackedPages:
        """Return the pages in the order of their numbers."""
        return PackedPages([self._pages[number] for number in sorted(self._pages)])


def selected(pages: Sequence[PageText], indexes: Sequence[int]) -> Sequence[PageText]:
    """Return the pages at these indexes, packed if they are."""
    if isinstance(pages, PackedPages):
        return pages.only(indexes)
    return tuple(pages[index] for index in indexes)


class PackedPages(Sequence[PageText]):
    """Pages in order; one that is packed is unpacked each time it is asked for."""

    def __init__(self, pages: Sequence[PageText | bytes]) -> None:
        self._pages = pages

    def __len__(self) -> int:
        return len(self._pages)

    @overload
    def __getitem__(self, index: int) -> PageText: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[PageText]: ...
    def __getitem__(self, index: int | slice) -> PageText | Sequence[PageText]:
        if isinstance(index, slice):
            return PackedPages(self._pages[index])
        page = self._pages[index]
        return _DECODER.decode(zlib.decompress(page)) if isinstance(page, bytes) else page

    def only(self, indexes: Sequence[int]) -> PackedPages:
        """Return the pages at these indexes."""
        return PackedPages([self._pages[index] for index in indexes])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]

    def encoded(self) -> Iterator[msgspec.Raw]:
        """Yield the pages as JSON, without unpacking them into records."""
        for page in self._pages:
            content = zlib.decompress(page) if isinstance(page, bytes) else _ENCODER.encode(page)
            yield msgspec.Raw(content)
