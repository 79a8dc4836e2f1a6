"""`ocr-daemon status`: what the ledger contains, and how many files wait."""

from __future__ import annotations

import contextlib
import time
from dataclasses import asdict, dataclass

from daemon.cli.failures import standing_failures
from daemon.cli.report import Report, no_ledger
from daemon.config.settings import Config
from daemon.core import fs
from daemon.core.logs import escape_controls
from daemon.inbox.claims.modes import CLAIM_MODES
from daemon.ledger.deliveries import Deliveries
from daemon.ledger.ledger import Ledger
from daemon.ledger.rereads import Rereads
from daemon.monitoring import heartbeat
from daemon.supervisor.wiring import scanner

STATUSES = ("done", "partial", "failed", "duplicate", "in_progress")


@dataclass(frozen=True, slots=True)
class OldestFile:
    """The file in the inbox with the oldest modification time, and its age in seconds."""

    name: str
    age_seconds: float


@dataclass(frozen=True, slots=True)
class HookCounts:
    """The numbers of notifications to all hooks."""

    delivered: int
    waiting: int
    dead: int


def status(config: Config) -> Report:
    """Report the counts of the ledger, and the files that wait in the inbox."""
    if not config.ledger_file.exists():
        return no_ledger(config)
    ledger = Ledger(config.ledger_file, read_only=True)
    counts = dict(ledger.counts())
    waiting, oldest = _waiting(config, ledger)
    ledger.close()
    counts["failed"] = standing_failures(config).number  # as `list failed`
    numbers = {status: counts.get(status, 0) for status in STATUSES} | {"waiting": waiting}
    health, sentence = heartbeat.diagnose(config.folders.state, time.monotonic())
    lines = [f"daemon {health}: {sentence}"] if health == "down" else []
    lines += [f"{status.replace('_', ' '):<12} {number}" for status, number in numbers.items()]
    if oldest is not None:
        lines.append(f"oldest       {escape_controls(oldest.name)} ({oldest.age_seconds:.0f} s)")
    hooks = _notifications(config)
    if hooks is not None:
        hint = " (see `ocr-daemon hooks`)" if hooks.dead else ""
        counted = f"{hooks.delivered} delivered, {hooks.waiting} waiting, {hooks.dead} dead"
        lines.append(f"hooks        {counted}{hint}")
    with contextlib.closing(Rereads(config.ledger_file, read_only=True)) as requests:
        rereads = requests.counts()
    if rereads.waiting:
        lines.append(f"to reread    {rereads.waiting}")
    values = {
        **numbers,
        "daemon": health,
        "rereads_waiting": rereads.waiting,
        "oldest": oldest and asdict(oldest) | {"name": fs.to_unicode(oldest.name)},
        "hooks": hooks and asdict(hooks),
    }
    return Report("\n".join(lines), values)


def _waiting(config: Config, ledger: Ledger) -> tuple[int, OldestFile | None]:
    """Return how many files wait, and the oldest of them."""
    listing = CLAIM_MODES[config.claim].unanswered(scanner(config).scan().files, ledger)
    if not listing:
        return 0, None
    name, stamp = min(listing.items(), key=lambda item: item[1].modified_ns)
    return len(listing), OldestFile(name, max(0.0, time.time() - stamp.modified_ns / 1e9))


def _notifications(config: Config) -> HookCounts | None:
    """Return the counts of all notifications, None where there are no hooks."""
    with contextlib.closing(Deliveries(config.ledger_file, read_only=True)) as deliveries:
        counts = deliveries.counts_by_hook().values()
    if not counts and not config.all_hooks:
        return None
    return HookCounts(
        sum(each.delivered for each in counts),
        sum(each.waiting for each in counts),
        sum(each.dead for each in counts),
    )
