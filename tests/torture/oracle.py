"""Counts the results of dropped files, from the folders and the JSON Schema alone.

It imports nothing of the daemon: a fault of the daemon's readers cannot hide here.

Files are identified by content: each has bytes of its own, or counts as often as it was dropped. An
answer has the sha256 of the bytes; the bytes themselves must exist in one place.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from tests.support.repository import REPOSITORY

if TYPE_CHECKING:
    from tests.support.running_daemon import Workspace

_SCHEMA = REPOSITORY / "daemon" / "outbox" / "sidecar.schema.json"
VALIDATOR = jsonschema_rs.validator_for(json.loads(_SCHEMA.read_text()))
OURS = ".ocr-daemon"  # folder of the daemon in inbox and outbox


@dataclass(frozen=True, slots=True)
class Landed:
    """A dropped file: its answer must contain `text`, or be a failure if `text` is None.

    `outputs` is the number of outputs that its answer must list, unless it is a duplicate.
    """

    name: str
    content: bytes
    text: str | None
    outputs: int = 0

    @property
    def sha256(self) -> str:
        """The digest of its bytes."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True, slots=True)
class LandedEarlier:
    """A file that an earlier run has dropped, without its bytes."""

    name: str
    sha256: str
    text: str | None
    outputs: int = 0


AnyLanded = Landed | LandedEarlier


@dataclass(slots=True)
class Count:
    """The counts, which must satisfy landed = answered, and lists of what is wrong."""

    landed: int = 0
    answered: int = 0
    duplicated: list[str] = field(default_factory=list)
    torn: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    @property
    def complaints(self) -> list[str]:
        """Everything that is wrong, one line each."""
        kinds = ("duplicated", "torn", "lost", "wrong", "left")
        return [f"{kind}: {name}" for kind in kinds for name in getattr(self, kind)]

    @property
    def holds(self) -> bool:
        """Whether each file has exactly one right answer and one copy, and nothing is left over."""
        return self.answered == self.landed and not self.complaints

    def __str__(self) -> str:
        """The figures in one line, and a line for each complaint."""
        kinds = ("duplicated", "torn", "lost", "wrong", "left")
        figures = [f"{kind} {len(getattr(self, kind))}" for kind in kinds]
        first = f"landed {self.landed} answered {self.answered} {' '.join(figures)}"
        return "\n  ".join([first, *self.complaints[:40]])


def count(
    workspace: Workspace,
    landed: Iterable[AnyLanded],
    removed: Iterable[AnyLanded] = (),
    *,
    in_place: bool = False,
    validators: Sequence[jsonschema_rs.Validator] = (VALIDATOR,),
) -> Count:
    """Count the results in the folders; final only when the daemon has finished.

    With `in_place` the originals stay in the inbox (claim: ledger). `removed` are those that the
    test has removed or overwritten after their answer. An answer must be valid for a validator.
    """
    files, gone = list(landed), list(removed)
    wanted = Counter(file.sha256 for file in files)
    by_sha = {file.sha256: file for file in files}
    found = Count(landed=len(files))
    _count_answers(workspace, wanted, by_sha, found, validators)
    _count_bytes(workspace, wanted - Counter(file.sha256 for file in gone), by_sha, found)
    if in_place:
        found.left += _moved(workspace) + stale_reasons(workspace, {file.name for file in gone})
    found.left += leftovers(workspace, in_place=in_place)
    return found


def is_probe(name: str) -> bool:
    """Tell whether a start tries a folder with this file; a kill leaves it for a minute."""
    return name.startswith(".probe-")


def torn(path: Path, validators: Sequence[jsonschema_rs.Validator] = (VALIDATOR,)) -> str | None:
    """Return the error in a visible sidecar, None if it is valid or has vanished."""
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        return f"{path}: {error}"
    is_valid = any(validator.is_valid(content) for validator in validators)
    return None if is_valid else f"{path}: does not match the schema"


def is_part(path: Path) -> bool:
    """Tell whether a visible file is the sidecar of a part of a batch."""
    if path.suffix != ".json":
        return False
    try:
        return "part_of" in json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return False


def _moved(workspace: Workspace) -> list[str]:
    """Return the originals that were moved, although they are read where they lie."""
    found = (*_files(workspace.archive), *_files(workspace.failed))
    return [f"{path}: moved" for path in found if not path.name.endswith(".error.json")]


def stale_reasons(workspace: Workspace, removed: set[str]) -> list[str]:
    """Return the reason files that are not about the bytes that lie in the inbox."""
    found = []
    for reason in workspace.failed.rglob("*.error.json"):
        name = str(reason.relative_to(workspace.failed)).removesuffix(".error.json")
        original = workspace.inbox / name
        if not original.exists():
            found += [] if name in removed else [f"{reason}: about no file"]
        elif hashlib.sha256(original.read_bytes()).hexdigest() != _sha_in(reason):
            found.append(f"{reason}: about other bytes")
    return found


def _sha_in(reason: Path) -> str:
    return str(json.loads(reason.read_bytes())["sha256"])


def leftovers(workspace: Workspace, *, in_place: bool = False) -> list[str]:
    """Return files left over after all work: no inputs, answers, originals or error files."""
    work = [path for path in (workspace.inbox / OURS).rglob("*") if path.is_file()]
    stray = [path for path in work if path.name != "lock"]
    stray += [path for path in (workspace.outbox / OURS).rglob("*") if path.is_file()]
    stray += [path for path in (workspace.state / "making").rglob("*") if path.is_file()]
    for folder in (workspace.archive, workspace.failed, workspace.outbox):
        stray += [path for path in folder.rglob("*.tmp") if path.is_file()]
    for reason in () if in_place else workspace.failed.rglob("*.error.json"):
        if not reason.with_name(reason.name.removesuffix(".error.json")).exists():
            stray.append(reason)
    return [str(path) for path in stray if not is_probe(path.name)]


def _count_answers(
    workspace: Workspace,
    wanted: Counter[str],
    by_sha: dict[str, AnyLanded],
    found: Count,
    validators: Sequence[jsonschema_rs.Validator],
) -> None:
    answers: Counter[str] = Counter()
    parts = {path for path in _files(workspace.outbox) if is_part(path)}
    outputs = parts | {path for path in _files(workspace.outbox) if path.suffix != ".json"}
    for path in _files(workspace.outbox):
        if path.suffix != ".json":
            continue
        if (error := torn(path, validators)) is not None:
            found.torn.append(error)
            continue
        answer = json.loads(path.read_bytes())
        if path in parts:
            continue  # listed in an answer, as an output is
        answers[answer["source"]["sha256"]] += 1
        if error := _answer_error(answer, by_sha):
            found.wrong.append(f"{path.relative_to(workspace.root)}: {error}")
        for output in answer.get("outputs", ()):
            if error := _output_error(path.parent / output["name"], output["sha256"]):
                found.wrong.append(error)
            outputs.discard(path.parent / output["name"])
    found.left += [f"{path}: listed in no answer" for path in sorted(outputs)]
    found.answered = sum((answers & wanted).values())
    found.duplicated += [f"{by_sha[sha].name}: answered more than once" for sha in answers - wanted]
    found.lost += [f"{by_sha[sha].name}: not answered" for sha in wanted - answers]


def _answer_error(answer: dict[str, Any], by_sha: dict[str, AnyLanded]) -> str | None:
    file = by_sha.get(answer["source"]["sha256"])
    if file is None:
        return "an answer to bytes that were never dropped"
    if file.text is None:
        return None if answer["status"] == "failed" else f"{answer['status']}, not failed"
    if answer["status"] == "duplicate":
        return None
    if len(answer.get("outputs", ())) != file.outputs:
        return f"{len(answer.get('outputs', ()))} outputs, not {file.outputs}"
    is_correct = answer["status"] == "done" and file.text in answer["text"]
    return None if is_correct else f"{answer['status']}: {answer['text'][:80]!r}, not {file.text!r}"


def _output_error(path: Path, sha256: str) -> str | None:
    if not path.is_file():
        return f"{path}: listed, but missing"
    is_same = hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    return None if is_same else f"{path}: not the listed bytes"


def _count_bytes(
    workspace: Workspace, wanted: Counter[str], by_sha: dict[str, AnyLanded], found: Count
) -> None:
    stored: Counter[str] = Counter()
    for path in (*_files(workspace.archive), *_files(workspace.failed), *_files(workspace.inbox)):
        if path.name != "lock" and not path.name.endswith(".error.json"):
            stored[hashlib.sha256(path.read_bytes()).hexdigest()] += 1
    found.lost += [f"{by_sha[sha].name}: its bytes are nowhere" for sha in wanted - stored]
    for sha in stored - wanted:
        name = by_sha[sha].name if sha in by_sha else f"unknown bytes {sha[:8]}"
        found.left.append(f"{name}: its bytes lie there more than once")


def _files(folder: Path) -> list[Path]:
    paths = folder.rglob("*") if folder.exists() else ()
    files = [path for path in paths if path.is_file() and not is_probe(path.name)]
    return [path for path in files if not (OURS in path.parts and folder.name == "outbox")]
