"""Separation of a batch: which pages of a document make up each of its parts.

A page with a code of the pattern, or a blank page, separates: a part begins with it, or after it
where it is left out. What comes before the first one is a part too. Parts are never empty: where
separators follow each other, or one ends the batch, there is nothing between. A page that could
not be read separates nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from daemon.core import document_fields, patterns
from daemon.core.options import FieldRule, Separation
from daemon.core.records import Document, PageText
from daemon.engine.page_store import selected
from daemon.outbox.output_files import part_ending


@dataclass(frozen=True, slots=True)
class Part:
    """Part `index` (from 1) of a document, with its pages as a document of its own."""

    index: int
    document: Document

    @property
    def ending(self) -> str:
        """What is appended to the stem of the whole for its files."""
        return part_ending(self.index)


def parts_of(
    document: Document, separation: Separation, fields: Mapping[str, FieldRule]
) -> list[Part]:
    """Return the parts of a document, each with its own fields; none where nothing separates it."""
    if separation.by == "none" or document.status not in ("done", "partial"):
        return []
    ranges = [pages for pages in _ranges(document.pages, separation) if pages]
    if len(ranges) == 1 and len(ranges[0]) == len(document.pages):
        return []
    return [Part(index, _part(document, pages, fields)) for index, pages in enumerate(ranges, 1)]


def _ranges(pages: Sequence[PageText], separation: Separation) -> Iterator[list[int]]:
    """Yield the indexes of the pages of each part; some may be empty."""
    if separation.by == "page_count":
        step = separation.pages or len(pages)
        starts = range(0, len(pages), step)
        yield from (list(range(len(pages)))[start : start + step] for start in starts)
        return
    current: list[int] = []
    for index, page in enumerate(pages):
        if not _separates(page, separation):
            current.append(index)
            continue
        yield current
        current = [index] if separation.by == "barcode" and separation.keep_sheets else []
    yield current


def _separates(page: PageText, separation: Separation) -> bool:
    if separation.by == "blank_page":
        return bool(page.blank)
    pattern = patterns.compiled(separation.pattern)
    return any(pattern.fullmatch(code.text) for code in page.codes or ())


def _part(document: Document, indexes: Sequence[int], fields: Mapping[str, FieldRule]) -> Document:
    """Return the document of some pages; it has failed where none of them was read."""
    pages = selected(document.pages, indexes)
    failures = [page.failure for page in pages if page.failure is not None]
    found = document_fields.of_document(pages, fields) if fields else ()
    part = replace(
        document, pages=pages, is_selection=True, status="done", failure=None, fields=found
    )
    if not failures:
        return part
    is_lost = all(page.status == "failed" for page in pages)
    first = next(page for page in pages if page.failure is not None)
    failure = replace(failures[0], page=failures[0].page or first.number)
    return replace(part, status="failed" if is_lost else "partial", failure=failure)
