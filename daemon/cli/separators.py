"""`ocr-daemon separators`: writes a PDF with separator sheets to print.

Decoders and renderers never run in the process of a command: `write` starts
`python -m daemon.cli.separators`.
"""

from __future__ import annotations

import pickle
import sys
from dataclasses import dataclass
from pathlib import Path

from daemon.cli import new_file
from daemon.core.errors import Exit, Misconfigured
from daemon.core.temporary import temporary_folder
from daemon.engine.isolated import run_isolated

_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class SheetsRequest:
    """A request to write `sheets` sheets with `text`, and a patch code or none, to a file."""

    text: str
    sheets: int
    patch: str | None
    target: Path


def write(text: str, sheets: int, patch: str | None, out: Path) -> Exit:
    """Write the sheets to a new file and print its name; Misconfigured for a text without code."""
    if new_file.refuse_existing(out):
        return Exit.SOME_FAILED
    with temporary_folder() as folder:
        made = folder / "sheets.pdf"
        request = SheetsRequest(text, sheets, patch, made)
        code, message = run_isolated("daemon.cli.separators", request, _SECONDS)
        if code:
            raise Misconfigured("--text", text, message or f"drawing it ended with {code}")
        return new_file.publish(made, out)


def _write(request: SheetsRequest) -> None:
    from daemon.ocr.render import separator_sheets

    try:
        content = separator_sheets.write(request.text, request.sheets, request.patch)
    except ValueError as error:
        remedy = "use up to 40 letters, digits and signs of ASCII"
        sys.exit(f"it cannot be drawn as a barcode ({error}); {remedy}")
    request.target.write_bytes(content)


if __name__ == "__main__":
    _write(pickle.load(sys.stdin.buffer))  # noqa: S301  # from our own parent
