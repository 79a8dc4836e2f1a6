"""Output files: text, PDF, tables, pictures and so on, published together with their sidecar.

Outputs get their names before the sidecar, and either all of them or none. The stem of the sidecar
`a/scan.pdf.json` is `a/scan.pdf`, its outputs are `a/scan.pdf.txt` and so on. Where the config has
a template for them, another stem below the folder `a` is used, and the sidecar lists them by their
paths relative to it.

A rollback journal makes that atomic: before the first output gets its name, the names and digests
of all outputs of the claim are written to a durable file. After a crash, the daemon that takes up
the claim removes the outputs that have no sidecar, and no file of anybody else. Once the sidecar is
in place, the journal is removed.

A daemon that is stopped in between and continues may have lost the claim: another daemon has
discarded its drafts, rolled back its outputs and given the same names to its own outputs. So each
attempt has a journal of its own. A rollback renames a file back only if that file is still the very
draft, and never if the sidecar of the claim is there.

The names of a template are not those of one sidecar: another document may get a name, and even have
the same bytes, while a killed daemon has it in its journal. So such a journal also has the times of
the drafts, which a rename keeps, and what has another time is not ours.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.core import failpoints, fs
from daemon.core.ownership import Ownership
from daemon.core.records import FileKind, Output, OutputKind, Stamp
from daemon.inbox.scan import WORK_FOLDER
from daemon.outbox import reader
from daemon.outbox.reader import Answer, output_names

ENDINGS: dict[OutputKind, str] = {
    "text": ".txt", "hocr": ".hocr", "alto": ".alto.xml", "searchable_pdf": ".ocr.pdf",
    "markdown": ".md", "xlsx": ".xlsx", "docx": ".docx", "pdfa": ".pdfa.pdf",
    "fields_csv": ".fields.csv",
}  # fmt: skip
MEDIA_TYPES: dict[FileKind, str] = {
    "text": "text/plain", "hocr": "text/html", "alto": "application/alto+xml",
    "searchable_pdf": "application/pdf", "picture": "image/png", "part": "application/json",
    "markdown": "text/markdown",
    "csv": "text/csv", "fields_csv": "text/csv", "pdfa": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}  # fmt: skip
_NUMBERED_ENDING = re.compile(r"\.(?:page-\d{4,}\.png|table-\d{4,}\.csv)$")
_BLOCK = 1 << 20


def picture_ending(page: int) -> str:
    """Return the file name ending of the picture of a page, 1-based."""
    return f".page-{page:04d}.png"


def part_ending(index: int | None) -> str:
    """Return what is appended to the stem of the whole for the files of a part, if it is of one."""
    return "" if index is None else f".part-{index:04d}"


def table_ending(number: int) -> str:
    """Return the file name ending of a table, 1-based in the document."""
    return f".table-{number:04d}.csv"


Content = bytes | Path | Callable[[], Iterable[bytes]]
"""What an output consists of: bytes, a file that a worker has made, or a function of blocks."""


@dataclass(frozen=True, slots=True)
class OutputDraft:
    """An output that is written under a temporary name.

    `stem` is its path without the ending, relative to the folder of its sidecar; None is that of
    the sidecar.
    """

    kind: FileKind
    ending: str
    path: Path
    bytes: int
    sha256: str
    stem: str | None = None
    part: int | None = None

    def output_at(self, place: str) -> Output:
        """Return its entry in the sidecar at `place`."""
        name = _name(place, self.ending, self.stem)
        return Output(self.kind, name, self.bytes, self.sha256, MEDIA_TYPES[self.kind], self.part)


class OutputFiles:
    """The output files of one outbox; OSErrors pass through."""

    def __init__(self, folder: Path, drafts: Path, ownership: Ownership) -> None:
        self._folder = folder
        self._drafts = drafts
        self._ownership = ownership
        self._journals = folder / WORK_FOLDER / "outputs"

    def draft(self, claim: str, kind: FileKind, ending: str, content: Content) -> OutputDraft:
        """Write an output under a temporary name, durably; a file made by a worker is copied."""
        return fs.until_not_removed(lambda: self._draft_once(claim, kind, ending, content))

    def _draft_once(self, claim: str, kind: FileKind, ending: str, content: Content) -> OutputDraft:
        """Write a draft; FileNotFoundError if another daemon has removed the empty folder."""
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
        return OutputDraft(kind, ending, path, size, digest.hexdigest())

    def drop(self, drafts: Iterable[OutputDraft]) -> None:
        """Remove the drafts that have not become outputs."""
        for draft in drafts:
            with contextlib.suppress(OSError):
                draft.path.unlink(missing_ok=True)

    def is_free(
        self,
        place: str,
        endings: Iterable[str],
        replaced: Answer | None,
        stem: str | None = None,
    ) -> bool:
        """Return whether no file has the name of an output of `place` with this stem.

        Outputs of `replaced`, the answer that the new one replaces, do not count.
        """
        names = {_name(place, ending, stem) for ending in (*ENDINGS.values(), *endings)}
        return not any(
            os.path.lexists(self._at(place, name)) for name in names - set(output_names(replaced))
        )

    def has_outputs(self, place: str) -> bool:
        """Return whether a file has the name of an output of `place`."""
        return not self.is_free(place, [picture_ending(1), table_ending(1)], None)

    @contextlib.contextmanager
    def publishing(
        self, claim: str, place: str, drafts: Sequence[OutputDraft], replaced: Answer | None
    ) -> Iterator[None]:
        """Give the drafts their names, run the block that publishes the sidecar at `place`.

        FileExistsError if a name is taken. If the block fails, the names are rolled back as far as
        the files are still ours; `roll_back` removes the rest later.
        """
        if not drafts:
            yield
            return
        stamps = [Stamp.of(draft.path) for draft in drafts]
        journal = self._write_journal(claim, place, drafts)
        try:
            failpoints.reach("outputs.noted", place)
            for draft in drafts:
                self._rename(draft, place, replaced)
                failpoints.reach("outputs.named", draft.output_at(place).name)
            self._fsync_folders(place, drafts)
            failpoints.reach("outputs.synced", place)
            yield
        except BaseException:
            with contextlib.suppress(OSError):
                answer = reader.read_strictly(self._folder / place)
                if not reader.belongs_to(claim, answer) and self._unname(place, drafts, stamps):
                    self._remove_journal(journal)
            raise

    def commit(self, claim: str) -> None:
        """Remove the journals of a claim whose sidecar is durable: its outputs stay."""
        for journal in self._journals_of(claim):
            place = _read(journal).get("place", "")
            self._remove_journal(journal)
            failpoints.reach("outputs.settled", place)

    def roll_back(self, claim: str) -> None:
        """Remove the outputs of a claim that has no sidecar: a crash came in between."""
        for journal in self._journals_of(claim):
            self._roll_back(journal)

    def roll_back_abandoned(self, older_than: float) -> None:
        """Roll back journals of this age in seconds; outputs that a sidecar lists stay."""
        for journal in self._journals.glob("*.json"):
            with contextlib.suppress(OSError):
                if time.time() - journal.stat().st_mtime >= older_than:
                    self._roll_back(journal)

    def remove_empty_folder(self) -> None:
        """Remove the folder of journals if it is empty."""
        with contextlib.suppress(OSError):
            self._journals.rmdir()

    def remove_replaced(
        self, place: str, replaced: Answer | None, drafts: Iterable[OutputDraft]
    ) -> None:
        """Remove the outputs of a replaced answer that the new one does not have."""
        names = set(output_names(replaced)) - {draft.output_at(place).name for draft in drafts}
        for name in names:
            with contextlib.suppress(OSError):
                self._remove(place, name)

    def altered(self, place: str, answer: Answer) -> list[str]:
        """Return the paths of outputs whose bytes are not those that the answer lists."""
        paths = []
        for output in answer.get("outputs", ()):
            if not reader.is_output_name(output["name"]):
                continue  # whoever wrote that, it is no output of ours
            with contextlib.suppress(FileNotFoundError):  # somebody has collected it
                path = self._at(place, output["name"])
                if fs.sha256_of(path) != output["sha256"]:
                    paths.append(os.fspath(path.relative_to(self._folder)))
        return paths

    def _rename(self, draft: OutputDraft, place: str, replaced: Answer | None) -> None:
        name = draft.output_at(place).name
        target = self._at(place, name)

        def rename() -> None:
            if "/" in name:
                fs.make_folder(target.parent, self._folder, self._ownership)
            if name in output_names(replaced):
                draft.path.replace(target)
            else:
                fs.rename_no_clobber(draft.path, target)

        if "/" in name:  # another daemon may remove the folder while it is empty
            fs.until_not_removed(rename)
        else:
            rename()

    def _fsync_folders(self, place: str, drafts: Iterable[OutputDraft]) -> None:
        for folder in {self._at(place, draft.output_at(place).name).parent for draft in drafts}:
            fs.fsync_folder(folder)

    def _remove(self, place: str, name: str) -> None:
        """Remove an output, and the folders between the sidecar and it that are empty then."""
        self._at(place, name).unlink(missing_ok=True)
        remove_empty_folders(self._folder, place, name)

    def _at(self, place: str, name: str) -> Path:
        return self._folder / reader.output_path(place, name)

    def _unname(self, place: str, drafts: Sequence[OutputDraft], stamps: Sequence[Stamp]) -> bool:
        """Rename outputs that are still our drafts back; return whether all are drafts now.

        A filesystem that changes the inode of a file with its name makes none recognizable.
        """
        for draft, stamp in zip(drafts, stamps, strict=True):
            path = self._at(place, draft.output_at(place).name)
            if _stamp(path) != stamp:
                continue
            if os.path.lexists(draft.path):  # a rename to another link of itself does nothing
                path.unlink()
            else:
                path.rename(draft.path)
            remove_empty_folders(self._folder, place, draft.output_at(place).name)
        return all(os.path.lexists(draft.path) for draft in drafts)

    def _roll_back(self, journal: Path) -> None:
        content = _read(journal)
        place = content.get("place", "")
        names = [
            name
            for name, sha256 in content.get("outputs", {}).items()
            if reader.is_output_name(name)
            and self._is_ours(self._at(place, name), sha256, content.get("times", {}).get(name))
        ]
        listed = output_names(reader.read_strictly(self._folder / place)) if names else []
        for name in names:
            if name not in listed:  # an output that an answer lists belongs to that answer
                self._remove(place, name)
        for folder in {self._at(place, name).parent for name in names}:
            with contextlib.suppress(FileNotFoundError):  # it was empty
                fs.fsync_folder(folder)
        self._remove_journal(journal)

    def _is_ours(self, path: Path, sha256: str, time_ns: int | None) -> bool:
        """Return whether a path has the bytes of the journal, or is an empty reserved name.

        With a time (mtime, nanoseconds) it is ours only if it has that too.
        """
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            if fs.is_regular(path):
                status = path.stat()
                if time_ns is not None and not _is_same_time(status.st_mtime_ns, time_ns):
                    return False
                is_reserved = status.st_size == 0 and time_ns is None
                return is_reserved or fs.sha256_of(path) == sha256
        return False

    def _journals_of(self, claim: str) -> list[Path]:
        return list(self._journals.glob(f"{claim}.*json"))  # `CLAIM.json` is an earlier version's

    def _write_journal(self, claim: str, place: str, drafts: Sequence[OutputDraft]) -> Path:
        outputs = {draft.output_at(place).name: draft.sha256 for draft in drafts}
        journal = self._journals / f"{claim}.{uuid.uuid4().hex}.json"
        noted: dict[str, Any] = {"place": place, "outputs": outputs}
        if any(draft.stem is not None for draft in drafts):
            noted["times"] = {
                draft.output_at(place).name: draft.path.stat().st_mtime_ns for draft in drafts
            }
        content = json.dumps(noted).encode()
        fs.write_in_folder(journal, content, self._folder)
        fs.fsync_folder(self._journals)
        return journal

    def _remove_journal(self, journal: Path) -> None:
        journal.unlink(missing_ok=True)
        fs.fsync_folder(self._journals)


def _read(journal: Path) -> dict[str, Any]:
    """Return a journal, {} if it is gone, or torn by a crash: then no output had a name yet."""
    try:
        with fs.open_regular(journal) as file:
            return dict(json.load(file))
    except (ValueError, FileNotFoundError):
        return {}


def _stamp(path: Path) -> Stamp | None:
    """Return the stamp of a file; it is opened so that a network share asks its server."""
    with contextlib.suppress(OSError), fs.open_regular(path) as file:
        return Stamp.from_status(os.fstat(file.fileno()))
    return None


def _is_same_time(found_ns: int, noted_ns: int) -> bool:
    """Tell whether two times are one; a filesystem may round them to seconds."""
    if found_ns % 1_000_000_000 == 0:
        return found_ns // 1_000_000_000 == noted_ns // 1_000_000_000
    return found_ns == noted_ns


def kept_stems(place: str, answer: Answer) -> dict[int | None, str]:
    """Return the stems that the outputs of an answer have, by the part (None for the whole).

    Those that have the stem of the answer itself are left out.
    """
    names = set(output_names(answer))
    stems: dict[int | None, str] = {}
    for output in answer.get("outputs", ()):
        name, kind, part = output["name"], output["kind"], output.get("part")
        ending = ENDINGS.get(kind, "")
        if kind in ("picture", "csv") and (found := _NUMBERED_ENDING.search(name)):
            ending = found[0]
        ending = ending and part_ending(part) + ending
        if (
            name in names
            and ending
            and name.endswith(ending)
            and name != _name(place, ending, None)
        ):
            stems.setdefault(part, name.removesuffix(ending))
    return stems


def usual_stem(place: str) -> str:
    """Return the name of the outputs of a sidecar without their endings and without a template."""
    return Path(place).name.removesuffix(".json")


def remove_empty_folders(outbox: Path, place: str, name: str) -> None:
    """Remove the empty folders between a sidecar and its output `name`."""
    folder = (outbox / place).parent
    with contextlib.suppress(OSError):  # the first one that is not empty ends it
        for parent in (outbox / reader.output_path(place, name)).parents:
            if parent == folder:
                return
            parent.rmdir()


def _name(place: str, ending: str, stem: str | None) -> str:
    *folders, base = (usual_stem(place) if stem is None else stem).split("/")
    return "/".join([*folders, fs.shorten(base, ending)])


def _blocks(content: Content) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    if callable(content):
        yield from content()
        return
    with fs.open_regular(content) as file:
        while block := file.read(_BLOCK):
            yield block
