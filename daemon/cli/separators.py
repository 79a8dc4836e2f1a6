"""`ocr-daemon separators`: writes a PDF with separator sheets to print.

Decoders and renderers never run in the process of a command: `write` starts
`python -m daemon.cli.separators`.
"""

from __future__ import annotations

import pickle
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemon.core.errors import Misconfigured
from daemon.engine.isolated import run_isolated

if TYPE_CHECKING:
    from pathlib import Path

_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class SheetsRequest:
    """A request to write `sheets` sheets with `text` to a file."""

    text: str
    sheets: int
    target: Path


def write(request: SheetsRequest) -> None:
    """Write the sheets; Misconfigured for a text that fits no barcode, OSError for a bad target."""
    with request.target.open("ab"):
        pass  # a target that cannot be written is reported by its own error
    code, message = run_isolated("daemon.cli.separators", request, _SECONDS)
    if code:
        raise Misconfigured("--text", request.text, message or f"drawing it ended with {code}")


def _write(request: SheetsRequest) -> None:
    from daemon.ocr.render import separator_sheets

    try:
        content = separator_sheets.write(request.text, request.sheets)
    except ValueError as error:
        remedy = "use up to 40 letters, digits and signs of ASCII"
        sys.exit(f"it cannot be drawn as a barcode ({error}); {remedy}")
    request.target.write_bytes(content)


if __name__ == "__main__":
    _write(pickle.load(sys.stdin.buffer))  # noqa: S301  # from our own parent
