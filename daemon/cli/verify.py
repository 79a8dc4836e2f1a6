"""`ocr-daemon verify`: proves that landed = answered + waiting + refused + ignored.

The daemon may be running. Refused is a file that waits for an operator (a hard link with a name
elsewhere, a folder that cannot be listed); ignored is what `watch.ignore` or its kind leaves out.

A sidecar that is gone from the outbox was collected by its reader; one that is there but unreadable
is torn; a claimed file that is neither held nor answered is lost.

The deep proof hashes every original that is kept and reads every sidecar in the outbox: the bytes
of each answered file are where they were put, unchanged, and no claim has two sidecars.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from daemon.cli.report import Report, no_ledger
from daemon.config.settings import Config
from daemon.core import fs, private
from daemon.core.logs import escape_controls
from daemon.core.records import LedgerEntry
from daemon.inbox.claims.by_rename import claim_folders
from daemon.inbox.claims.modes import CLAIM_MODES
from daemon.inbox.scan import WORK_FOLDER
from daemon.ledger.ledger import Ledger
from daemon.outbox.publish import Outbox
from daemon.outbox.sidecar import is_valid
from daemon.supervisor import ledger_recovery
from daemon.supervisor.instance_lock import hold_lock
from daemon.supervisor.wiring import scanner

OUTCOMES = ("answered", "collected", "waiting", "torn", "lost")
MAX_LEFT_OUT = 100  # lines for refused files, and for ignored ones
GRACE_SECONDS = 1.0  # in which a running daemon drops the row of a file that it has given back


@dataclass(frozen=True, slots=True)
class Balance:
    """How many files landed and what became of them; the lists name what is wrong."""

    answered: int
    collected: int
    waiting: int
    torn: tuple[str, ...]
    lost: tuple[str, ...]
    refused: Mapping[str, str] = field(default_factory=dict)
    ignored: Mapping[str, str] = field(default_factory=dict)

    @property
    def landed(self) -> int:
        """Every file that was ever seen."""
        left_out = len(self.refused) + len(self.ignored)
        return self.answered + self.waiting + left_out + len(self.torn) + len(self.lost)

    @property
    def holds(self) -> bool:
        """Whether landed = answered + waiting + refused + ignored."""
        return not self.torn and not self.lost

    def __str__(self) -> str:
        """`landed 4 = answered 2 + waiting 1 + refused 1`."""
        terms = [f"answered {self.answered}", f"waiting {self.waiting}"]
        terms += [f"refused {len(self.refused)}"] * bool(self.refused)
        terms += [f"ignored {len(self.ignored)}"] * bool(self.ignored)
        return f"landed {self.landed} {'=' if self.holds else 'is not'} {' + '.join(terms)}"


@dataclass(frozen=True, slots=True)
class Depth:
    """What became of the bytes of answered files, by name, and the claims with two sidecars.

    `unchanged` counts originals that lie unchanged in archive/, failed/ or the inbox. `removed` are
    those that somebody took or deleted; `altered` are names under which other bytes lie. `spoiled`
    are outputs beside their sidecars that are not what these list.
    """

    unchanged: int
    removed: tuple[str, ...]
    altered: tuple[str, ...]
    twice: tuple[str, ...]
    spoiled: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether no bytes were changed and no claim was answered twice."""
        return not self.altered and not self.twice and not self.spoiled


def report(config: Config, *, rebuild: bool, deep: bool = False) -> Report:
    """Report the balance; it is good if it holds, and with `deep` if all bytes are as they were."""
    if rebuild:
        private.make_folder(config.folders.state)
        with hold_lock(config.folders.state):
            found = ledger_recovery.rebuild(config)
        text = f"the ledger was rebuilt from {found} sidecars in {config.folders.outbox}"
        return Report(text, {"rebuilt_from": found})
    if not config.ledger_file.exists():
        return no_ledger(config)
    balance = verify(config)
    lines, values, holds = _balance_lines(balance), _balance_values(balance), balance.holds
    if deep:
        depth = verify_deep(config)
        lines += _depth_lines(depth)
        values |= _unicode_names(asdict(depth))
        holds = holds and depth.holds
    return Report("\n".join(lines), values | {"holds": holds}, holds)


def _balance_lines(balance: Balance) -> list[str]:
    return [
        str(balance),
        f"{balance.collected} of the answers are no longer in the outbox (deleted or moved)",
        *(
            f"torn: {escape_controls(name)} is no valid sidecar; "
            "copy the original into the inbox again"
            for name in balance.torn
        ),
        *(f"lost: {escape_controls(name)} is neither answered nor held" for name in balance.lost),
        *_left_out("refused", balance.refused),
        *_left_out("ignored", balance.ignored),
    ]


def _balance_values(balance: Balance) -> dict[str, object]:
    values = _unicode_names(asdict(balance))
    for key in ("refused", "ignored"):
        reasons = getattr(balance, key)
        values[key] = {fs.to_unicode(name): reason for name, reason in reasons.items()}
    return {"landed": balance.landed, **values}


def _unicode_names(values: dict[str, Any]) -> dict[str, Any]:
    """Return values in which no name has bytes that are not UTF-8."""
    return {
        key: [fs.to_unicode(name) for name in value] if isinstance(value, tuple) else value
        for key, value in values.items()
    }


def _depth_lines(depth: Depth) -> list[str]:
    return [
        f"{depth.unchanged} originals are kept unchanged, {len(depth.removed)} are gone",
        *(
            f"altered: {escape_controls(name)} is kept, but its bytes have changed"
            for name in depth.altered
        ),
        *(f"twice: {claim} has two sidecars" for claim in depth.twice),
        *(
            f"spoiled: {escape_controls(name)} is not the output that its sidecar lists"
            for name in depth.spoiled
        ),
    ]


def _left_out(outcome: str, reasons: Mapping[str, str]) -> Iterator[str]:
    """Return a line for each of the first files that are not taken, and one for the others."""
    for name, reason in sorted(reasons.items())[:MAX_LEFT_OUT]:
        yield f"{outcome}: {escape_controls(fs.to_unicode(name))}: {reason}"
    if len(reasons) > MAX_LEFT_OUT:
        yield f"{outcome}: and {len(reasons) - MAX_LEFT_OUT} more"


def verify(config: Config) -> Balance:
    """Hold ledger, inbox, work folder and outbox against each other; changes nothing.

    The daemon may be running: a row whose file has just moved on is asked for again.
    """
    ledger = Ledger(config.ledger_file, read_only=True)
    found: dict[str, list[str]] = {outcome: [] for outcome in OUTCOMES}
    rows = set()
    for entry in ledger.all():
        rows.add(entry.id)
        outcome = _outcome(entry, ledger, config)
        if outcome == "lost":
            time.sleep(GRACE_SECONDS)
            outcome = _outcome(entry, ledger, config)
        found[outcome].append(fs.to_unicode(entry.answer or entry.name))
    scanned = scanner(config).scan()
    unclaimed = CLAIM_MODES[config.claim].unanswered(scanned.files, ledger)
    unrecorded = sum(path.name not in rows for path in claim_folders(config.folders.inbox))
    waiting = len(found["waiting"]) + unrecorded + len(unclaimed)
    ledger.close()
    return Balance(
        answered=len(found["answered"]) + len(found["collected"]),
        collected=len(found["collected"]),
        waiting=waiting,
        torn=tuple(found["torn"]),
        lost=tuple(found["lost"]),
        refused=scanned.refused,
        ignored=scanned.ignored,
    )


def verify_deep(config: Config) -> Depth:
    """Hash every kept original and read every sidecar; takes as long as reading them does.

    What moves on while it is looked for is looked for in the order in which it moves.
    """
    known = _digests(config)
    ledger = Ledger(config.ledger_file, read_only=True)
    rows = [entry for entry in ledger.all() if entry.state == "closed"]
    ledger.close()
    unchanged, removed, altered = 0, [], []
    originals = set(known.values())
    landed = {entry.sha256 for entry in rows}
    for entry in rows:
        name = fs.to_unicode(entry.name)
        if entry.sha256 in originals:
            unchanged += 1
        elif any(
            known.get(path, entry.sha256) not in landed for path in _archived_at(entry, config)
        ):
            altered.append(name)
        else:
            removed.append(name)
    outbox = Outbox(config.folders.outbox)
    twice, spoiled = _answers_read(outbox)
    return Depth(unchanged, tuple(removed), tuple(altered), tuple(twice), tuple(spoiled))


def _digests(config: Config) -> dict[Path, str]:
    """Return the digests of all files in the inbox, failed/ and archive/."""
    folders = config.folders
    found = {}
    for folder in (folders.inbox, folders.failed, folders.archive):
        for path in fs.files_below(folder):
            with contextlib.suppress(OSError):
                found[path] = fs.sha256_of(path)
    return found


def _archived_at(entry: LedgerEntry, config: Config) -> list[Path]:
    """Return where the original of a row lies if nothing took its name before."""
    roots = (config.folders.archive, config.folders.failed)
    return [fs.unobstructed(root, entry.name) for root in roots]


def _answers_read(outbox: Outbox) -> tuple[list[str], list[str]]:
    """Return the claims that more than one answer names, and the outputs that are spoiled."""
    claims: Counter[str | None] = Counter()
    spoiled = []
    for place in _answer_places(outbox):
        if (answer := outbox.read(place)) is not None:
            claims[answer["processing"].get("claim")] += 1
            spoiled += outbox.altered_outputs(place, answer)
    twice = [f"claim {claim}" for claim, number in claims.items() if claim and number > 1]
    return twice, spoiled


def _answer_places(outbox: Outbox) -> Iterator[str]:
    paths = (path for path in fs.files_below(outbox.folder) if path.suffix == ".json")
    places = (path.relative_to(outbox.folder) for path in paths)
    return (os.fspath(place) for place in places if WORK_FOLDER not in place.parts)


def _outcome(entry: LedgerEntry, ledger: Ledger, config: Config) -> str:
    outbox = Outbox(config.folders.outbox)
    if entry.state not in ("answered", "closed"):
        if _is_held(entry, config):
            return "waiting"
        now = ledger.entry(entry.id)
        if now is None:
            return "waiting"  # just given back: the inbox has it
        if now.state == entry.state:
            own = outbox.answer_of(entry.id, entry.name, entry.answer)
            return "answered" if own else "lost"
        entry = now
    return _answer_outcome(entry, outbox)


def _answer_outcome(entry: LedgerEntry, outbox: Outbox) -> str:
    assert entry.answer is not None, "an answered row names its answer"
    answer = outbox.read(entry.answer)
    if answer is None or not is_valid(answer):
        return "torn" if os.path.lexists(outbox.folder / entry.answer) else "collected"
    is_same = answer["source"]["sha256"] == entry.sha256
    return "answered" if is_same else "collected"  # and its name was given to another's answer


def _is_held(entry: LedgerEntry, config: Config) -> bool:
    return CLAIM_MODES[config.claim].is_held(entry, config.folders.inbox)
