"""The outputs of a document: which are wanted, which workers make, and all of them as drafts."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

import structlog

from daemon.core import fs
from daemon.core.errors import Deferred
from daemon.core.records import Claim, Document, Failure, Missing, Output, OutputKind
from daemon.core.scratch import Scratch
from daemon.outbox import text
from daemon.outbox.output_files import ENDINGS, OutputDraft, picture_ending
from daemon.outbox.publish import Outbox
from daemon.supervisor.policy import Policy
from daemon.supervisor.render_jobs import RenderJob

log = structlog.get_logger()

RENDERED: Final[tuple[OutputKind, ...]] = ("text", "hocr", "alto")
MADE: Final[tuple[OutputKind, ...]] = ("searchable_pdf", "picture")


@dataclass(frozen=True, slots=True)
class OutputDrafts:
    """The outputs of a document as they wait for their names, and those that are missing."""

    drafts: tuple[OutputDraft, ...] = ()
    missing: tuple[Missing, ...] = ()

    @property
    def endings(self) -> tuple[str, ...]:
        """What the names of the drafts will end with."""
        return tuple(draft.ending for draft in self.drafts)

    def outputs_at(self, place: str) -> list[Output]:
        """Return how the sidecar at `place` lists them."""
        return [draft.output_at(place) for draft in self.drafts]


class DerivedOutputs:
    """Makes drafts of the outputs of documents; in `scratch` lies what workers have made."""

    def __init__(self, outbox: Outbox, scratch: Scratch | None) -> None:
        self._outbox = outbox
        self._scratch = scratch

    def render_job(self, claim: Claim, document: Document, policy: Policy) -> RenderJob | None:
        """Return what workers are to make of a document; None where that is nothing."""
        kinds = [kind for kind in policy.outputs if kind in MADE]
        if not kinds or not _has_outputs(document) or self._scratch is None:
            return None
        try:
            room = self._scratch.room_of(claim.id)
        except OSError as error:
            where = self._scratch.folder
            raise Deferred(f"{where} refuses an output ({error.strerror}); make room") from error
        return RenderJob.of(claim, document, kinds, room, policy.recipe)

    @contextlib.contextmanager
    def drafted(
        self, claim: Claim, document: Document, policy: Policy, render_job: RenderJob | None
    ) -> Iterator[OutputDrafts]:
        """Return the wanted outputs as drafts; those that get no name are removed afterwards."""
        drafts: list[OutputDraft] = []
        missing: list[Missing] = []
        try:
            if policy.outputs and _has_outputs(document):
                missing += render_job.missing if render_job else ()
                self._draft_rendered(claim, document, policy.outputs, drafts)
                self._draft_made(claim, render_job, drafts, missing)
            for lost in missing:
                name, why = fs.printable(claim.name), lost.failure.message
                log.warning("output.missing", name=name, kind=lost.kind, reason=why)
            drafts.sort(key=lambda draft: draft.ending)  # two daemons go for names in one order
            yield OutputDrafts(tuple(drafts), tuple(missing))
        finally:
            self._outbox.drop(drafts)

    def forget(self, claim: Claim) -> None:
        """Remove what workers have made of a document."""
        if self._scratch is not None:
            self._scratch.forget(claim.id)

    def _draft_rendered(
        self,
        claim: Claim,
        document: Document,
        kinds: Sequence[OutputKind],
        drafts: list[OutputDraft],
    ) -> None:
        name = PurePosixPath(fs.printable(claim.name)).name
        for kind in RENDERED:
            if kind in kinds:
                content = _rendered(kind, document, name)
                drafts.append(self._outbox.draft(claim.id, kind, ENDINGS[kind], content))

    def _draft_made(
        self,
        claim: Claim,
        render_job: RenderJob | None,
        drafts: list[OutputDraft],
        missing: list[Missing],
    ) -> None:
        """Copy what workers have made; what is no file is missing, whatever they said."""
        for render_task in render_job.made if render_job else ():
            page = render_task.pages[0].number if render_task.kind == "picture" else None
            ending = picture_ending(page) if page else ENDINGS[render_task.kind]
            if not _is_file(render_task.target):
                why = "the worker process made no file"
                missing.append(Missing(render_task.kind, Failure("crashed", why, page)))
                continue
            drafts.append(
                self._outbox.draft(claim.id, render_task.kind, ending, render_task.target)
            )


def _has_outputs(document: Document) -> bool:
    return document.status in ("done", "partial")


def _rendered(kind: OutputKind, document: Document, name: str) -> bytes:
    match kind:
        case "text":
            return text.render(document)
        case "hocr":
            from daemon.outbox import hocr  # XML takes half a megabyte, where it is wanted

            return hocr.render(document, name)
        case "alto":
            from daemon.outbox import alto

            return alto.render(document, name)
        case _:
            raise AssertionError(f"the supervising process does not render {kind!r}")


def _is_file(path: Path) -> bool:
    try:
        return fs.is_regular(path)
    except OSError:
        return False
