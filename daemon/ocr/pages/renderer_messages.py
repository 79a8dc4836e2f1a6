"""What MuPDF says while it reads a page: which of its messages mean that something is missing.

MuPDF draws what it can and writes its complaints to a buffer. Measured on 1 372 pages of the test
files of pdf.js, pypdf and PDFBox, each drawn by PDFium too: half of the pages with one of the
`_DOUBTFUL` messages lack something that PDFium draws, and none of those with other messages (fonts
that are replaced, colour profiles, links) does, but for the shapes of letters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import pymupdf

# Something is missing for certain, unless another renderer shows it.
_LOSS: Final = re.compile(
    r"cannot decode|failed to decode|padding truncated image|premature end of file in jpeg"
    r"|ignoring error during interpretation|too many syntax errors|content stream is not a stream",
    re.IGNORECASE,
)
# Something may be missing: a stream that ends early may be a font or the page itself.
_DOUBTFUL: Final = re.compile(
    r"jbig2dec|openjpeg|jpeg error|jpx|treating as end of file|premature end"
    r"|page may not be correct|syntax error in content stream|cannot load object|zlib error"
    r"|cannot draw text|cannot render glyph|recursive|ignoring xobject|cannot find XObject"
    r"|too many|unsupported error|bad data|overflow|incorrect data|aes padding"
    r"|tiling pattern must have|image width is|image height is|nested too deep",
    re.IGNORECASE,
)
_REPEATED: Final = re.compile(r"\.\.\. repeated \d+ times?\.\.\.")
_MAX_LENGTH: Final = 160  # characters of a message in an answer
_MAX_MESSAGES: Final = 3  # messages in an answer; they repeat each other


@dataclass(frozen=True, slots=True)
class RendererMessages:
    """Messages of MuPDF since `forget`, in order, without repetition."""

    messages: tuple[str, ...] = ()

    @property
    def is_loss(self) -> bool:
        """Tell whether something is certainly missing from what MuPDF shows."""
        return any(map(_LOSS.search, self.messages))

    @property
    def is_doubtful(self) -> bool:
        """Tell whether something may be missing."""
        return self.is_loss or any(map(_DOUBTFUL.search, self.messages))

    @property
    def summary(self) -> str:
        """The messages that matter, the gravest first, as one line."""
        grave = [message for message in self.messages if _LOSS.search(message)]
        other = [m for m in self.messages if m not in grave and _DOUBTFUL.search(m)]
        return "; ".join(message[:_MAX_LENGTH] for message in (grave + other)[:_MAX_MESSAGES])


def forget() -> None:
    """Empty the buffer of messages."""
    pymupdf.TOOLS.reset_mupdf_warnings()


def peek() -> RendererMessages:
    """Return the messages since the buffer was last emptied."""
    lines = pymupdf.TOOLS.mupdf_warnings(reset=False).splitlines()
    printable = (" ".join("".join(c for c in line if c.isprintable()).split()) for line in lines)
    return RendererMessages(
        tuple(dict.fromkeys(line for line in printable if line and not _REPEATED.fullmatch(line)))
    )
