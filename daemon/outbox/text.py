"""Plain text output."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daemon.core.records import Document


def render(document: Document) -> bytes:
    """Return the text in UTF-8: each page ends with a newline, form feeds separate the pages.

    Page n follows n - 1 form feeds even if other pages are missing, as in pdftotext.
    """
    pages = {page.number: page.text for page in document.pages}
    texts = (pages.get(number, "") for number in range(1, max(pages, default=0) + 1))
    # a text layer may contain form feeds, and half a surrogate pair, which UTF-8 cannot encode
    lines = (text.replace("\f", " ") + "\n" if text else "" for text in texts)
    return "\f".join(lines).encode("utf-8", "replace")
