"""How a scanner writes, and what that asks of the config: from moments to sentences, nothing else.

A pause is a time between two changes of one file. While it lasted the file looked whole or not: a
file that lacks its end is waited for anyway (`incomplete_seconds`), one that looks whole is taken
after `quiet_seconds`, though more pages may come. So the longest pause that looked whole decides.
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
LEAST_QUIET = 1.0
ENOUGH_FILES = 5  # with fewer, what they did not show may still come
NEAR_SECONDS = 1.5  # between a change and its event
MARGIN = 1.5  # times the longest pause: the next one may be longer
_DOCUMENTS = {
    ".pdf", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".gif", ".jp2", ".heic",
    ".pnm", ".pbm", ".pgm", ".ppm",
}  # fmt: skip

What = Literal["changed", "touched", "still", "renamed", "gone", "taken", "event"]


@dataclass(frozen=True, slots=True)
class Moment:
    """What was seen of a file at `at` (seconds since the beginning).

    A file that was `touched` has a new time, and its size of before. `detail` is what a still file
    lacks ("" for nothing), the new name of a renamed one, or what an event said.
    """

    at: float
    what: What
    name: str
    bytes: int = 0
    detail: str = ""


@dataclass(slots=True)
class Written:
    """One file as it was written, through all its names."""

    names: list[str]
    changes: list[tuple[float, str]] = field(default_factory=list)
    stills: list[tuple[float, bool]] = field(default_factory=list)
    touches: list[tuple[float, str]] = field(default_factory=list)
    events: list[tuple[float, str]] = field(default_factory=list)
    fate: Literal["there", "gone", "taken"] = "there"

    @property
    def closes(self) -> int:
        """How often it was closed by who wrote to it, as far as events tell."""
        return sum(what == "closed" for _, what in self.events)

    def forget_touches(self) -> None:
        """Drop changes of the time alone that no writer's close goes with: nothing was written."""
        closed = [at for at, what in self.events if what == "closed"]
        for at, name in self.touches if self.events else ():
            if not any(abs(at - each) < NEAR_SECONDS for each in closed):
                self.changes.remove((at, name))

    def pauses(self, ignored: Sequence[str]) -> list[tuple[float, bool]]:
        """Return each pause in seconds, and whether the file looked whole meanwhile.

        What it does under an ignored name is nobody's concern.
        """
        found = []
        for (begin, name), (end, _) in pairwise(self.changes):
            looks = [whole for at, whole in self.stills if begin <= at < end]
            if looks and not _matches(name, ignored):
                found.append((end - begin, looks[-1]))
        return found

    @property
    def came_by_rename(self) -> bool:
        """Whether its last name was given to it when it was whole, and nothing came after that."""
        return len(self.names) > 1 and not any(n == self.names[-1] for _, n in self.changes)


@dataclass(frozen=True, slots=True)
class Advice:
    """What to write into the config, and why, a sentence each."""

    quiet_seconds: float
    incomplete_seconds: float
    rescan_seconds: float
    mode: Literal["auto", "scan"]
    ignore: tuple[str, ...]
    reasons: tuple[str, ...]


def files_of(moments: Iterable[Moment]) -> list[Written]:
    """Return the files that were written, in the order in which they appeared."""
    found: list[Written] = []
    living: dict[str, Written] = {}
    known: dict[str, Written] = {}  # under every name that they had: events come late
    early: dict[str, list[Moment]] = defaultdict(list)  # and sometimes before the listing
    for moment in moments:
        name = moment.name
        if moment.what == "event":
            if name in known:
                known[name].events.append((moment.at, moment.detail))
            else:
                early[name].append(moment)
            continue
        if name not in living and moment.what == "changed":
            events = [(event.at, event.detail) for event in early.pop(name, [])]
            living[name] = known[name] = Written([name], events=events)
            found.append(living[name])
        if file := (known if moment.what == "taken" else living).get(name):
            _follow(moment, file, living, known)
    for file in found:
        file.forget_touches()
    return found


def _follow(
    moment: Moment, file: Written, living: dict[str, Written], known: dict[str, Written]
) -> None:
    """Take in what has become of a file."""
    match moment.what:
        case "changed" | "touched":
            file.changes.append((moment.at, moment.name))
            if moment.what == "touched":
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


def advise(
    moments: Sequence[Moment], ignored: Sequence[str], filesystem: str, *, is_silent: bool
) -> Advice | None:
    """Return what these moments ask for; None where nothing was written.

    `ignored` are the patterns in force; `is_silent` says that this filesystem is known to send no
    events for what other machines write.
    """
    files = files_of(moments)
    if not files:
        return None
    more, why_ignore = _ignore(files, ignored)
    every = [*ignored, *more]
    documents = [f for f in files if f.fate != "gone" and not _matches(f.names[-1], every)]
    mode, why_mode = _mode(files, filesystem, is_silent=is_silent)
    quiet, why_quiet = _quiet(documents, every)
    incomplete, why_incomplete = _incomplete(documents, every, quiet)
    taken = sum(file.fate == "taken" for file in files)
    why_taken = [
        f"A daemon took {_files(taken)} away meanwhile: stop it and observe again, or pauses that "
        "came after are not seen."
    ] if taken else []  # fmt: skip
    return Advice(
        quiet, incomplete, max(DEFAULT.rescan_seconds, quiet), mode, tuple(more),
        (*why_mode, *why_quiet, *why_incomplete, *why_ignore, *why_taken),
    )  # fmt: skip


def snippet(advice: Advice, ignored: Sequence[str]) -> str:
    """Return the section for config.yaml."""
    lines = [
        "watch:",
        f"  mode: {advice.mode}",
        f"  quiet_seconds: {advice.quiet_seconds:g}",
        f"  incomplete_seconds: {advice.incomplete_seconds:g}",
        f"  rescan_seconds: {advice.rescan_seconds:g}",
    ]
    if advice.ignore:  # a list replaces the one before it
        lines += ["  ignore:", *(f'    - "{pattern}"' for pattern in (*ignored, *advice.ignore))]
    return "\n".join(lines)


def _quiet(files: Sequence[Written], ignored: Sequence[str]) -> tuple[float, list[str]]:
    pauses = [seconds for file in files for seconds, whole in file.pauses(ignored) if whole]
    reopened = max((file.closes for file in files), default=0)
    if files and all(file.came_by_rename for file in files) and not pauses:
        return LEAST_QUIET, [
            f"quiet_seconds: {LEAST_QUIET:g}, for all {_files(len(files))} got their names when "
            "they were whole, and nothing was written after that."
        ]
    longest = max(pauses, default=0.0)
    wanted = math.ceil(2 * max(longest * MARGIN, 2 * LEAST_QUIET)) / 2
    seen = (
        f"the longest pause of a file that looked whole was {longest:.1f} s"
        if pauses
        else "no file paused while it looked whole"
    )
    if reopened > 1:
        seen += f" (one was closed {reopened} times)"
    usual = DEFAULT.quiet_seconds
    if len(files) < ENOUGH_FILES and wanted < usual:
        return usual, [
            f"quiet_seconds: {usual:g}, the default: {seen}, but only {_files(len(files))} "
            f"came; observe at least {ENOUGH_FILES} to go below it."
        ]
    margin = " and half as much again" if pauses else ""
    return wanted, [f"quiet_seconds: {wanted:g}, for {seen}{margin}."]


def _incomplete(
    files: Sequence[Written], ignored: Sequence[str], quiet: float
) -> tuple[float, list[str]]:
    pauses = [seconds for file in files for seconds, whole in file.pauses(ignored) if not whole]
    longest = max(pauses, default=0.0)
    wanted = max(DEFAULT.incomplete_seconds, math.ceil(2 * longest), quiet)
    if not pauses:
        return wanted, []
    return wanted, [
        f"incomplete_seconds: {wanted:g}, for files lacked their end for up to {longest:.1f} s "
        "while they were written; such a pause costs no quiet time, the missing end is enough."
    ]


def _mode(
    files: Sequence[Written], filesystem: str, *, is_silent: bool
) -> tuple[Literal["auto", "scan"], list[str]]:
    told = sum(bool(file.events) for file in files)
    if is_silent:
        return "auto", [
            f"mode: auto, which scans here: {filesystem} sends no events for what other machines "
            f"write (events came for {told} of {_files(len(files))})."
        ]
    if told == len(files):
        return "auto", [f"mode: auto, for events came for all {_files(told)} ({filesystem})."]
    return "scan", [
        f"mode: scan, for events came for {told} of {_files(len(files))} only, though "
        f"{filesystem or 'this filesystem'} should send them."
    ]


def _ignore(files: Sequence[Written], ignored: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return patterns for names that no document has in the end, and why."""
    finals = [file.names[-1] for file in files if file.fate != "gone"]
    patterns: dict[str, str] = {}
    why = []
    drafts = [(name, file.names[-1]) for file in files for name in file.names[:-1]]
    drafts += [(file.names[-1], "") for file in files if file.fate == "gone"]
    for draft, final in drafts:
        if _matches(draft, [*ignored, *patterns]):
            continue
        pattern = _pattern(Path(draft).name, Path(final).name)
        if pattern and not any(_matches(name, [pattern]) for name in finals):
            patterns[pattern] = draft
        elif final:
            why.append(
                f"{draft} became {final}, and no pattern tells the two apart: its pauses count."
            )
    if any(_matches(draft, ignored) for draft, _ in drafts):
        why.append("Drafts were written under names that are ignored already.")
    why += [
        f'ignore: "{pattern}" besides, for {draft} was never the name of a whole document.'
        for pattern, draft in patterns.items()
    ]
    return list(patterns), list(dict.fromkeys(why))


def _pattern(draft: str, final: str) -> str | None:
    """Return a pattern for a draft's name, by its ending or by what it has before its final one."""
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
