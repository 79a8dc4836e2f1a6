"""Publishing: temp file, fsync, still ours?, a name that clobbers nothing, fsync of the folder.

The answer to `a/scan.pdf` is `a/scan.pdf.json`. Where that name is taken by the answer to other
bytes (scanners re-use names) it is `a/scan.pdf.2.json`, and so on. The one answer that is replaced
is that of the same bytes under a status in `replaceable`: a failed file that was tried again.
Outputs (beside.py) get their names before the answer that lists them.

Who takes a claim over from a daemon that seems dead withdraws its drafts before it looks for an
answer of that claim; who publishes makes sure of the claim after writing the draft. So whatever
pauses where, one of the two sees the other: docs/decisions/0015-leases-and-fencing.md.
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
from daemon.core.records import Claim, OutputKind
from daemon.core.volumes import Volume
from daemon.inbox.scan import WORK_FOLDER
from daemon.outbox import reader
from daemon.outbox.output_files import Draft, OutputFiles
from daemon.outbox.reader import Answer


class Superseded(Exception):
    """Another daemon has taken the claim over; the answer is its to give."""


class Outbox:
    """The folder that answers appear in; every OSError becomes Deferred with the folder named."""

    def __init__(
        self,
        folder: Path,
        drafts: str = "drafts",
        replaceable: Container[str] = ("failed",),
        ownership: Ownership = INHERITED,
    ) -> None:
        """`drafts` names the folder for what is being written."""
        self.folder = folder
        self._volume = Volume(folder)
        self._replaceable = replaceable
        self._ownership = ownership
        self._drafts = folder / WORK_FOLDER / drafts
        self._beside = OutputFiles(folder, self._drafts, ownership)

    def place_for(self, name: str, sha256: str, endings: Sequence[str] = ()) -> str:
        """Return the path, relative to the outbox, that the answer to `name` may take.

        With `endings`, those of its outputs, none lies there that could be taken for one of them.
        """
        with self._deferring():
            self._volume.check()
            return next(
                place for place in self._places(name) if self._is_free(place, sha256, endings)
            )
        raise AssertionError("places never end")

    def draft(self, claim: str, kind: OutputKind, ending: str, content: bytes | Path) -> Draft:
        """Write an output aside, to be published with the answer; a file is copied."""
        with self._deferring():
            self._volume.check()
            return self._beside.draft(claim, kind, ending, content)

    def drop(self, drafts: Iterable[Draft]) -> None:
        """Remove what is left of drafts."""
        self._beside.drop(drafts)

    def publish(
        self,
        place: str,
        content: bytes,
        claim: Claim,
        is_ours: Callable[[], bool],
        drafts: Sequence[Draft] = (),
    ) -> None:
        """Make the answer to a claim durable under `place`, its outputs before it.

        FileExistsError if another answer got there first, Superseded if the claim is not ours any
        more: nothing is published then.
        """
        target, sha256 = self.folder / place, claim.sha256
        draft = self._drafts / f"{claim.id}.{uuid.uuid4().hex}.tmp"
        with self._deferring():
            self._volume.check()
            fs.make_folder(draft.parent, self.folder)
            fs.make_folder(target.parent, self.folder, self._ownership)
            fs.write_durable(draft, content, self._ownership)
        failpoints.reach("publish.drafted", place)
        try:
            with self._deferring(taken_is_told=True):
                if not is_ours():
                    raise Superseded(claim.name)
                replaced = self.read(place) if self._is_replaceable(place, sha256) else None
                with self._beside.named(claim.id, place, drafts, replaced):
                    if self._is_replaceable(place, sha256):
                        draft.replace(target)
                    else:
                        fs.rename_no_clobber(draft, target)
                failpoints.reach("publish.named", place)
                fs.fsync_folder(target.parent)
                failpoints.reach("publish.synced", place)
                self._beside.remove_listed(place, replaced, drafts)
                self._beside.settle(claim.id)
        finally:
            with contextlib.suppress(OSError):  # what refused the answer may refuse this too
                draft.unlink(missing_ok=True)

    def withdraw(self, claim: str) -> None:
        """Make sure that whoever had this claim before us will never publish its draft."""
        with self._deferring():
            for draft in self._drafts.glob(f"{claim}.*"):
                draft.unlink(missing_ok=True)

    def settle(self, place: str, claim: str) -> None:
        """Make the name of the answer to a claim durable that was published before."""
        with self._deferring():
            fs.fsync_folder((self.folder / place).parent)
            self._beside.settle(claim)

    def recall(self, claim: str) -> None:
        """Remove the outputs that a claim has got without an answer; it will be read again."""
        with self._deferring():
            self._beside.recall(claim)

    def forget_outputs(self, claim: str) -> None:
        """Leave the outputs of a claim alone whose answer has been collected."""
        with self._deferring():
            self._beside.settle(claim)

    def spoiled(self, place: str, answer: Answer) -> list[str]:
        """Return the outputs that the answer at `place` lists and that have other bytes now."""
        return self._beside.spoiled(place, answer)

    def answer_of(self, claim: str, name: str, place: str | None) -> tuple[str, Answer] | None:
        """Return the answer that this very claim on `name` has got, with its place.

        `place` is where the ledger says that it was to be.
        """
        known = [] if place is None else [place]
        for candidate in itertools.chain(known, self._taken_places(name)):
            answer = self.read(candidate)
            if answer is not None and reader.is_of(claim, answer):
                return candidate, answer
        return None

    def answer_to(self, sha256: str, place: str | None) -> Answer | None:
        """Return the answer at `place` if it is one to these bytes."""
        answer = None if place is None else self.read(place)
        return answer if answer is not None and answer["source"].get("sha256") == sha256 else None

    def read(self, place: str) -> Answer | None:
        """Return the answer at `place`, None where there is none or it is no answer of ours."""
        return reader.read(self.folder / place)

    def clear_drafts(self, older_than: float = 0.0) -> None:
        """Remove drafts that nobody is writing, by their age in seconds."""
        for draft in self._drafts.glob("*.tmp"):
            with contextlib.suppress(OSError):
                if time.time() - draft.stat().st_mtime >= older_than:
                    draft.unlink()
        self._beside.leave()
        with contextlib.suppress(OSError):
            self._drafts.rmdir()
        with contextlib.suppress(OSError):
            self._drafts.parent.rmdir()

    def clear_outputs(self, older_than: float) -> None:
        """Remove outputs whose answer never came, by the age in seconds of the note on them."""
        self._beside.clear(older_than)

    def _taken_places(self, name: str) -> Iterator[str]:
        with self._deferring():
            for place in self._places(name):
                if not os.path.lexists(self.folder / place) and not self._beside.has_any(place):
                    return
                yield place

    def _places(self, name: str) -> Iterator[str]:
        parent = fs.unobstructed(self.folder, name).parent.relative_to(self.folder)
        base = Path(name).name
        yield os.fspath(parent / fs.shorten(base, ".json"))
        for number in range(2, 1_000_000):
            yield os.fspath(parent / fs.shorten(base, f".{number}.json"))

    def _is_free(self, place: str, sha256: str, endings: Sequence[str]) -> bool:
        is_there = os.path.lexists(self.folder / place)
        if is_there and not self._is_replaceable(place, sha256):
            return False
        replaced = self.read(place) if is_there else None
        return not endings or self._beside.is_free(place, endings, replaced)

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
    def _deferring(self, *, taken_is_told: bool = False) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if taken_is_told and isinstance(error, FileExistsError):
                raise
            raise Deferred(
                f"the outbox {self.folder} refuses an answer ({error.strerror}); "
                "make room or restore the folder"
            ) from error
