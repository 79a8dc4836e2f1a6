"""Derived outputs of a document: which are wanted, which workers render, and all as drafts.

Each output that a worker renders is a task of its own once the document is read. If its worker
dies, it is tried once more and then given up: a sidecar without a picture is better than none.
"""

from __future__ import annotations

import contextlib
import functools
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from daemon.engine.page_store import selected
from daemon.outbox import naming, text
from daemon.outbox.output_files import (
    ENDINGS,
    OutputDraft,
    part_ending,
    picture_ending,
    table_ending,
    usual_stem,
)
from daemon.outbox.publish import Outbox
from daemon.outbox.sidecar import PartEntry, PartOf, Sidecar
from daemon.supervisor.policy import Policy
from daemon.supervisor.separation import Part, parts_of

log = structlog.get_logger()

# the supervising process formats these itself; workers render the others, which need a decoder or a
# library that is large
FORMATTED: Final[tuple[OutputKind, ...]] = ("text", "hocr", "alto", "markdown", "csv", "fields_csv")
RENDERED: Final[tuple[OutputKind, ...]] = ("searchable_pdf", "pdfa", "docx", "xlsx", "picture")
PROBE_BYTES = 1 << 20  # what must fit into the folder for outputs, where a worker says it is full
RENDER_ATTEMPTS = 2
# a file of all pages may take this for each, beside one page's limit
DOCUMENT_SECONDS_PER_PAGE = 1.0


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
        documents: Sequence[tuple[int | None, Document]],
        kinds: Sequence[OutputKind],
        folder: Path,
        recipe: Recipe,
    ) -> RenderJob:
        """Return the tasks that render `kinds` into `folder`.

        `documents` is the document, or its parts with their indexes.
        """
        page_seconds = recipe.limits.page_seconds
        template = RenderTask(
            claim.id, claim.path, claim.stamp, "picture", (), folder, page_seconds, recipe
        )
        tasks = []
        for part, document in documents:
            of_part = replace(template, part=part, is_selection=document.is_selection)
            seconds = page_seconds + DOCUMENT_SECONDS_PER_PAGE * len(document.pages)
            whole = replace(of_part, pages=document.pages, seconds=seconds)
            tasks += [
                replace(whole, kind=kind, target=folder / f"document{_ending(part, kind)}")
                for kind in RENDERED
                if kind in kinds and kind != "picture" and _has_content(kind, document)
            ]
            if "picture" in kinds:
                tasks += [
                    replace(of_part, pages=(page,), target=folder / f"page-{page.number:04d}.png")
                    for page in document.pages
                    if page.status != "failed"
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
        self.missing.append(MissingOutput(task.kind, failure, task.part))


@dataclass(frozen=True, slots=True)
class OutputDrafts:
    """The outputs of a document before they get their names, and those that are missing."""

    drafts: tuple[OutputDraft, ...] = ()
    missing: tuple[MissingOutput, ...] = ()
    parts: tuple[Part, ...] = ()

    def named(self, stems: Mapping[int | None, str]) -> OutputDrafts:
        """Return the outputs under other stems than that of their sidecar, by the part."""
        drafts = tuple(replace(draft, stem=stems.get(draft.part)) for draft in self.drafts)
        return replace(self, drafts=drafts)

    @property
    def endings(self) -> tuple[str, ...]:
        """What the names of the drafts will end with, and of the sidecars of parts."""
        return (*(draft.ending for draft in self.drafts), *self.endings_of_parts)

    @property
    def endings_of_parts(self) -> tuple[str, ...]:
        """What the names of the sidecars of parts will end with."""
        return tuple(f"{part.ending}.json" for part in self.parts)

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
        parts = parts_of(document, policy.separation, policy.recipe.fields)
        shown = _shown(document, parts, policy)
        return RenderJob.of(claim, shown, kinds, folder, policy.recipe)

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
        parts = parts_of(document, policy.separation, policy.recipe.fields)
        try:
            if policy.outputs and _has_outputs(document):
                missing += render_job.missing if render_job else ()
                for part, shown in _shown(document, parts, policy):
                    self._draft_formatted(claim, part, shown, policy.outputs, drafts, missing)
                self._draft_rendered(claim, render_job, drafts, missing)
            for each in missing:
                name, reason = fs.to_unicode(claim.name), each.failure.message
                log.warning("output.missing", name=name, kind=each.kind, reason=reason)
            drafts.sort(key=lambda draft: draft.ending)  # two daemons publish names in one order
            yield OutputDrafts(tuple(drafts), tuple(missing), tuple(parts))
        finally:
            self._outbox.drop(drafts)

    def choose_names(
        self, outputs: OutputDrafts, document: Document, claim: Claim, policy: Policy
    ) -> tuple[str, OutputDrafts]:
        """Return a free place for the answer, and the outputs under the names that they get.

        A template names the outputs of each part by what that part says.
        """
        has_template = policy.naming != Naming() and bool(outputs.drafts)
        endings = outputs.endings_of_parts if has_template else outputs.endings
        place = self._outbox.place_for(claim.name, claim.sha256, endings)
        if not has_template:
            return place, outputs
        documents = {None: document} | {part.index: part.document for part in outputs.parts}
        stems: dict[int | None, str] = {}
        for index in dict.fromkeys(draft.part for draft in outputs.drafts):
            stem = naming.stem_of(policy.naming, documents[index], claim.name, usual_stem(place))
            own = [draft.ending for draft in outputs.drafts if draft.part == index]
            stems[index] = self._outbox.stem_for(place, stem, own, claim.sha256)
        return place, outputs.named(stems)

    @contextlib.contextmanager
    def with_parts(
        self, whole: Sidecar, outputs: OutputDrafts, place: str
    ) -> Iterator[tuple[Sidecar, Sequence[OutputDraft]]]:
        """Return the sidecar of the whole as it is published at `place`, and all drafts beside it.

        These are the outputs, and the sidecars of its parts, which name each other.
        """
        listed, name = outputs.outputs_at(place), PurePosixPath(place).name
        drafts: list[OutputDraft] = []
        entries = []
        try:
            for part in outputs.parts:
                part_of = PartOf(name, part.index, len(outputs.parts))
                own = [output for output in listed if output.part == part.index]
                lacks = [each for each in outputs.missing if each.part == part.index]
                content = replace(
                    whole, document=part.document, outputs=own, missing=lacks, part_of=part_of
                )
                draft = self._outbox.draft(
                    whole.claim.id, "part", f"{part.ending}.json", functools.partial(iter, content)
                )
                drafts.append(replace(draft, part=part.index))
                pages = tuple(page.number for page in part.document.pages)
                output = drafts[-1].output_at(place)
                entries.append(PartEntry(output.name, part.document.status, pages))
                listed.append(output)
            everything = sorted((*outputs.drafts, *drafts), key=lambda draft: draft.ending)
            yield (
                replace(whole, outputs=listed, missing=outputs.missing, parts=tuple(entries)),
                everything,
            )
        finally:
            self._outbox.drop(drafts)

    def forget(self, claim: Claim) -> None:
        """Remove what workers have rendered of a document."""
        if self._scratch is not None:
            self._scratch.discard(claim.id)

    def _draft_formatted(
        self,
        claim: Claim,
        part: int | None,
        document: Document,
        kinds: Sequence[OutputKind],
        drafts: list[OutputDraft],
        missing: list[MissingOutput],
    ) -> None:
        name = PurePosixPath(fs.to_unicode(claim.name)).name
        for kind in FORMATTED:
            if kind in kinds and kind != "csv":
                content = functools.partial(_formatted, kind, document, name)
                draft = self._outbox.draft(claim.id, kind, _ending(part, kind), content)
                drafts.append(replace(draft, part=part))
        if "csv" in kinds:
            self._draft_tables(claim, part, document, drafts, missing)

    def _draft_tables(
        self,
        claim: Claim,
        part: int | None,
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
            missing.append(MissingOutput("csv", Failure("too_large", message), part))
            return
        for number, content in enumerate(csv_tables.render(document.pages), 1):
            ending = part_ending(part) + table_ending(number)
            draft = self._outbox.draft(claim.id, "csv", ending, content)
            drafts.append(replace(draft, part=part))

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
                failure = Failure("crashed", message, page)
                missing.append(MissingOutput(task.kind, failure, task.part))
                continue
            ending = part_ending(task.part) + ending
            draft = self._outbox.draft(claim.id, task.kind, ending, task.target)
            drafts.append(replace(draft, part=task.part))


def _ending(part: int | None, kind: OutputKind) -> str:
    return part_ending(part) + ENDINGS[kind]


def _shown(
    document: Document, parts: Sequence[Part], policy: Policy
) -> list[tuple[int | None, Document]]:
    """Return what outputs are made of: the document, or its parts; without dropped pages."""
    shown: list[tuple[int | None, Document]] = [(None, document)]
    if parts:
        shown = [(each.index, each.document) for each in parts if _has_outputs(each.document)]
    return [(part, without_blank(each) if policy.drops_blank else each) for part, each in shown]


def without_blank(document: Document) -> Document:
    """Return a document as its outputs show it where blank pages are dropped.

    One of which all pages are blank is left as it is: an output without pages would be none.
    """
    kept = [index for index, page in enumerate(document.pages) if not page.blank]
    if not kept or len(kept) == len(document.pages):
        return document
    return replace(document, pages=selected(document.pages, kept), is_selection=True)


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
