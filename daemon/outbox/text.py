"""Plain text output."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from daemon.core.records import Document


def render(document: Document) -> bytes:
    """Return the text in UTF-8: each page ends with a newline, form feeds separate the pages.

    Page n follows n - 1 form feeds even if other pages are missing, as in pdftotext; where they
    were left out on purpose, the pages follow each other.
    """
    if document.is_selection:
        return _encoded(page.text for page in document.pages)
    pages = {page.number: page.text for page in document.pages}
    return _encoded(pages.get(number, "") for number in range(1, max(pages, default=0) + 1))


def _encoded(texts: Iterable[str]) -> bytes:
    # a text layer may contain form feeds, and half a surrogate pair, which UTF-8 cannot encode
    lines = (text.replace("\f", " ") + "\n" if text else "" for text in texts)
    return "\f".join(lines).encode("utf-8", "replace")
