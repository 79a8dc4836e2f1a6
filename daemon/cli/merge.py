"""`ocr-daemon merge`: several images and PDFs become one PDF, which is read as one document.

Decoders never run in the process of the command: it starts `python -m daemon.cli.merge`. The result
gets its name when it is complete, so that it may be written into an inbox.
"""

from __future__ import annotations

import os
import pickle
import sys
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.cli.batch import find
from daemon.core import fs
from daemon.core.errors import Deferred, Exit, Rejected
from daemon.core.temporary import temporary_folder
from daemon.engine.isolated import run_isolated

if TYPE_CHECKING:
    from daemon.config.settings import Config
    from daemon.core.options import Recipe

_BLOCK_BYTES = 1 << 20


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
        return _failed(f"{out}: there is nothing to merge")
    if os.path.lexists(out):
        return _failed(f"{out}: it exists; name another file, nothing is overwritten")
    with temporary_folder() as folder:
        target = folder / "merged" / "merged.pdf"
        target.parent.mkdir()
        request = MergeRequest(sources, target, config.recipe, config.sandbox == "auto")
        seconds = config.limits.page_seconds * (1 + len(sources))
        try:
            code, message = run_isolated("daemon.cli.merge", request, seconds)
        except TimeoutError:
            return _failed(f"{out}: it could not be written within {seconds:.0f} s")
        if code:
            return _failed(f"{out}: {message or f'merging ended with {code}'}")
        try:
            _publish(target, out)
        except FileExistsError:
            return _failed(f"{out}: it exists; name another file, nothing is overwritten")
        except OSError as error:
            return _failed(f"{out}: it cannot be written: {error.strerror}")
    print(out)
    return Exit.OK


def _publish(made: Path, out: Path) -> None:
    """Copy the file beside `out`, under a name that no inbox reads, and rename it."""
    draft = out.with_name(f".{uuid.uuid4().hex}.part")
    try:
        fs.write_durable(draft, _blocks(made))
        fs.rename_no_clobber(draft, out)
        fs.fsync_folder(out.parent)
    finally:
        draft.unlink(missing_ok=True)


def _blocks(path: Path) -> Iterator[bytes]:
    with fs.open_regular(path) as file:
        while block := file.read(_BLOCK_BYTES):
            yield block


def _failed(message: str) -> Exit:
    print(message, file=sys.stderr)
    return Exit.SOME_FAILED


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
