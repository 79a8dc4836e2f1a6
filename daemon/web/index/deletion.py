"""Deletes a result as if it had been collected."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from daemon.outbox.removal import remove_answer
from daemon.web import sidecar_reader
from daemon.web.http.errors import HttpError
from daemon.web.index.catalogue import Catalogue
from daemon.web.index.records import DocumentDetails


def delete_result(catalogue: Catalogue, details: DocumentDetails) -> None:
    """Remove the sidecar of a document and its outputs, never its original; HttpError on failure.

    A sidecar that a retry has just published under the same name stays.
    """
    if details.summary.is_gone:
        raise HttpError(410, "gone", "the result was already collected or deleted")
    name = catalogue.sidecar_name(details)
    if name is None or not catalogue.is_closed(details):
        reason = "the document is not finished, or being archived; try again in a moment"
        raise HttpError(409, "busy", reason)
    outbox = catalogue.paths.outbox
    outputs = [each["name"] for each in details.outputs if each["kind"] != "answer"]
    try:
        is_expected = partial(_has_claim, outbox, claim=details.summary.id)
        if not remove_answer(outbox, name, is_expected, outputs):
            raise HttpError(409, "busy", "the result was just replaced; load the document again")
    except FileNotFoundError as error:
        raise HttpError(410, "gone", "the result was just collected") from error
    except OSError as error:
        reason = f"the outbox cannot be written ({error.strerror}); the operator must restore it"
        raise HttpError(503, "outbox_unavailable", reason) from error
    catalogue.mark_deleted(details)


def _has_claim(outbox: Path, name: str, *, claim: str) -> bool:
    try:
        sidecar = sidecar_reader.read(outbox, name)
    except OSError:
        return False  # then it is moved back
    return sidecar is not None and sidecar.claim == claim
