"""What a PDF holds besides its pages and is not read: attachments, portfolios and XFA forms."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

import pymupdf

from daemon.core.records import DocumentWarning

_MAX_NAMES: Final = 20  # attachments that are named; their number is always told
_MAX_NAME: Final = 100  # characters of a name
_NAME_KEYS: Final = ("ufilename", "filename", "name")  # of PyMuPDF, the best first
_MAX_PAGES: Final = 20  # in which fields of a form are looked for
_RECOVERED: Final = (
    "the page tree of the PDF is damaged; the pages that another library found were read, others "
    "may be missing"
)
_DYNAMIC_XFA: Final = (
    "the PDF holds an XFA form, whose fields and values were not read; open it in Adobe Reader, "
    "print it to a new PDF, and scan that"
)


def warnings(
    document: pymupdf.Document, *, is_recovered: bool = False
) -> tuple[DocumentWarning, ...]:
    """Return the warnings on an open PDF as a whole, in a fixed order."""
    found = []
    if is_recovered:
        found.append(DocumentWarning("page_tree_recovered", _RECOVERED))
    is_portfolio = _is_present(document, "Root/Collection")
    names = _embedded_names(document)
    if names or is_portfolio:
        found.append(_attachments(names, is_portfolio=is_portfolio))
    if _has_dynamic_xfa(document):
        found.append(DocumentWarning("xfa_form_not_read", _DYNAMIC_XFA))
    return tuple(found)


def page_warnings(page: pymupdf.Page) -> tuple[DocumentWarning, ...]:
    """Return a warning on the files that are attached to a place on the page."""
    document = page.parent
    names = []
    for xref, kind, _ in page.annot_xrefs():
        if kind == pymupdf.mupdf.PDF_ANNOT_FILE_ATTACHMENT:
            keys = (document.xref_get_key(xref, key) for key in ("FS/UF", "FS/F", "FS"))
            names.append(next((value for type_, value in keys if type_ == "string"), "unnamed"))
    if not names:
        return ()
    number = page.number + 1
    what = f"page {number} holds"
    return (DocumentWarning("attachments_not_read", _attached(names, what), number),)


def _has_dynamic_xfa(document: pymupdf.Document) -> bool:
    """Tell whether a viewer would build the pages from an XFA form: none has its fields."""
    if not _is_present(document, "Root/AcroForm/XFA"):
        return False
    if document.xref_get_key(-1, "Root/NeedsRendering")[1] == "true":
        return True
    pages = range(min(_MAX_PAGES, document.page_count))
    return not any(
        kind == pymupdf.mupdf.PDF_ANNOT_WIDGET
        for number in pages
        for _, kind, _ in document[number].annot_xrefs()
    )


def _embedded_names(document: pymupdf.Document) -> list[str]:
    try:
        information = [document.embfile_info(k) for k in range(document.embfile_count())]
    except (RuntimeError, ValueError, pymupdf.mupdf.FzErrorBase):
        return []  # a damaged name tree
    return [
        next((str(entry[key]) for key in _NAME_KEYS if entry.get(key)), "unnamed")
        for entry in information
    ]


def _attachments(names: list[str], *, is_portfolio: bool) -> DocumentWarning:
    what = "the PDF is a portfolio of" if is_portfolio else "the PDF holds"
    return DocumentWarning("attachments_not_read", _attached(names, what))


def _attached(names: list[str], what: str) -> str:
    """Return a sentence that names the attached files."""
    shown = ", ".join(_printable(name) for name in names[:_MAX_NAMES])
    more = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
    count = f"{len(names)} attached file{'s' if len(names) != 1 else ''}"
    listed = f" ({shown}{more})" if names else ""
    return f"{what} {count}{listed} that were not read; save them and drop them into the inbox"


def _printable(name: str) -> str:
    """Return a name without control characters, and with UTF-8 that was written as Latin-1."""
    with suppress(UnicodeError):
        name = name.encode("latin-1").decode("utf-8")
    return "".join(c if c.isprintable() else "\ufffd" for c in name)[:_MAX_NAME]


def _is_present(document: pymupdf.Document, key: str) -> bool:
    kind, _ = document.xref_get_key(-1, key)
    return kind not in ("null", "undefined")
