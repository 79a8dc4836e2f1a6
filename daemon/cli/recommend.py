"""Recommends the `watch` section of the config from observations of how a scanner writes.

A pause is the time between two changes of one file. The daemon waits for a file without its end
anyway (`incomplete_seconds`), but takes a file that looks complete after `quiet_seconds`, although
more pages may come. So the longest pause of a file that looked complete decides.
"""

from __future__ import annotations

import fnmatch
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Literal

from daemon.config.sections import Watch

DEFAULT = Watch()
MIN_QUIET_SECONDS = 1.0
ENOUGH_FILES = 5  # with fewer, longer pauses may still come
NEAR_SECONDS = 1.5  # between a change and its event
MARGIN = 1.5  # factor on the longest pause: the next one may be longer
_DOCUMENTS = {
    ".pdf", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".gif", ".jp2", ".heic",
    ".pnm", ".pbm", ".pgm", ".ppm",
}  # fmt: skip

Kind = Literal["changed", "touched", "still", "renamed", "gone", "taken", "event"]


@dataclass(frozen=True, slots=True)
class Moment:
    """One observation of a file at `at` (seconds since the beginning).

    A `touched` file has a new time and its old size. `detail` is what a still file lacks ("" for
    nothing), the new name of a renamed one, or the type of an event.
    """

    at: float
    kind: Kind
    name: str
    bytes: int = 0
    detail: str = ""


@dataclass(slots=True)
class WrittenFile:
    """The history of one file, through all its names."""

    names: list[str]
    changes: list[tuple[float, str]] = field(default_factory=list)
    stills: list[tuple[float, bool]] = field(default_factory=list)
    touches: list[tuple[float, str]] = field(default_factory=list)
    events: list[tuple[float, str]] = field(default_factory=list)
    fate: Literal["there", "gone", "taken"] = "there"

    @property
    def closes(self) -> int:
        """How often its writer closed it, as far as events tell."""
        return sum(what == "closed" for _, what in self.events)

    def forget_touches(self) -> None:
        """Drop changes of the time that come without a close: nothing was written."""
        closed = [at for at, what in self.events if what == "closed"]
        for at, name in self.touches if self.events else ():
            if not any(abs(at - each) < NEAR_SECONDS for each in closed):
                self.changes.remove((at, name))

    def pauses(self, ignored: Sequence[str]) -> list[tuple[float, bool]]:
        """Return each pause in seconds, and whether the file looked complete meanwhile.

        Changes under an ignored name do not count.
        """
        found = []
        for (begin, name), (end, _) in pairwise(self.changes):
            looks = [is_complete for at, is_complete in self.stills if begin <= at < end]
            if looks and not _matches(name, ignored):
                found.append((end - begin, looks[-1]))
        return found

    @property
    def came_by_rename(self) -> bool:
        """Whether it got its last name when it was complete, and was not changed after that."""
        return len(self.names) > 1 and not any(n == self.names[-1] for _, n in self.changes)


@dataclass(frozen=True, slots=True)
class Recommendation:
    """Values for the config, and the reasons, a sentence each."""

    quiet_seconds: float
    incomplete_seconds: float
    rescan_seconds: float
    mode: Literal["auto", "scan"]
    ignore: tuple[str, ...]
    reasons: tuple[str, ...]


def files_of(moments: Iterable[Moment]) -> list[WrittenFile]:
    """Return the files that were written, in the order in which they appeared."""
    found: list[WrittenFile] = []
    living: dict[str, WrittenFile] = {}
    known: dict[str, WrittenFile] = {}  # under every name that they had: events come late
    early: dict[str, list[Moment]] = defaultdict(list)  # and sometimes before the listing
    for moment in moments:
        name = moment.name
        if moment.kind == "event":
            if name in known:
                known[name].events.append((moment.at, moment.detail))
            else:
                early[name].append(moment)
            continue
        if name not in living and moment.kind == "changed":
            events = [(event.at, event.detail) for event in early.pop(name, [])]
            living[name] = known[name] = WrittenFile([name], events=events)
            found.append(living[name])
        if file := (known if moment.kind == "taken" else living).get(name):
            _follow(moment, file, living, known)
    for file in found:
        file.forget_touches()
    return found


def _follow(
    moment: Moment, file: WrittenFile, living: dict[str, WrittenFile], known: dict[str, WrittenFile]
) -> None:
    """Add an observation to the history of a file."""
    match moment.kind:
        case "changed" | "touched":
            file.changes.append((moment.at, moment.name))
            if moment.kind == "touched":
                file.touches.append((moment.at, moment.name))
        case "still":
            file.stills.append((moment.at, not moment.detail))
        case "renamed":
            file.names.append(moment.detail)
            living[moment.detail] = known[moment.detail] = living.pop(moment.name)
        case "gone":
            file.fate = "gone"
            del living[moment.name]
        case "taken":
            file.fate = "taken"
            living.pop(moment.name, None)


def recommend(
    moments: Sequence[Moment], ignored: Sequence[str], filesystem: str, *, is_silent: bool
) -> Recommendation | None:
    """Return what follows from these observations; None where nothing was written.

    `ignored` are the patterns in force; `is_silent` says that this filesystem is known to send no
    events for changes by other machines.
    """
    files = files_of(moments)
    if not files:
        return None
    more, ignore_reasons = _ignore(files, ignored)
    every = [*ignored, *more]
    documents = [f for f in files if f.fate != "gone" and not _matches(f.names[-1], every)]
    mode, mode_reasons = _mode(files, filesystem, is_silent=is_silent)
    quiet, quiet_reasons = _quiet(documents, every)
    incomplete, incomplete_reasons = _incomplete(documents, every, quiet)
    taken = sum(file.fate == "taken" for file in files)
    taken_reasons = [
        f"A daemon claimed {_files(taken)} meanwhile: stop it and observe again, since pauses "
        "after a claim are not seen."
    ] if taken else []  # fmt: skip
    return Recommendation(
        quiet, incomplete, max(DEFAULT.rescan_seconds, quiet), mode, tuple(more),
        (*mode_reasons, *quiet_reasons, *incomplete_reasons, *ignore_reasons, *taken_reasons),
    )  # fmt: skip


def snippet(recommendation: Recommendation, ignored: Sequence[str]) -> str:
    """Return the section for config.yaml."""
    lines = [
        "watch:",
        f"  mode: {recommendation.mode}",
        f"  quiet_seconds: {recommendation.quiet_seconds:g}",
        f"  incomplete_seconds: {recommendation.incomplete_seconds:g}",
        f"  rescan_seconds: {recommendation.rescan_seconds:g}",
    ]
    if recommendation.ignore:  # a list replaces the one before it
        lines += [
            "  ignore:",
            *(f'    - "{pattern}"' for pattern in (*ignored, *recommendation.ignore)),
        ]
    return "\n".join(lines)


def _quiet(files: Sequence[WrittenFile], ignored: Sequence[str]) -> tuple[float, list[str]]:
    pauses = [
        seconds for file in files for seconds, is_complete in file.pauses(ignored) if is_complete
    ]
    reopened = max((file.closes for file in files), default=0)
    if files and all(file.came_by_rename for file in files) and not pauses:
        return MIN_QUIET_SECONDS, [
            f"quiet_seconds: {MIN_QUIET_SECONDS:g}, because all {_files(len(files))} got their "
            "names when they were complete, and did not change after that."
        ]
    longest = max(pauses, default=0.0)
    wanted = math.ceil(2 * max(longest * MARGIN, 2 * MIN_QUIET_SECONDS)) / 2
    seen = (
        f"the longest pause of a file that looked complete was {longest:.1f} s"
        if pauses
        else "no file paused while it looked complete"
    )
    if reopened > 1:
        seen += f" (one was closed {reopened} times)"
    usual = DEFAULT.quiet_seconds
    if len(files) < ENOUGH_FILES and wanted < usual:
        return usual, [
            f"quiet_seconds: {usual:g}, the default: {seen}, but only {_files(len(files))} "
            f"appeared; observe at least {ENOUGH_FILES} to go below the default."
        ]
    margin = ", with a margin of half of it" if pauses else ""
    return wanted, [f"quiet_seconds: {wanted:g}, because {seen}{margin}."]


def _incomplete(
    files: Sequence[WrittenFile], ignored: Sequence[str], quiet: float
) -> tuple[float, list[str]]:
    pauses = [
        seconds
        for file in files
        for seconds, is_complete in file.pauses(ignored)
        if not is_complete
    ]
    longest = max(pauses, default=0.0)
    wanted = max(DEFAULT.incomplete_seconds, math.ceil(2 * longest), quiet)
    if not pauses:
        return wanted, []
    return wanted, [
        f"incomplete_seconds: {wanted:g}, because files lacked their end for up to {longest:.1f} s "
        "while they were written; such pauses need no longer quiet_seconds."
    ]


def _mode(
    files: Sequence[WrittenFile], filesystem: str, *, is_silent: bool
) -> tuple[Literal["auto", "scan"], list[str]]:
    announced = sum(bool(file.events) for file in files)
    if is_silent:
        return "auto", [
            f"mode: auto, which scans here: {filesystem} sends no events for changes by other "
            f"machines (events came for {announced} of {_files(len(files))})."
        ]
    if announced == len(files):
        return "auto", [
            f"mode: auto, because events came for all {_files(announced)} ({filesystem})."
        ]
    return "scan", [
        f"mode: scan, because events came only for {announced} of {_files(len(files))}, although "
        f"{filesystem or 'this filesystem'} should send them."
    ]


def _ignore(files: Sequence[WrittenFile], ignored: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return patterns for names that no complete document has, and the reasons."""
    finals = [file.names[-1] for file in files if file.fate != "gone"]
    patterns: dict[str, str] = {}
    reasons = []
    drafts = [(name, file.names[-1]) for file in files for name in file.names[:-1]]
    drafts += [(file.names[-1], "") for file in files if file.fate == "gone"]
    for draft, final in drafts:
        if _matches(draft, [*ignored, *patterns]):
            continue
        pattern = _pattern(Path(draft).name, Path(final).name)
        if pattern and not any(_matches(name, [pattern]) for name in finals):
            patterns[pattern] = draft
        elif final:
            reasons.append(
                f"{draft} became {final}, and no pattern tells them apart: its pauses count."
            )
    if any(_matches(draft, ignored) for draft, _ in drafts):
        reasons.append("Drafts were written under names that are ignored already.")
    reasons += [
        f'ignore: "{pattern}", too, because {draft} never was the name of a complete document.'
        for pattern, draft in patterns.items()
    ]
    return list(patterns), list(dict.fromkeys(reasons))


def _pattern(draft: str, final: str) -> str | None:
    """Return a pattern for a draft's name, by its ending or by its prefix before the final name."""
    suffix = Path(draft).suffix
    if suffix and suffix.lower() not in _DOCUMENTS and suffix != Path(final).suffix:
        return f"*{suffix}"
    if final and draft.endswith(final) and draft != final:
        return f"{draft.removesuffix(final)}*"
    return None


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(part, p) for part in Path(name).parts for p in patterns)


def _files(count: int) -> str:
    return f"{count} file{'s' * (count != 1)}"
