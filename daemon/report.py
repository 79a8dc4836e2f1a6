"""What `status` and `verify` say: plain lines from the ledger, the inbox and the outbox."""

from __future__ import annotations

import time

from daemon import ledger
from daemon import verify as proof
from daemon.alone import alone
from daemon.config import Config
from daemon.journal import Journal
from daemon.ledger import ledger_path
from daemon.logs import without_controls
from daemon.retention import plan
from daemon.rooms import cupboards, scanner


def status(config: Config) -> str:
    """Return what the ledger says, a line each, and what waits in the inbox."""
    if not ledger_path(config).exists():
        return f"no ledger in {config.folders.state}: the daemon has not run here yet"
    journal = Journal(ledger_path(config), read_only=True)
    counts = journal.counts()
    waiting, oldest = _waiting(config, journal)
    rows = {kind: counts.get(kind, 0) for kind in ("done", "partial", "failed", "duplicate")}
    rows |= {"in work": counts.get("in work", 0), "waiting": waiting}
    lines = [f"{kind:<10} {number}" for kind, number in rows.items()]
    if oldest is not None:
        lines.append(f"oldest     {oldest}")
    journal.close()
    return "\n".join(lines)


def verify(config: Config, *, rebuild: bool, deep: bool = False) -> tuple[str, bool]:
    """Return the balance as lines and whether it holds."""
    if rebuild:
        config.folders.state.mkdir(parents=True, exist_ok=True)
        with alone(config.folders.state):
            found = ledger.rebuild(config)
        return f"the ledger was made anew from {found} answers in {config.folders.outbox}", True
    if not ledger_path(config).exists():
        return f"no ledger in {config.folders.state}: the daemon has not run here yet", True
    balance = proof.verify(config)
    lines = [
        f"landed {balance.landed} = answered {balance.answered} + waiting {balance.waiting}"
        if balance.holds
        else f"landed {balance.landed} is not answered {balance.answered} + "
        f"waiting {balance.waiting}",
        f"of the answers {balance.collected} have been collected from the outbox",
    ]
    lines += [
        f"torn: {without_controls(name)} is no valid answer; drop the original again"
        for name in balance.torn
    ]
    lines += [
        f"lost: {without_controls(name)} is neither answered nor held" for name in balance.lost
    ]
    if not deep:
        return "\n".join(lines), balance.holds
    depth = proof.verify_deep(config)
    lines.append(
        f"of the originals {depth.kept} are kept as they landed, {len(depth.removed)} gone"
    )
    lines += [
        f"altered: {without_controls(name)} is kept, but with other bytes" for name in depth.altered
    ]
    lines += [f"twice: {claim} has two answers" for claim in depth.twice]
    return "\n".join(lines), balance.holds and depth.holds


def retention(config: Config) -> str:
    """Return what retention would remove now, a line each."""
    if config.retention.keeps_all:
        return "every original is kept for ever: retention has no limit"
    if not ledger_path(config).exists():
        return f"no ledger in {config.folders.state}: the daemon has not run here yet"
    return plan(cupboards(config), ledger_path(config), time.time())


def _waiting(config: Config, journal: Journal) -> tuple[int, str | None]:
    """Return how many files wait and the one with the oldest modification time, with its age."""
    stamps = journal.stamps() if config.claim == "journal" else {}
    listing = {
        name: stamp
        for name, stamp in scanner(config).scan().files.items()
        if stamps.get(name) != str(stamp)
    }
    if not listing:
        return 0, None
    name, stamp = min(listing.items(), key=lambda item: item[1].modified_ns)
    age = max(0.0, time.time() - stamp.modified_ns / 1e9)
    return len(listing), f"{without_controls(name)} ({age:.0f} s)"
