"""`ocr-daemon reread`: requests that answered documents be read again when there is time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from daemon.cli.name_patterns import NamePatterns
from daemon.cli.report import Report, no_ledger, table
from daemon.config.settings import Config
from daemon.core import fs
from daemon.core.logs import escape_controls
from daemon.core.records import LedgerEntry
from daemon.ledger.ledger import Ledger
from daemon.ledger.rereads import Rereads
from daemon.outbox.publish import Outbox
from daemon.outbox.reader import Answer, belongs_to
from daemon.supervisor import wiring
from daemon.supervisor.rereads import COLLECTED, NOT_KEPT

MAX_LISTED = 100  # documents in a list for people


@dataclass(frozen=True, slots=True)
class AnswerFilter:
    """Which answers are meant: those for which all of this is true.

    `names` are paths, names or patterns of the files as they landed; `below` is a confidence from
    0 to 1.
    """

    names: Sequence[str] = ()
    older_model: bool = False
    below: float | None = None
    status: str | None = None


def reread(config: Config, selection: AnswerFilter, *, dry_run: bool) -> Report:
    """Request that the selected answers be read again; report those for which it is impossible.

    It is good unless something is selected and none of it can be read again.
    """
    if not config.ledger_file.exists():
        return no_ledger(config)
    wanted, impossible = [], []
    originals, answered = wiring.originals(config), _answered(config)
    names = NamePatterns(selection.names, {entry.name for entry in answered})
    unmatched = names.unmatched
    if selection.names:
        answered = [entry for entry in answered if names.match(entry.name)]
    for entry, answer in _selected(config, selection, answered):
        if answer is None:
            impossible.append((entry, COLLECTED))
        elif originals.find(entry.name, entry.bytes, entry.sha256) is None:
            impossible.append((entry, NOT_KEPT))
        else:
            wanted.append(entry)
    if wanted and not dry_run:
        with contextlib.closing(Rereads(config.ledger_file)) as rereads:
            rereads.request(entry.id for entry in wanted)
    would = "would be read again" if dry_run else "read again when there is time"
    lines = [f"no answer is of a file named {escape_controls(name)}" for name in unmatched]
    if wanted or not unmatched:
        lines.append(f"{would}: {len(wanted)}")
    if impossible:
        lines.append(f"{len(impossible)} cannot be read again:")
        lines += table([[entry.name, reason] for entry, reason in impossible[:MAX_LISTED]])
    if len(impossible) > MAX_LISTED:
        lines.append(f"and {len(impossible) - MAX_LISTED} more")
    values = {
        "requested": [fs.to_unicode(entry.name) for entry in wanted],
        "impossible": [
            {"name": fs.to_unicode(entry.name), "reason": reason} for entry, reason in impossible
        ],
    }
    is_good = not unmatched and (bool(wanted) or not impossible)
    return Report("\n".join(lines), values | {"unmatched": unmatched}, is_good)


def progress(config: Config) -> Report:
    """Report how many requests wait, and why answers were kept."""
    if not config.ledger_file.exists():
        return no_ledger(config)
    with contextlib.closing(Rereads(config.ledger_file, read_only=True)) as rereads:
        counts, kept = rereads.counts(), rereads.kept(MAX_LISTED)
    with contextlib.closing(Ledger(config.ledger_file, read_only=True)) as ledger:
        named = [(ledger.entry(claim), reason) for claim, reason in kept]
    rows = [[entry.name, reason] for entry, reason in named if entry]
    lines = [
        f"waiting to be read again: {counts.waiting}; answers replaced: {counts.replaced}; "
        f"answers kept: {counts.kept}",
        *table(rows),
    ]
    values = {
        "waiting": counts.waiting,
        "replaced": counts.replaced,
        "kept": [{"name": fs.to_unicode(name), "reason": reason} for name, reason in rows],
    }
    return Report("\n".join(lines), values)


def cancel(config: Config) -> Report:
    """Withdraw all requests that wait."""
    if not config.ledger_file.exists():
        return no_ledger(config)
    with contextlib.closing(Rereads(config.ledger_file)) as rereads:
        number = rereads.cancel()
    return Report(f"{number} requests are withdrawn", {"cancelled": number})


def _selected(
    config: Config, selection: AnswerFilter, answered: Sequence[LedgerEntry]
) -> Iterator[tuple[LedgerEntry, Answer | None]]:
    """Return the rows that are meant, with their answers; None for one that was collected."""
    outbox, policies = Outbox(config.folders.outbox), wiring.policies(config)
    for entry in answered:
        if selection.status not in (None, entry.status):
            continue
        answer = outbox.read(entry.answer or "")
        if not belongs_to(entry.id, answer):
            answer = None
        model = policies.of(entry.name).model_sha256
        if answer is None or _matches(answer, selection, model):
            yield entry, answer


def _answered(config: Config) -> list[LedgerEntry]:
    """Return the last row of each answer that has a text."""
    rows: dict[str, LedgerEntry] = {}
    with contextlib.closing(Ledger(config.ledger_file, read_only=True)) as ledger:
        for entry in ledger.all():
            if entry.state == "closed" and entry.answer:
                rows[entry.answer] = entry
    return [entry for entry in rows.values() if entry.status in ("done", "partial")]


def _matches(answer: Answer, selection: AnswerFilter, model_sha256: str) -> bool:
    if selection.older_model and answer["engine"]["model"]["sha256"] == model_sha256:
        return False
    if selection.below is None:
        return True
    known = [page["confidence"] for page in answer["pages"] if page["confidence"] is not None]
    return bool(known) and fmean(known) < selection.below
