"""Derived outputs of a document: which are wanted, which workers render, and all as drafts.

Each output that a worker renders is a task of its own once the document is read. If its worker
dies, it is tried once more and then given up: a sidecar without a picture is better than none.
"""

from __future__ import annotations

import contextlib
import functools
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Final, assert_never

import structlog

from daemon.core import fs
from daemon.core.errors import DaemonError, Deferred, Died, Rejected
from daemon.core.options import Naming, Recipe
from daemon.core.records import Claim, Document, Failure, MissingOutput, Output, OutputKind
from daemon.core.scratch import Scratch
from daemon.core.tasks import Outcome, RenderTask
from daemon.outbox import naming, text
from daemon.outbox.output_files import (
    ENDINGS,
    OutputDraft,
    picture_ending,
    table_ending,
    usual_stem,
)
from daemon.outbox.publish import Outbox
from daemon.supervisor.policy import Policy

log = structlog.get_logger()

# the supervising process formats these itself; workers render the others, which need a decoder or a
# library that is large
FORMATTED: Final[tuple[OutputKind, ...]] = ("text", "hocr", "alto", "markdown", "csv", "fields_csv")
RENDERED: Final[tuple[OutputKind, ...]] = ("searchable_pdf", "pdfa", "docx", "xlsx", "picture")
PROBE_BYTES = 1 << 20  # what must fit into the folder for outputs, where a worker says it is full
RENDER_ATTEMPTS = 2
DOCUMENT_SECONDS_PER_PAGE = (
    1.0  # a file of all pages may take this for each, beside one page's limit
)


@dataclass(slots=True)
class RenderJob:
    """The outputs of one document that workers render: pending, rendered and missing ones."""

    pending: deque[RenderTask]
    in_flight: int = 0
    submitted: int = 0
    rendered: list[RenderTask] = field(default_factory=list)
    missing: list[MissingOutput] = field(default_factory=list)
    _deaths: Counter[Path] = field(default_factory=Counter)

    @classmethod
    def of(
        cls,
        claim: Claim,
        document: Document,
        kinds: Sequence[OutputKind],
        folder: Path,
        recipe: Recipe,
    ) -> RenderJob:
        """Return the tasks that render `kinds` of a document into `folder`."""
        readable = [page for page in document.pages if page.status != "failed"]
        page_seconds = recipe.limits.page_seconds
        template = RenderTask(
            claim.id, claim.path, claim.stamp, "picture", (), folder, page_seconds, recipe
        )
        seconds = page_seconds + DOCUMENT_SECONDS_PER_PAGE * len(document.pages)
        whole = replace(template, pages=document.pages, seconds=seconds)
        tasks = [
            replace(whole, kind=kind, target=folder / f"document{ENDINGS[kind]}")
            for kind in RENDERED
            if kind in kinds and kind != "picture" and _has_content(kind, document)
        ]
        if "picture" in kinds:
            tasks += [
                replace(template, pages=(page,), target=folder / f"page-{page.number:04d}.png")
                for page in readable
            ]
        return cls(deque(tasks))

    @property
    def is_finished(self) -> bool:
        """Whether nothing is pending or in flight."""
        return not self.pending and not self.in_flight

    def next_task(self) -> RenderTask:
        """Return the next task."""
        self.in_flight += 1
        self.submitted += 1
        return self.pending.popleft()

    def put_back(self, task: RenderTask) -> None:
        """Queue a task again that failed because of the environment."""
        self.in_flight -= 1
        self.pending.appendleft(task)

    def add_outcome(self, task: RenderTask, outcome: Outcome) -> None:
        """Add what became of a task."""
        self.in_flight -= 1
        match outcome.result:
            case None:
                self.rendered.append(task)
            case Died() as error:
                self._deaths[task.target] += 1
                if self._deaths[task.target] < RENDER_ATTEMPTS:
                    self.pending.append(task)
                else:
                    message = f"{error} ({RENDER_ATTEMPTS} tries)"
                    self._mark_missing(task, error.kind, message, error.signal)
            case Rejected(reason=kind, message=message):
                self._mark_missing(task, kind, message)
            case DaemonError() as error:
                self._mark_missing(task, "environment", str(error))
            case result:
                raise AssertionError(f"no slot returns {result!r} for a render task")

    def _mark_missing(
        self, task: RenderTask, kind: str, message: str, signal: int | None = None
    ) -> None:
        failure = Failure(kind, message, _page_of(task), signal=signal)
        self.missing.append(MissingOutput(task.kind, failure))


@dataclass(frozen=True, slots=True)
class OutputDrafts:
    """The outputs of a document before they get their names, and those that are missing."""

    drafts: tuple[OutputDraft, ...] = ()
    missing: tuple[MissingOutput, ...] = ()

    def named(self, stem: str) -> OutputDrafts:
        """Return the outputs under another stem than that of their sidecar."""
        drafts = tuple(replace(draft, stem=stem) for draft in self.drafts)
        return replace(self, drafts=drafts)

    @property
    def endings(self) -> tuple[str, ...]:
        """What the names of the drafts will end with."""
        return tuple(draft.ending for draft in self.drafts)

    def outputs_at(self, place: str) -> list[Output]:
        """Return the entries for these outputs in the sidecar at `place`."""
        return [draft.output_at(place) for draft in self.drafts]


class DerivedOutputs:
    """Drafts the outputs of documents; workers render into `scratch`."""

    def __init__(self, outbox: Outbox, scratch: Scratch | None) -> None:
        self._outbox = outbox
        self._scratch = scratch

    def render_job(self, claim: Claim, document: Document, policy: Policy) -> RenderJob | None:
        """Return the outputs of a document that workers render; None where there are none."""
        kinds = [kind for kind in policy.outputs if kind in RENDERED]
        if not kinds or not _has_outputs(document) or self._scratch is None:
            return None
        try:
            folder = self._scratch.folder_of(claim.id)
        except OSError as error:
            scratch = self._scratch.folder
            message = f"cannot write outputs to {scratch} ({error.strerror}); free some space"
            raise Deferred(message) from error
        return RenderJob.of(claim, document, kinds, folder, policy.recipe)

    def check_scratch(self, claim: Claim) -> None:
        """Write into the folder for the outputs of a claim; an OSError where that is impossible."""
        if self._scratch is None:
            return
        probe = self._scratch.folder_of(claim.id) / "probe"
        try:
            probe.write_bytes(bytes(PROBE_BYTES))
        finally:
            probe.unlink(missing_ok=True)

    @contextlib.contextmanager
    def drafted(
        self, claim: Claim, document: Document, policy: Policy, render_job: RenderJob | None
    ) -> Iterator[OutputDrafts]:
        """Return the wanted outputs as drafts; those that get no name are removed afterwards."""
        drafts: list[OutputDraft] = []
        missing: list[MissingOutput] = []
        try:
            if policy.outputs and _has_outputs(document):
                missing += render_job.missing if render_job else ()
                self._draft_formatted(claim, document, policy.outputs, drafts, missing)
                self._draft_rendered(claim, render_job, drafts, missing)
            for each in missing:
                name, reason = fs.to_unicode(claim.name), each.failure.message
                log.warning("output.missing", name=name, kind=each.kind, reason=reason)
            drafts.sort(key=lambda draft: draft.ending)  # two daemons publish names in one order
            yield OutputDrafts(tuple(drafts), tuple(missing))
        finally:
            self._outbox.drop(drafts)

    def placed(
        self, outputs: OutputDrafts, document: Document, claim: Claim, policy: Policy
    ) -> tuple[str, OutputDrafts]:
        """Return a free place for the answer, and the outputs under the names that they get."""
        has_template = policy.naming != Naming() and bool(outputs.drafts)
        endings = () if has_template else outputs.endings
        place = self._outbox.place_for(claim.name, claim.sha256, endings)
        if not has_template:
            return place, outputs
        stem = naming.stem_of(policy.naming, document, claim.name, usual_stem(place))
        free = self._outbox.stem_for(place, stem, outputs.endings, claim.sha256)
        return place, outputs.named(free)

    def forget(self, claim: Claim) -> None:
        """Remove what workers have rendered of a document."""
        if self._scratch is not None:
            self._scratch.discard(claim.id)

    def _draft_formatted(
        self,
        claim: Claim,
        document: Document,
        kinds: Sequence[OutputKind],
        drafts: list[OutputDraft],
        missing: list[MissingOutput],
    ) -> None:
        name = PurePosixPath(fs.to_unicode(claim.name)).name
        for kind in FORMATTED:
            if kind in kinds and kind != "csv":
                content = functools.partial(_formatted, kind, document, name)
                drafts.append(self._outbox.draft(claim.id, kind, ENDINGS[kind], content))
        if "csv" in kinds:
            self._draft_tables(claim, document, drafts, missing)

    def _draft_tables(
        self,
        claim: Claim,
        document: Document,
        drafts: list[OutputDraft],
        missing: list[MissingOutput],
    ) -> None:
        """Draft a CSV file for each table; where there are too many, none."""
        from daemon.core.structure import tables  # loaded where it is wanted, as below
        from daemon.outbox import csv_tables

        count = sum(1 for _ in tables(document.pages))
        if count > csv_tables.MAX_TABLES:
            message = (
                f"it has {count} tables, and at most {csv_tables.MAX_TABLES} get a file each; "
                "ask for xlsx, which has them in one file"
            )
            missing.append(MissingOutput("csv", Failure("too_large", message)))
            return
        for number, content in enumerate(csv_tables.render(document.pages), 1):
            drafts.append(self._outbox.draft(claim.id, "csv", table_ending(number), content))

    def _draft_rendered(
        self,
        claim: Claim,
        render_job: RenderJob | None,
        drafts: list[OutputDraft],
        missing: list[MissingOutput],
    ) -> None:
        """Copy what workers have rendered; a target that is no file is missing."""
        for task in render_job.rendered if render_job else ():
            page = _page_of(task)
            ending = picture_ending(page) if page else ENDINGS[task.kind]
            if not _is_file(task.target):
                message = "the worker process wrote no file"
                missing.append(MissingOutput(task.kind, Failure("crashed", message, page)))
                continue
            drafts.append(self._outbox.draft(claim.id, task.kind, ending, task.target))


def _has_content(kind: OutputKind, document: Document) -> bool:
    """Tell whether a document has what an output consists of: without tables there is no XLSX."""
    if kind != "xlsx":
        return True
    from daemon.core.structure import tables

    return any(True for _ in tables(document.pages))


def _page_of(task: RenderTask) -> int | None:
    return task.pages[0].number if task.kind == "picture" else None


def _has_outputs(document: Document) -> bool:
    return document.status in ("done", "partial")


def _formatted(kind: OutputKind, document: Document, name: str) -> Iterable[bytes]:
    """Return an output page by page."""
    match kind:
        case "text":
            return [text.render(document)]
        case "hocr":
            from daemon.outbox import hocr  # XML takes half a megabyte, only where it is wanted

            return hocr.render(document, name)
        case "alto":
            from daemon.outbox import alto

            return alto.render(document, name)
        case "fields_csv":
            from daemon.outbox import fields_csv

            return [fields_csv.render(document, name)]
        case "markdown":
            from daemon.core.structure import HeadingLevels
            from daemon.outbox import markdown

            pages = markdown.render(document.pages, HeadingLevels(document.pages))
            return (page.encode("utf-8", "replace") for page in pages)
        case "csv" | "xlsx" | "docx" | "searchable_pdf" | "pdfa" | "picture":
            raise AssertionError(f"{kind} is not formatted as one file here")
        case _:
            assert_never(kind)


def _is_file(path: Path) -> bool:
    try:
        return fs.is_regular(path)
    except OSError:
        return False
