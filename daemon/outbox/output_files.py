"""Files beside a sidecar, published as one with it: they first, and all of them or none.

The stem of `a/scan.pdf.json` is `a/scan.pdf`: its outputs are `a/scan.pdf.txt` and so on. Before
the first of them gets its name it is written down, durably, who is about to give which names, with
their digests. So whoever takes the claim up after a crash removes what has no sidecar, and touches
nothing that others have put there. With the sidecar in its place that note is removed.

Who is stopped in between and goes on may have lost the claim: another has withdrawn its drafts,
recalled its outputs and given the same names to its own. So each try has a note of its own, and
only a name that bears the very draft still is taken back, never beside the claim's own answer.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.core import failpoints, fs
from daemon.core.ownership import Ownership
from daemon.core.records import Output, OutputKind, Stamp
from daemon.inbox.scan import WORK_FOLDER
from daemon.outbox import reader
from daemon.outbox.reader import Answer, listed

ENDINGS: dict[OutputKind, str] = {
    "text": ".txt", "hocr": ".hocr", "alto": ".alto.xml", "searchable_pdf": ".ocr.pdf",
}  # fmt: skip
MEDIA_TYPES: dict[OutputKind, str] = {
    "text": "text/plain", "hocr": "text/html", "alto": "application/alto+xml",
    "searchable_pdf": "application/pdf", "picture": "image/png",
}  # fmt: skip
_BLOCK = 1 << 20


def picture_ending(page: int) -> str:
    """Return the ending of the picture of a page, 1-based."""
    return f".page-{page:04d}.png"


@dataclass(frozen=True, slots=True)
class Draft:
    """An output that is written and has no name yet."""

    kind: OutputKind
    ending: str
    path: Path
    bytes: int
    sha256: str

    def output_at(self, place: str) -> Output:
        """Return how the sidecar at `place` lists it."""
        name = _name(place, self.ending)
        return Output(self.kind, name, self.bytes, self.sha256, MEDIA_TYPES[self.kind])


class OutputFiles:
    """What lies beside the sidecars of one outbox; OSErrors pass through."""

    def __init__(self, folder: Path, drafts: Path, ownership: Ownership) -> None:
        self._folder = folder
        self._drafts = drafts
        self._ownership = ownership
        self._notes = folder / WORK_FOLDER / "outputs"

    def draft(self, claim: str, kind: OutputKind, ending: str, content: bytes | Path) -> Draft:
        """Write an output aside, durably; what a worker has made is copied."""
        fs.make_folder(self._drafts, self._folder)
        path = self._drafts / f"{claim}.{uuid.uuid4().hex}.tmp"
        digest, size = hashlib.sha256(), 0
        try:
            with path.open("xb") as file:
                self._ownership.apply_to_file(file.fileno())
                for block in _blocks(content):
                    digest.update(block)
                    size += file.write(block)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return Draft(kind, ending, path, size, digest.hexdigest())

    def drop(self, drafts: Iterable[Draft]) -> None:
        """Remove what is left of drafts."""
        for draft in drafts:
            with contextlib.suppress(OSError):
                draft.path.unlink(missing_ok=True)

    def is_free(self, place: str, endings: Iterable[str], replaced: Answer | None) -> bool:
        """Tell whether nothing that could be taken for an output of `place` lies there.

        What `replaced`, the answer that gives way, has listed gives way with it.
        """
        names = {_name(place, ending) for ending in (*ENDINGS.values(), *endings)}
        return not any(
            os.path.lexists(self._at(place, name)) for name in names - set(listed(replaced))
        )

    def has_any(self, place: str) -> bool:
        """Tell whether an output of some sidecar at `place` lies there."""
        return not self.is_free(place, [picture_ending(1)], None)

    @contextlib.contextmanager
    def named(
        self, claim: str, place: str, drafts: Sequence[Draft], replaced: Answer | None
    ) -> Iterator[None]:
        """Give the drafts their names beside `place` while the sidecar gets its own.

        FileExistsError where one is taken. Where the block fails the names are taken back, as far
        as that is ours to do; what cannot be taken back is left to `recall`.
        """
        if not drafts:
            yield
            return
        stamps = [Stamp.of(draft.path) for draft in drafts]
        note = self._note(claim, place, drafts)
        try:
            failpoints.reach("outputs.noted", place)
            for draft in drafts:
                self._give_name(draft, place, replaced)
                failpoints.reach("outputs.named", draft.output_at(place).name)
            fs.fsync_folder((self._folder / place).parent)
            failpoints.reach("outputs.synced", place)
            yield
        except BaseException:
            with contextlib.suppress(OSError):
                answer = reader.sure(self._folder / place)
                if not reader.is_of(claim, answer) and self._take_back(place, drafts, stamps):
                    self._forget(note)
            raise

    def settle(self, claim: str) -> None:
        """Forget the notes of a claim whose sidecar is durable."""
        for note in self._notes_of(claim):
            place = _read(note).get("place", "")
            self._forget(note)
            failpoints.reach("outputs.settled", place)

    def recall(self, claim: str) -> None:
        """Remove the outputs of a claim that has no sidecar: a crash came in between."""
        for note in self._notes_of(claim):
            self._recall(note)

    def clear(self, older_than: float) -> None:
        """Recall what nobody has taken up again, by its age in seconds; an answer keeps its own."""
        for note in self._notes.glob("*.json"):
            with contextlib.suppress(OSError):
                if time.time() - note.stat().st_mtime >= older_than:
                    self._recall(note)

    def leave(self) -> None:
        """Remove the folder of notes where it is empty."""
        with contextlib.suppress(OSError):
            self._notes.rmdir()

    def remove_listed(self, place: str, replaced: Answer | None, kept: Iterable[Draft]) -> None:
        """Remove what a replaced answer listed and the new one does not."""
        names = set(listed(replaced)) - {draft.output_at(place).name for draft in kept}
        for name in names:
            with contextlib.suppress(OSError):
                self._at(place, name).unlink(missing_ok=True)

    def spoiled(self, place: str, answer: Answer) -> list[str]:
        """Return the outputs that an answer lists and that lie there with other bytes."""
        found = []
        for output in answer.get("outputs", ()):
            with contextlib.suppress(FileNotFoundError):  # it has been collected
                path = self._at(place, output["name"])
                if fs.sha256_of(path) != output["sha256"]:
                    found.append(os.fspath(path.relative_to(self._folder)))
        return found

    def _give_name(self, draft: Draft, place: str, replaced: Answer | None) -> None:
        name = draft.output_at(place).name
        if name in listed(replaced):
            draft.path.replace(self._at(place, name))
        else:
            fs.rename_no_clobber(draft.path, self._at(place, name))

    def _at(self, place: str, name: str) -> Path:
        return (self._folder / place).with_name(Path(name).name)

    def _take_back(self, place: str, drafts: Sequence[Draft], stamps: Sequence[Stamp]) -> bool:
        """Make drafts again of those names that bear them still; tell whether all are drafts now.

        Where a filesystem gives a file another inode with its name, none is known again.
        """
        for draft, stamp in zip(drafts, stamps, strict=True):
            path = self._at(place, draft.output_at(place).name)
            if _stamp(path) != stamp:
                continue
            if os.path.lexists(draft.path):  # a rename to another link of itself does nothing
                path.unlink()
            else:
                path.rename(draft.path)
        return all(os.path.lexists(draft.path) for draft in drafts)

    def _recall(self, note: Path) -> None:
        said = _read(note)
        place = said.get("place", "")
        names = [
            name
            for name, sha256 in said.get("outputs", {}).items()
            if self._is_left(self._at(place, name), sha256)
        ]
        kept = listed(reader.sure(self._folder / place)) if names else []
        for name in names:
            if name not in kept:  # what an answer lists is that answer's, whoever has put it there
                self._at(place, name).unlink(missing_ok=True)
        if names:
            fs.fsync_folder((self._folder / place).parent)
        self._forget(note)

    def _is_left(self, path: Path, sha256: str) -> bool:
        """Tell whether a noted output lies there, or its reserved name."""
        with contextlib.suppress(FileNotFoundError):
            if fs.is_regular(path):
                return path.stat().st_size == 0 or fs.sha256_of(path) == sha256
        return False

    def _notes_of(self, claim: str) -> list[Path]:
        return list(self._notes.glob(f"{claim}.*json"))  # `claim.json` is an earlier version's

    def _note(self, claim: str, place: str, drafts: Sequence[Draft]) -> Path:
        outputs = {draft.output_at(place).name: draft.sha256 for draft in drafts}
        fs.make_folder(self._notes, self._folder)
        note = self._notes / f"{claim}.{uuid.uuid4().hex}.json"
        fs.write_durable(note, json.dumps({"place": place, "outputs": outputs}).encode())
        fs.fsync_folder(self._notes)
        return note

    def _forget(self, note: Path) -> None:
        note.unlink(missing_ok=True)
        fs.fsync_folder(self._notes)


def _read(note: Path) -> dict[str, Any]:
    """Return a note, {} where it is gone or a crash left it torn: nothing had a name by it."""
    try:
        with fs.open_regular(note) as file:
            return dict(json.load(file))
    except (ValueError, FileNotFoundError):
        return {}


def _stamp(path: Path) -> Stamp | None:
    """Return the stamp of what bears a name; opening asks a network share's server."""
    with contextlib.suppress(OSError), fs.open_regular(path) as file:
        return Stamp.from_status(os.fstat(file.fileno()))
    return None


def _name(place: str, ending: str) -> str:
    return fs.shorten(Path(place).name.removesuffix(".json"), ending)


def _blocks(content: bytes | Path) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    with fs.open_regular(content) as file:
        while block := file.read(_BLOCK):
            yield block
