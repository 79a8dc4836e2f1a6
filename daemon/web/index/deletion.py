"""An answer is deleted as if somebody had collected it: the sidecar first, then what it lists."""

from __future__ import annotations

import contextlib
import os
import uuid
from pathlib import Path

from daemon.core import fs
from daemon.inbox.scan import WORK_FOLDER
from daemon.web import sidecar_reader
from daemon.web.http.errors import Refused, Unkept
from daemon.web.index.catalogue import Catalogue
from daemon.web.index.records import Found


def delete_answer(catalogue: Catalogue, found: Found) -> None:
    """Remove the answer of a document and its outputs, never its original; Refused if it cannot.

    The name may be given to the answer of a retry at any moment: so the sidecar is taken aside
    first, and put back if it is not the one that was meant.
    """
    if found.item.is_gone:
        raise Unkept(410, "gone", "its answer was collected or deleted already")
    place = catalogue.place_of(found)
    if place is None or not catalogue.is_closed(found):
        raise Refused(409, "busy", "it is not answered yet, or being put away; try again")
    outbox = catalogue.places.outbox
    drafts = outbox / WORK_FOLDER / "drafts"  # what a crash leaves there the daemon clears away
    aside = f"{WORK_FOLDER}/drafts/web.{uuid.uuid4().hex}.tmp"
    try:
        fs.make_folder(drafts, outbox)
        fs.rename_below(outbox, place, outbox / aside)
        if not _is_meant(outbox, aside, found):
            fs.move_no_clobber(outbox / aside, outbox, place)
            raise Refused(409, "busy", "it was answered anew meanwhile; look at it again")
        (outbox / aside).unlink()
        for output in found.outputs:
            if output["kind"] != "answer":
                _remove_beside(outbox, place, output["name"])
        fs.sync_folder((outbox / place).parent)
    except FileNotFoundError as error:
        raise Unkept(410, "gone", "its answer was collected just now") from error
    except OSError as error:
        why = f"the outbox cannot be written ({error.strerror}); the operator must restore it"
        raise Refused(503, "outbox_away", why) from error
    catalogue.lose(found)


def _is_meant(outbox: Path, aside: str, found: Found) -> bool:
    try:
        answer = sidecar_reader.read(outbox, aside)
    except OSError:
        return False  # it goes back to where it was
    return answer is not None and answer.claim == found.item.id


def _remove_beside(outbox: Path, place: str, name: str) -> None:
    """Remove an output; a listed name that leads elsewhere is no output of ours."""
    if os.path.basename(name) == name:  # noqa: PTH119  # a name, and no path yet
        with contextlib.suppress(OSError, ValueError):
            path = (outbox / place).with_name(name)
            if fs.is_regular(path):
                path.unlink()
