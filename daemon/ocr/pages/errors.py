"""Translation of decoder errors: the document is at fault, or the environment."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import cv2
import pymupdf

from daemon.core.errors import Deferred, Died, Rejected
from daemon.core.tiff import MalformedFileError

# Errors of PyMuPDF's Python code besides those of MuPDF: FileDataError is a RuntimeError, a page
# number out of range an IndexError or ValueError, a name that is not UTF-8 a TypeError.
PYMUPDF_ERRORS: Final = (RuntimeError, ValueError, IndexError, TypeError)
# Errors of pillow-heif besides ValueError: an unsupported or truncated photo.
_PILLOW_HEIF: Final = (SyntaxError, EOFError)
# Errors whose text says what is wrong with the file; that of others ("list index out of range") is
# about a program. MuPDF's begins with a number.
_TELLING: Final = (MalformedFileError, pymupdf.mupdf.FzErrorBase)
_CODE: Final = re.compile(r"^code=\d+: ")


@contextmanager
def translate_errors(subject: str) -> Iterator[None]:
    """Raise decoder errors about `subject` ("the PDF", "page 3") as Rejected or Deferred.

    A refused allocation is Died: there may be more memory another time, or elsewhere.
    """
    try:
        yield
    except OSError as error:
        raise Deferred(f"{subject} cannot be read now: {error.strerror or error}") from error
    except MemoryError as error:
        raise _out_of_memory(subject) from error
    except (
        cv2.error,
        MalformedFileError,
        pymupdf.mupdf.FzErrorBase,
        *PYMUPDF_ERRORS,
        *_PILLOW_HEIF,
    ) as error:
        raise _rejected(subject, error) from error


def _rejected(subject: str, error: Exception) -> Rejected | Died:
    """Exceeded limits are too_large; any other decoder error is corrupt."""
    if is_out_of_memory(error):
        return _out_of_memory(subject)
    if isinstance(error, pymupdf.mupdf.FzErrorLimit):
        return Rejected("too_large", f"{subject} is larger than can be decoded; scan it smaller")
    detail = f" ({_one_line(error)})" if isinstance(error, _TELLING) else ""
    return Rejected("corrupt", f"{subject} cannot be decoded{detail}; scan or export it again")


def is_out_of_memory(error: Exception) -> bool:
    """Tell whether a decoder was refused memory."""
    if isinstance(error, cv2.error):
        return bool(error.code == cv2.Error.STS_NO_MEM)
    return isinstance(error, pymupdf.mupdf.FzErrorSystem) and "alloc" in str(error)


def _out_of_memory(subject: str) -> Died:
    return Died("memory", f"{subject} does not fit in memory; scan it smaller, or allow more")


def _one_line(error: Exception) -> str:
    return _CODE.sub("", " ".join(str(error).split()))[:120]
