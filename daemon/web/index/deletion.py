"""Deletes a result as if it had been collected: first the sidecar, then the outputs it lists."""

from __future__ import annotations

import contextlib
import os
import uuid
from pathlib import Path

from daemon.core import fs
from daemon.inbox.scan import WORK_FOLDER
from daemon.outbox.reader import output_path
from daemon.web import sidecar_reader
from daemon.web.http.errors import HttpError
from daemon.web.index.catalogue import Catalogue
from daemon.web.index.records import DocumentDetails


def delete_result(catalogue: Catalogue, details: DocumentDetails) -> None:
    """Remove the sidecar of a document and its outputs, never its original; HttpError on failure.

    A retry may publish another sidecar under the same name at any moment. So the sidecar is first
    renamed, and moved back if it is not the expected one.
    """
    if details.summary.is_gone:
        raise HttpError(410, "gone", "the result was already collected or deleted")
    name = catalogue.sidecar_name(details)
    if name is None or not catalogue.is_closed(details):
        reason = "the document is not finished, or being archived; try again in a moment"
        raise HttpError(409, "busy", reason)
    outbox = catalogue.paths.outbox
    drafts = outbox / WORK_FOLDER / "drafts"  # after a crash the daemon clears this folder
    draft = f"{WORK_FOLDER}/drafts/web.{uuid.uuid4().hex}.tmp"
    try:
        fs.make_folder(drafts, outbox)
        fs.rename_beneath(outbox, name, outbox / draft)
        if not _has_claim(outbox, draft, details.summary.id):
            fs.move_no_clobber(outbox / draft, outbox, name)
            raise HttpError(409, "busy", "the result was just replaced; load the document again")
        (outbox / draft).unlink()
        for output in details.outputs:
            if output["kind"] != "answer":
                _remove_output(outbox, name, output["name"])
        fs.fsync_folder((outbox / name).parent)
    except FileNotFoundError as error:
        raise HttpError(410, "gone", "the result was just collected") from error
    except OSError as error:
        reason = f"the outbox cannot be written ({error.strerror}); the operator must restore it"
        raise HttpError(503, "outbox_unavailable", reason) from error
    catalogue.mark_deleted(details)


def _has_claim(outbox: Path, name: str, claim: str) -> bool:
    try:
        sidecar = sidecar_reader.read(outbox, name)
    except OSError:
        return False  # then it is moved back
    return sidecar is not None and sidecar.claim == claim


def _remove_output(outbox: Path, sidecar_name: str, name: str) -> None:
    """Remove an output of the sidecar, and its folders below that of the sidecar if empty.

    A listed name that leads elsewhere is ignored.
    """
    with contextlib.suppress(OSError, ValueError):
        path = outbox / output_path(sidecar_name, name)
        if fs.is_regular(path):
            folder = (outbox / sidecar_name).parent
            below = os.fspath(path.relative_to(folder))
            fs.remove_beneath(folder, below, path.lstat().st_ino)
