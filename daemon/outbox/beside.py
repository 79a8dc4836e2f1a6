"""Files beside a sidecar, published as one with it: they first, and all of them or none.

The stem of `a/scan.pdf.json` is `a/scan.pdf`: its outputs are `a/scan.pdf.txt` and so on. Before
the first of them gets its name it is written down, durably, who is about to give which names, with
their digests. So whoever takes the claim up after a crash removes what has no sidecar, and touches
nothing that others have put there. With the sidecar in its place that note is removed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon import failpoints, files
from daemon.inbox.scan import WORK_FOLDER
from daemon.ownership import Ownership
from daemon.records import Output, OutputKind

Answer = dict[str, Any]
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


class Beside:
    """What lies beside the sidecars of one outbox; OSErrors pass through."""

    def __init__(self, folder: Path, drafts: Path, ownership: Ownership) -> None:
        self._folder = folder
        self._drafts = drafts
        self._ownership = ownership
        self._notes = folder / WORK_FOLDER / "outputs"

    def draft(self, claim: str, kind: OutputKind, ending: str, content: bytes | Path) -> Draft:
        """Write an output aside, durably; what a worker has made is copied."""
        files.make_folder(self._drafts, self._folder)
        path = self._drafts / f"{claim}.{uuid.uuid4().hex}.tmp"
        digest, size = hashlib.sha256(), 0
        try:
            with path.open("xb") as file:
                self._ownership.mark_file(file.fileno())
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
        listed = set(_listed(replaced))
        names = {_name(place, ending) for ending in (*ENDINGS.values(), *endings)}
        return not any(os.path.lexists(self._at(place, name)) for name in names - listed)

    def has_any(self, place: str) -> bool:
        """Tell whether an output of some sidecar at `place` lies there."""
        return not self.is_free(place, [picture_ending(1)], None)

    @contextlib.contextmanager
    def named(
        self, claim: str, place: str, drafts: Sequence[Draft], replaced: Answer | None
    ) -> Iterator[None]:
        """Give the drafts their names beside `place` while the sidecar gets its own.

        FileExistsError where one is taken. Where the block fails the names are taken back.
        """
        if not drafts:
            yield
            return
        self._note(claim, place, drafts)
        failpoints.reach("outputs.noted", place)
        done: list[Draft] = []
        try:
            for draft in drafts:
                self._give_name(draft, place, replaced)
                done.append(draft)
                failpoints.reach("outputs.named", draft.output_at(place).name)
            files.sync_folder((self._folder / place).parent)
            failpoints.reach("outputs.synced", place)
            yield
        except BaseException:
            with contextlib.suppress(OSError):  # else `recall` does it, by the note
                for draft in done:
                    self._at(place, draft.output_at(place).name).rename(draft.path)
                self._forget_note(claim)
            raise

    def settle(self, claim: str) -> None:
        """Forget the note of a claim whose sidecar is durable."""
        note = self._read_note(claim)
        if note is not None:
            self._forget_note(claim)
            failpoints.reach("outputs.settled", note.get("place", ""))

    def recall(self, claim: str) -> None:
        """Remove the outputs of a claim that has no sidecar: a crash came in between."""
        note = self._read_note(claim) or {}
        for name, sha256 in note.get("outputs", {}).items():
            path = self._at(note["place"], name)
            with contextlib.suppress(FileNotFoundError):
                if not files.is_regular(path):
                    continue
                if path.stat().st_size == 0 or files.sha256_of(path) == sha256:
                    path.unlink()
                    files.sync_folder(path.parent)
        if self._note_of(claim).exists():
            self._forget_note(claim)

    def clear(self, older_than: float, read: Callable[[str], Answer | None]) -> None:
        """Recall or settle what nobody has taken up again, by its age in seconds."""
        for path in self._notes.glob("*.json"):
            with contextlib.suppress(OSError):
                note = self._read_note(path.stem)
                if note is None or time.time() - path.stat().st_mtime < older_than:
                    continue
                answer = read(note["place"]) if note else None
                is_answered = answer and answer["processing"].get("claim") == path.stem
                (self.settle if is_answered else self.recall)(path.stem)

    def leave(self) -> None:
        """Remove the folder of notes where it is empty."""
        with contextlib.suppress(OSError):
            self._notes.rmdir()

    def remove_listed(self, place: str, replaced: Answer | None, kept: Iterable[Draft]) -> None:
        """Remove what a replaced answer listed and the new one does not."""
        names = set(_listed(replaced)) - {draft.output_at(place).name for draft in kept}
        for name in names:
            with contextlib.suppress(OSError):
                self._at(place, name).unlink(missing_ok=True)

    def spoiled(self, place: str, answer: Answer) -> list[str]:
        """Return the outputs that an answer lists and that lie there with other bytes."""
        found = []
        for output in answer.get("outputs", ()):
            with contextlib.suppress(FileNotFoundError):  # it has been collected
                path = self._at(place, output["name"])
                if files.sha256_of(path) != output["sha256"]:
                    found.append(os.fspath(path.relative_to(self._folder)))
        return found

    def _give_name(self, draft: Draft, place: str, replaced: Answer | None) -> None:
        name = draft.output_at(place).name
        if name in _listed(replaced):
            draft.path.replace(self._at(place, name))
        else:
            files.rename_no_clobber(draft.path, self._at(place, name))

    def _at(self, place: str, name: str) -> Path:
        return (self._folder / place).with_name(Path(name).name)

    def _note_of(self, claim: str) -> Path:
        return self._notes / f"{claim}.json"

    def _note(self, claim: str, place: str, drafts: Sequence[Draft]) -> None:
        outputs = {draft.output_at(place).name: draft.sha256 for draft in drafts}
        files.make_folder(self._notes, self._folder)
        self._note_of(claim).unlink(missing_ok=True)
        said = json.dumps({"place": place, "outputs": outputs}).encode()
        files.write_durable(self._note_of(claim), said)
        files.sync_folder(self._notes)

    def _read_note(self, claim: str) -> Answer | None:
        """Return a note, {} for one that a crash left torn: nothing had a name by it."""
        try:
            with files.open_regular(self._note_of(claim)) as file:
                return dict(json.load(file))
        except ValueError:
            return {}
        except FileNotFoundError:
            return None

    def _forget_note(self, claim: str) -> None:
        self._note_of(claim).unlink(missing_ok=True)
        files.sync_folder(self._notes)


def _listed(answer: Answer | None) -> list[str]:
    """Return the names that an answer lists."""
    return [output["name"] for output in (answer or {}).get("outputs", ())]


def _name(place: str, ending: str) -> str:
    return files.shortened(Path(place).name.removesuffix(".json"), ending)


def _blocks(content: bytes | Path) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    with files.open_regular(content) as file:
        while block := file.read(_BLOCK):
            yield block
