"""Foreign errors, translated at this room's door: the document's fault or the environment's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import cv2
import pymupdf

from daemon.core.errors import Deferred, Died, Rejected
from daemon.core.tiff import MalformedTiffError

# What PyMuPDF's own Python raises about a document besides MuPDF's errors: FileDataError is a
# RuntimeError, a page number out of range an IndexError or ValueError, a complaint about a name
# that is not UTF-8 a TypeError.
_PYMUPDF: Final = (RuntimeError, ValueError, IndexError, TypeError)
# What pillow-heif raises besides ValueError about a photo: of a kind it does not know, or torn.
_PILLOW_HEIF: Final = (SyntaxError, EOFError)


@contextmanager
def translated(subject: str) -> Iterator[None]:
    """Turn what decoders raise about `subject` ("the PDF", "page 3") into Rejected or Deferred.

    Where memory is refused it is Died: there may be more of it another time, or elsewhere.
    """
    try:
        yield
    except OSError as error:
        raise Deferred(f"{subject} cannot be read now: {error.strerror or error}") from error
    except MemoryError as error:
        raise _unfit(subject) from error
    except (
        cv2.error,
        MalformedTiffError,
        pymupdf.mupdf.FzErrorBase,
        *_PYMUPDF,
        *_PILLOW_HEIF,
    ) as error:
        raise _rejected(subject, error) from error


def _rejected(subject: str, error: Exception) -> Rejected | Died:
    """Limits are too_large; everything else that a decoder complains of is corrupt."""
    if isinstance(error, cv2.error) and error.code == cv2.Error.STS_NO_MEM:
        return _unfit(subject)
    if isinstance(error, pymupdf.mupdf.FzErrorSystem) and "alloc" in str(error):
        return _unfit(subject)
    if isinstance(error, pymupdf.mupdf.FzErrorLimit):
        return Rejected("too_large", f"{subject} is larger than can be decoded; scan it smaller")
    complaint = "" if isinstance(error, pymupdf.FileDataError) else f" ({_one_line(error)})"
    return Rejected("corrupt", f"{subject} cannot be decoded{complaint}; scan or export it again")


def _unfit(subject: str) -> Died:
    return Died("memory", f"{subject} does not fit in memory; scan it smaller, or allow more")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:120]
