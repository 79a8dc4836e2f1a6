"""`ocr-daemon merge`: several images and PDFs become one PDF, which is read as one document.

Decoders never run in the process of the command: it starts `python -m daemon.cli.merge`.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.cli import new_file
from daemon.cli.batch import find
from daemon.core.errors import Deferred, Exit, Rejected
from daemon.core.temporary import temporary_folder
from daemon.engine.isolated import run_isolated

if TYPE_CHECKING:
    from daemon.config.settings import Config
    from daemon.core.options import Recipe


@dataclass(frozen=True, slots=True)
class MergeRequest:
    """A request to merge `sources` into `target`, whose folder is empty and for this alone.

    In a sandbox the process can only read the files, and write and read there.
    """

    sources: tuple[Path, ...]
    target: Path
    recipe: Recipe
    in_sandbox: bool


def merge(config: Config, out: Path, paths: Sequence[Path]) -> Exit:
    """Merge files, folders walked in the order in which people count, and print what was made."""
    sources = tuple(path for _, path in find(paths, config.watch.ignore))
    if not sources:
        return new_file.failed(out, "there is nothing to merge")
    if new_file.refuse_existing(out):
        return Exit.SOME_FAILED
    with temporary_folder() as folder:
        target = folder / "merged" / "merged.pdf"
        target.parent.mkdir()
        request = MergeRequest(sources, target, config.recipe, config.sandbox == "auto")
        seconds = config.limits.page_seconds * (1 + len(sources))
        try:
            code, message = run_isolated("daemon.cli.merge", request, seconds)
        except TimeoutError:
            return new_file.failed(out, f"it could not be written within {seconds:.0f} s")
        if code:
            return new_file.failed(out, message or f"merging ended with {code}")
        return new_file.publish(target, out)


def _merge(request: MergeRequest) -> None:
    from daemon.engine import sandbox
    from daemon.ocr.render import merged_pdf

    if request.in_sandbox:
        folder = request.target.parent  # parts are written there, and read again
        sandbox.enter([*request.sources, folder], [folder])
    try:
        merged_pdf.write(request.target, request.sources, request.recipe)
    except OSError as error:
        raise Deferred(f"it cannot be written: {error.strerror}") from error


if __name__ == "__main__":
    try:
        _merge(pickle.load(sys.stdin.buffer))  # noqa: S301  # from our own parent
    except (Rejected, Deferred) as error:
        sys.exit(str(error))
