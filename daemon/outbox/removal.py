"""Removes an answer as if it had been collected: first the sidecar, then the outputs it lists."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path

from daemon.core import fs
from daemon.inbox.scan import WORK_FOLDER
from daemon.outbox.reader import output_path


def remove_answer(
    outbox: Path, place: str, is_expected: Callable[[str], bool], outputs: Iterable[str]
) -> bool:
    """Remove the answer at `place` and its outputs; return False where it is another answer.

    A retry may publish another one under the same name at any moment. So the sidecar is first
    renamed, and moved back if `is_expected` is false for its new place. OSErrors pass through.
    """
    drafts = outbox / WORK_FOLDER / "drafts"  # after a crash the daemon clears this folder
    draft = f"{WORK_FOLDER}/drafts/removed.{uuid.uuid4().hex}.tmp"
    fs.make_folder(drafts, outbox)
    fs.rename_beneath(outbox, place, outbox / draft)
    if not is_expected(draft):
        fs.move_no_clobber(outbox / draft, outbox, place)
        return False
    (outbox / draft).unlink()
    for name in outputs:
        _remove_output(outbox, place, name)
    fs.fsync_folder((outbox / place).parent)
    return True


def _remove_output(outbox: Path, place: str, name: str) -> None:
    """Remove an output of the sidecar, and its folders below that of the sidecar if empty.

    A listed name that leads elsewhere is ignored.
    """
    with contextlib.suppress(OSError, ValueError):
        path = outbox / output_path(place, name)
        if fs.is_regular(path):
            folder = (outbox / place).parent
            below = os.fspath(path.relative_to(folder))
            fs.remove_beneath(folder, below, path.lstat().st_ino)
