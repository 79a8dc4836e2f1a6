"""What became of the files that landed, counted from the folders and the JSON Schema alone.

Identity is the content: each landed file has bytes of its own, or is counted as often as it landed.
An answer names those bytes by their sha256; the bytes themselves must lie somewhere, once.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema_rs

import daemon
from tests.support.running_daemon import Workspace

_SCHEMA = Path(daemon.__file__).parent / "outbox" / "sidecar.schema.json"
VALIDATOR = jsonschema_rs.validator_for(json.loads(_SCHEMA.read_text()))
OURS = ".ocr-daemon"  # our folder in inbox and outbox


@dataclass(frozen=True, slots=True)
class Landed:
    """A file that was dropped: `text` is what its answer must contain, None where it must fail.

    `outputs` is how many its answer must list, where it is no duplicate.
    """

    name: str
    content: bytes
    text: str | None
    outputs: int = 0

    @property
    def sha256(self) -> str:
        """The digest of its bytes."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(slots=True)
class Count:
    """landed = answered, and nothing else; the lists say what is wrong, and with which file."""

    landed: int = 0
    answered: int = 0
    duplicated: list[str] = field(default_factory=list)
    torn: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    @property
    def complaints(self) -> list[str]:
        """Return everything that is wrong, a sentence each."""
        kinds = ("duplicated", "torn", "lost", "wrong", "left")
        return [f"{kind}: {name}" for kind in kinds for name in getattr(self, kind)]

    @property
    def holds(self) -> bool:
        """Whether each file has exactly one right answer, its bytes lie once, nothing is left."""
        return self.answered == self.landed and not self.complaints

    def __str__(self) -> str:
        """The line of figures, and a line for each thing that is wrong."""
        kinds = ("duplicated", "torn", "lost", "wrong", "left")
        figures = [f"{kind} {len(getattr(self, kind))}" for kind in kinds]
        first = f"landed {self.landed} answered {self.answered} {' '.join(figures)}"
        return "\n  ".join([first, *self.complaints[:40]])


def count(workspace: Workspace, landed: Iterable[Landed]) -> Count:
    """Count the workspace; it must stand still for the answer to be final."""
    files = list(landed)
    wanted = Counter(file.sha256 for file in files)
    by_sha = {file.sha256: file for file in files}
    found = Count(landed=len(files))
    _count_answers(workspace, wanted, by_sha, found)
    _count_bytes(workspace, wanted, by_sha, found)
    found.left += leftovers(workspace)
    return found


def torn(path: Path) -> str | None:
    """Return what is wrong with a sidecar that can be seen, None for a whole one or a vanished."""
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        return f"{path}: {error}"
    return None if VALIDATOR.is_valid(content) else f"{path}: not after the schema"


def leftovers(workspace: Workspace) -> list[str]:
    """Return the files besides inbox files, answers, originals and reasons at the end."""
    work = [path for path in (workspace.inbox / OURS).rglob("*") if path.is_file()]
    stray = [path for path in work if path.name != "lock"]
    stray += [path for path in (workspace.outbox / OURS).rglob("*") if path.is_file()]
    stray += [path for path in (workspace.state / "making").rglob("*") if path.is_file()]
    for folder in (workspace.archive, workspace.failed, workspace.outbox):
        stray += [path for path in folder.rglob("*.tmp") if path.is_file()]
    for reason in workspace.failed.rglob("*.error.json"):
        if not reason.with_name(reason.name.removesuffix(".error.json")).exists():
            stray.append(reason)
    return [str(path) for path in stray]


def _count_answers(
    workspace: Workspace, wanted: Counter[str], by_sha: dict[str, Landed], found: Count
) -> None:
    answers: Counter[str] = Counter()
    outputs = {path for path in _files(workspace.outbox) if path.suffix != ".json"}
    for path in _files(workspace.outbox):
        if path.suffix != ".json":
            continue
        if (why := torn(path)) is not None:
            found.torn.append(why)
            continue
        answer = json.loads(path.read_bytes())
        answers[answer["source"]["sha256"]] += 1
        if why := _is_wrong(answer, by_sha):
            found.wrong.append(f"{path.relative_to(workspace.root)}: {why}")
        for output in answer.get("outputs", ()):
            if why := _is_wrong_output(path.with_name(output["name"]), output["sha256"]):
                found.wrong.append(why)
            outputs.discard(path.with_name(output["name"]))
    found.left += [f"{path}: no answer lists it" for path in sorted(outputs)]
    found.answered = sum((answers & wanted).values())
    found.duplicated += [f"{by_sha[sha].name}: answered again" for sha in answers - wanted]
    found.lost += [f"{by_sha[sha].name}: not answered" for sha in wanted - answers]


def _is_wrong(answer: dict[str, Any], by_sha: dict[str, Landed]) -> str | None:
    file = by_sha.get(answer["source"]["sha256"])
    if file is None:
        return "an answer to bytes that never landed"
    if file.text is None:
        return None if answer["status"] == "failed" else f"{answer['status']}, not failed"
    if answer["status"] == "duplicate":
        return None
    if len(answer.get("outputs", ())) != file.outputs:
        return f"{len(answer.get('outputs', ()))} outputs, not {file.outputs}"
    is_right = answer["status"] == "done" and file.text in answer["text"]
    return None if is_right else f"{answer['status']}: {answer['text'][:80]!r}, not {file.text!r}"


def _is_wrong_output(path: Path, sha256: str) -> str | None:
    if not path.is_file():
        return f"{path}: listed, and not there"
    is_same = hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    return None if is_same else f"{path}: other bytes than are listed"


def _count_bytes(
    workspace: Workspace, wanted: Counter[str], by_sha: dict[str, Landed], found: Count
) -> None:
    kept: Counter[str] = Counter()
    for path in (*_files(workspace.archive), *_files(workspace.failed), *_files(workspace.inbox)):
        if path.name != "lock" and not path.name.endswith(".error.json"):
            kept[hashlib.sha256(path.read_bytes()).hexdigest()] += 1
    found.lost += [f"{by_sha[sha].name}: its bytes are nowhere" for sha in wanted - kept]
    for sha in kept - wanted:
        name = by_sha[sha].name if sha in by_sha else f"unknown bytes {sha[:8]}"
        found.left.append(f"{name}: its bytes lie there more than once")


def _files(folder: Path) -> list[Path]:
    mine = folder.rglob("*") if folder.exists() else ()
    return [p for p in mine if p.is_file() and not (OURS in p.parts and folder.name == "outbox")]
