"""Opening of PDFs: by MuPDF, and where it cannot, by a copy that another library made.

MuPDF finds no pages in some damaged page trees that pikepdf (qpdf) or PDFium can walk, and asks for
a password where only the attachments are encrypted, or where the owner password is empty.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

import pymupdf

from daemon.core.errors import Rejected
from daemon.ocr.pages import pdfium

if TYPE_CHECKING:
    pass

pymupdf.TOOLS.mupdf_display_errors(False)
pymupdf.TOOLS.mupdf_display_warnings(False)

_REREAD_BYTES: Final = 1 << 20
_MAX_COPIED_BYTES: Final = 64_000_000  # of a file that is copied: original and copy are in memory


class OpenedPdf(NamedTuple):
    """A PDF that MuPDF can read; `data` is the copy in memory where the file itself was unfit.

    `is_recovered` tells that its page tree had to be found by another library.
    """

    document: pymupdf.Document
    data: bytes | None = None
    is_recovered: bool = False


def open_pdf(file: BinaryIO, passwords: Sequence[str], path: str | None = None) -> OpenedPdf:
    """Open a PDF; raises Rejected (encrypted, corrupt) or an error of MuPDF where nothing can.

    MuPDF reads through /dev/fd, so that neither a rename nor a name that is not UTF-8 matters; the
    file must stay open. With a `path`, it reads that one, to which it can append.
    """
    with reread_on_failure(file):
        try:
            document = pymupdf.open(path or f"/dev/fd/{file.fileno()}", filetype="pdf")
            is_locked = _is_locked(document, passwords)
            if not is_locked and document.is_pdf and document.page_count > 0:
                if _loads_first_page(document):
                    return OpenedPdf(document)
                if (copied := _recover(file, passwords)) is not None:
                    return OpenedPdf(*copied, is_recovered=True)
                if document.page_count > 0:  # loading may have repaired it
                    return OpenedPdf(document)
            document.close()
        except (RuntimeError, pymupdf.mupdf.FzErrorBase):
            if (recovered := _recover(file, passwords)) is not None:
                return OpenedPdf(*recovered, is_recovered=True)
            raise
    if (recovered := _recover(file, passwords)) is not None:
        return OpenedPdf(*recovered, is_recovered=not is_locked)
    if is_locked:
        needed = "a password that is not in pdf.passwords" if passwords else "a password"
        remedy = "add it to pdf.passwords, or save a copy without one"
        raise Rejected("encrypted", f"the PDF needs {needed}; {remedy}")
    raise Rejected("corrupt", "the PDF has no pages; export or scan it again")


@contextmanager
def reread_on_failure(file: BinaryIO) -> Iterator[None]:
    """When MuPDF fails, read the file again: an OSError then shows that the disk is at fault.

    MuPDF takes a read error for the end of the file and reports a corrupt document.
    """
    try:
        yield
    except Exception:
        file.seek(0)
        while file.read(_REREAD_BYTES):
            pass
        raise


def _is_locked(document: pymupdf.Document, passwords: Sequence[str]) -> bool:
    return bool(document.needs_pass and not any(map(document.authenticate, passwords)))


def _loads_first_page(document: pymupdf.Document) -> bool:
    try:
        document.load_page(0)
    except (RuntimeError, ValueError, pymupdf.mupdf.FzErrorBase):
        return False
    return True


def _recover(file: BinaryIO, passwords: Sequence[str]) -> tuple[pymupdf.Document, bytes] | None:
    """Return a copy that has pages and needs no password, opened, and its bytes; None if none."""
    if file.seek(0, io.SEEK_END) > _MAX_COPIED_BYTES:
        return None
    file.seek(0)
    data = file.read()
    copiers: tuple[Callable[[bytes, str], bytes | None], ...] = (_copy_by_qpdf, pdfium.copy)
    for copy in copiers:
        for password in ("", *passwords):
            copied = copy(data, password)
            document = _opened(copied) if copied else None
            if copied and document is not None:
                return document, copied
    return None


def _opened(data: bytes) -> pymupdf.Document | None:
    """Return a PDF in memory if it has pages and needs no password."""
    try:
        document = pymupdf.open(stream=data, filetype="pdf")
        if not document.needs_pass and document.page_count > 0:
            return document
    except (RuntimeError, ValueError, pymupdf.mupdf.FzErrorBase):
        return None
    return None


def _copy_by_qpdf(data: bytes, password: str) -> bytes | None:
    """Return an unencrypted copy with the pages that qpdf finds; None if it finds none."""
    import pikepdf  # costs 6 MB, and few files need it

    target = io.BytesIO()
    try:
        with pikepdf.open(io.BytesIO(data), password=password, suppress_warnings=True) as pdf:
            if not len(pdf.pages):
                return None
            pdf.save(target, encryption=False)
    except (pikepdf.PdfError, pikepdf.PasswordError, ValueError, RuntimeError, TypeError):
        return None
    return target.getvalue()
