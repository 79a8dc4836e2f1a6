"""Atomic publishing of sidecars and outputs into the outbox.

The steps: write a temporary file, fsync, check that the claim is still ours, rename without
replacing anything, fsync the folder.

The answer to `a/scan.pdf` is `a/scan.pdf.json`. If the answer to other bytes has that name already
(scanners reuse names), it is `a/scan.pdf.2.json`, and so on. The only answer that is replaced is
one to the same bytes with a status in `replaceable`: a failed file that was tried again. Outputs
(output_files.py) get their names before the sidecar that lists them.

A daemon that takes over the claim of a daemon that seems dead discards the drafts of that claim
before it looks for an answer; a daemon that publishes checks its claim after it has written the
draft. So one of the two always sees the other, wherever one of them is suspended:
docs/decisions/0015-leases-and-fencing.md.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import time
import uuid
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from pathlib import Path

from daemon.core import failpoints, fs
from daemon.core.errors import Deferred
from daemon.core.ownership import INHERITED, Ownership
from daemon.core.records import Claim, FileKind
from daemon.core.volumes import Volume
from daemon.inbox.scan import WORK_FOLDER
from daemon.outbox import reader
from daemon.outbox.output_files import Content, OutputDraft, OutputFiles
from daemon.outbox.reader import Answer
from daemon.outbox.replacement import Replacement, Replacements


class Superseded(Exception):
    """Another daemon has taken over the claim and will publish its answer."""


class Outbox:
    """The folder in which answers appear; an OSError becomes Deferred with the folder named."""

    def __init__(
        self,
        folder: Path,
        drafts: str = "drafts",
        replaceable: Container[str] = ("failed",),
        ownership: Ownership = INHERITED,
    ) -> None:
        """`drafts` is the name of the folder for temporary files."""
        self.folder = folder
        self._volume = Volume(folder)
        self._replaceable = replaceable
        self._ownership = ownership
        self._drafts = folder / WORK_FOLDER / drafts
        self._output_files = OutputFiles(folder, self._drafts, ownership)
        self._replacements = Replacements(folder)

    def place_for(self, name: str, sha256: str, endings: Sequence[str] = ()) -> str:
        """Return a free path, relative to the outbox, for the answer to `name`.

        `endings` are those of its outputs: the paths of these are free too.
        """
        with self._deferring():
            self._volume.check()
            return next(
                place for place in self._places(name) if self._is_free(place, sha256, endings)
            )
        raise AssertionError("there is always another place")

    def stem_for(self, place: str, stem: str, endings: Sequence[str], sha256: str) -> str:
        """Return a free stem for the outputs of the answer at `place`: `stem`, or a numbered one.

        It is relative to the folder of the answer. Outputs of an answer to the same bytes that is
        replaced do not count as taken.
        """
        parent = Path(place).parent
        with self._deferring():
            free = fs.unobstructed(self.folder, os.fspath(parent / stem))
            stem = os.fspath(free.relative_to(self.folder / parent))
            replaced = self.read(place) if self._is_replaceable(place, sha256) else None
            numbered = itertools.chain([stem], (f"{stem}.{k}" for k in itertools.count(2)))
            return next(
                each
                for each in numbered
                if self._output_files.is_free(place, endings, replaced, each)
            )
        raise AssertionError("there is always another stem")

    def draft(self, claim: str, kind: FileKind, ending: str, content: Content) -> OutputDraft:
        """Write an output under a temporary name, to be published with the answer."""
        with self._deferring():
            self._volume.check()
            return self._output_files.draft(claim, kind, ending, content)

    def drop(self, drafts: Iterable[OutputDraft]) -> None:
        """Remove the drafts that have not become outputs."""
        self._output_files.drop(drafts)

    def publish(
        self,
        place: str,
        content: bytes | Iterable[bytes],
        claim: Claim,
        is_ours: Callable[[], bool],
        drafts: Sequence[OutputDraft] = (),
    ) -> None:
        """Publish the answer to a claim at `place`, durably, and its outputs before it.

        FileExistsError if there is an answer already, Superseded if the claim is no longer ours:
        nothing is published then.
        """
        target, sha256 = self.folder / place, claim.sha256
        draft = self._drafts / f"{claim.id}.{uuid.uuid4().hex}.tmp"
        with self._deferring():
            self._volume.check()
            fs.make_folder(target.parent, self.folder, self._ownership)
            fs.write_in_folder(draft, content, self.folder, self._ownership)
        failpoints.reach("publish.drafted", place)
        try:
            with self._deferring(except_taken=True):
                if not is_ours():
                    raise Superseded(claim.name)
                replaced = self.read(place) if self._is_replaceable(place, sha256) else None
                with self._output_files.publishing(claim.id, place, drafts, replaced):
                    if self._is_replaceable(place, sha256):
                        draft.replace(target)
                    else:
                        fs.rename_no_clobber(draft, target)
                failpoints.reach("publish.named", place)
                fs.fsync_folder(target.parent)
                failpoints.reach("publish.synced", place)
                self._output_files.remove_replaced(place, replaced, drafts)
                self._output_files.commit(claim.id)
        finally:
            with contextlib.suppress(OSError):  # the fault of the publishing may prevent this too
                draft.unlink(missing_ok=True)

    def replace(
        self,
        place: str,
        content: bytes | Iterable[bytes],
        claim: Claim,
        drafts: Sequence[OutputDraft] = (),
    ) -> None:
        """Replace the answer to a claim at `place`, and its outputs, as one step.

        Superseded if its answer is not there any more, FileExistsError if an output would overwrite
        a file that is no output of it: nothing is replaced then.
        """
        draft = self._drafts / f"{claim.id}.{uuid.uuid4().hex}.tmp"
        with self._deferring():
            self._volume.check()
            fs.write_in_folder(draft, content, self.folder, self._ownership)
        failpoints.reach("replace.drafted", place)
        try:
            with self._deferring(except_taken=True):
                before = reader.read_strictly(self.folder / place)
                if before is None or not reader.belongs_to(claim.id, before):
                    raise Superseded(claim.name)
                self._replacements.replace(Replacement(claim.id, place, draft, drafts), before)
        finally:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)

    def finish_replacements(self, uncommitted_seconds: float) -> None:
        """Finish the replacements that a crash interrupted; drop old ones without a commit."""
        with self._deferring():
            self._replacements.finish_committed()
            self._replacements.drop_uncommitted(older_than=uncommitted_seconds)

    def discard_drafts(self, claim: str) -> None:
        """Remove the drafts of a claim, so that its former owner can never publish them."""
        with self._deferring():
            for draft in self._drafts.glob(f"{claim}.*"):
                draft.unlink(missing_ok=True)
            self._replacements.drop_uncommitted(claim)

    def commit(self, place: str, claim: str) -> None:
        """Make the answer to a claim durable that was published before, and keep its outputs."""
        with self._deferring():
            fs.fsync_folder((self.folder / place).parent)
            self._output_files.commit(claim)

    def roll_back(self, claim: str) -> None:
        """Remove the outputs of a claim that has no answer; it will be read again."""
        with self._deferring():
            self._output_files.roll_back(claim)

    def commit_outputs(self, claim: str) -> None:
        """Keep the outputs of a claim whose answer has been collected from the outbox."""
        with self._deferring():
            self._output_files.commit(claim)

    def altered_outputs(self, place: str, answer: Answer) -> list[str]:
        """Return the paths of outputs that differ from what the answer at `place` lists."""
        return self._output_files.altered(place, answer)

    def answer_of(self, claim: str, name: str, place: str | None) -> tuple[str, Answer] | None:
        """Return the answer to this very claim on `name`, with its place.

        `place` is where the ledger expects it.
        """
        expected = [] if place is None else [place]
        for candidate in itertools.chain(expected, self._taken_places(name)):
            answer = self.read(candidate)
            if answer is not None and reader.belongs_to(claim, answer):
                return candidate, answer
        return None

    def answer_to(self, sha256: str, place: str | None) -> Answer | None:
        """Return the answer at `place` if it is an answer to these bytes."""
        answer = None if place is None else self.read(place)
        return answer if answer is not None and answer["source"].get("sha256") == sha256 else None

    def read(self, place: str) -> Answer | None:
        """Return the answer at `place`, None if there is none, or none that this daemon wrote."""
        return reader.read(self.folder / place)

    def read_surely(self, place: str) -> Answer | None:
        """Return what `read` does; Deferred where it is not known whether there is an answer."""
        with self._deferring():
            self._volume.check()
            return reader.read_strictly(self.folder / place)

    def clear_drafts(self, older_than: float = 0.0) -> None:
        """Remove drafts of at least this age in seconds: no daemon is writing them."""
        for draft in self._drafts.glob("*.tmp"):
            with contextlib.suppress(OSError):
                if time.time() - draft.stat().st_mtime >= older_than:
                    draft.unlink()
        self._output_files.remove_empty_folder()
        with contextlib.suppress(OSError):
            self._drafts.rmdir()
        with contextlib.suppress(OSError):
            self._drafts.parent.rmdir()

    def clear_outputs(self, older_than: float) -> None:
        """Remove outputs whose answer was never published, by their age in seconds."""
        self._output_files.roll_back_abandoned(older_than)

    def _taken_places(self, name: str) -> Iterator[str]:
        with self._deferring():
            for place in self._places(name):
                if not os.path.lexists(self.folder / place) and not self._output_files.has_outputs(
                    place
                ):
                    return
                yield place

    def _places(self, name: str) -> Iterator[str]:
        parent = fs.unobstructed(self.folder, name).parent.relative_to(self.folder)
        base = Path(name).name
        yield os.fspath(parent / fs.shorten(base, ".json"))
        for number in range(2, 1_000_000):
            yield os.fspath(parent / fs.shorten(base, f".{number}.json"))

    def _is_free(self, place: str, sha256: str, endings: Sequence[str]) -> bool:
        exists = os.path.lexists(self.folder / place)
        if exists and not self._is_replaceable(place, sha256):
            return False
        replaced = self.read(place) if exists else None
        return not endings or self._output_files.is_free(place, endings, replaced)

    def _is_replaceable(self, place: str, sha256: str) -> bool:
        target = self.folder / place
        if target.is_file() and target.stat().st_size == 0:
            return True  # a name reserved by a killed publish on a filesystem without hard links
        answer = self.read(place)
        return (
            answer is not None
            and answer["source"].get("sha256") == sha256
            and answer["status"] in self._replaceable
        )

    @contextlib.contextmanager
    def _deferring(self, *, except_taken: bool = False) -> Iterator[None]:
        """Turn an OSError into Deferred; with `except_taken`, FileExistsError passes."""
        try:
            yield
        except OSError as error:
            if except_taken and isinstance(error, FileExistsError):
                raise
            raise Deferred(
                f"the answer cannot be written to the outbox {self.folder} ({error.strerror}); "
                "free some space or restore the folder"
            ) from error
