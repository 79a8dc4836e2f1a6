"""What `status`, `hooks`, `verify` and `retention` say: plain lines from ledger and folders."""

from __future__ import annotations

import contextlib
import time

from daemon.cli import verify as proof
from daemon.config.settings import Config
from daemon.core.logs import without_controls
from daemon.inbox.retention import preview
from daemon.ledger.deliveries import Deliveries, NotificationCounts
from daemon.ledger.ledger import Ledger
from daemon.ledger.notification import Notification
from daemon.supervisor import ledger_recovery
from daemon.supervisor.instance_lock import alone
from daemon.supervisor.ledger_recovery import ledger_path
from daemon.supervisor.wiring import retention_folders, retentions, scanner

MOST_LETTERS = 100  # that a list for people has


def status(config: Config) -> str:
    """Return what the ledger says, a line each, and what waits in the inbox."""
    if not ledger_path(config).exists():
        return _no_ledger(config)
    ledger = Ledger(ledger_path(config), read_only=True)
    counts = ledger.counts()
    waiting, oldest = _waiting(config, ledger)
    rows = {kind: counts.get(kind, 0) for kind in ("done", "partial", "failed", "duplicate")}
    rows |= {"in work": counts.get("in work", 0), "waiting": waiting}
    lines = [f"{kind:<10} {number}" for kind, number in rows.items()]
    if oldest is not None:
        lines.append(f"oldest     {oldest}")
    ledger.close()
    if told := _told(config):
        lines.append(f"hooks      {told}")
    return "\n".join(lines)


def hooks(config: Config, *, retry: bool, drop: bool) -> str:
    """Return what waits to be told to whom, a line for each hook and each dead letter.

    First the dead are forgotten, or let be tried again, where that is asked for.
    """
    ledger_file = ledger_path(config)
    if not ledger_file.exists():
        return _no_ledger(config)
    known = [hook.name for hook in config.every_hook]
    lines = []
    if retry or drop:
        with contextlib.closing(Deliveries(ledger_file)) as deliveries:
            if drop:
                lines.append(f"letters forgotten: {deliveries.drop(known)}")
            if retry:
                lines.append(f"letters that the running daemon tries again: {deliveries.retry()}")
    with contextlib.closing(Deliveries(ledger_file, read_only=True)) as deliveries:
        posts = dict.fromkeys(known, NotificationCounts()) | deliveries.posts()
        notifications = deliveries.open()
    for hook, post in posts.items():
        stray = "" if hook in known else "; no such hook in the config: put it back, or --drop"
        lines.append(
            f"{hook}: {post.delivered} delivered, {post.waiting} waiting, {post.dead} dead{stray}"
        )
    failed = [notification for notification in notifications if notification.why is not None]
    lines += [_failed(notification) for notification in failed[:MOST_LETTERS]]
    if len(failed) > MOST_LETTERS:
        lines.append(f"and {len(failed) - MOST_LETTERS} more")
    return "\n".join(lines) or "no hooks in the config"


def _failed(notification: Notification) -> str:
    state = "dead" if notification.is_dead else "waiting"
    about = f"{notification.hook}: {notification.event} {notification.name}"
    text = f"{about}: {notification.attempts} attempts: {notification.why}"
    return f"{state} {without_controls(text)}"


def _told(config: Config) -> str:
    """Return what has become of all letters in a few words, none where there are no hooks."""
    with contextlib.closing(Deliveries(ledger_path(config), read_only=True)) as deliveries:
        posts = deliveries.posts().values()
    if not posts and not config.every_hook:
        return ""
    delivered = sum(post.delivered for post in posts)
    waiting, dead = sum(post.waiting for post in posts), sum(post.dead for post in posts)
    ask = " (ocr-daemon hooks says why)" if dead else ""
    return f"{delivered} delivered, {waiting} waiting, {dead} dead{ask}"


def verify(config: Config, *, rebuild: bool, deep: bool = False) -> tuple[str, bool]:
    """Return the balance as lines and whether it holds."""
    if rebuild:
        config.folders.state.mkdir(parents=True, exist_ok=True)
        with alone(config.folders.state):
            found = ledger_recovery.rebuild(config)
        return f"the ledger was made anew from {found} answers in {config.folders.outbox}", True
    if not ledger_path(config).exists():
        return _no_ledger(config), True
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
    lines += [
        f"spoiled: {without_controls(name)} is not the output that its answer lists"
        for name in depth.spoiled
    ]
    return "\n".join(lines), balance.holds and depth.holds


def retention(config: Config) -> str:
    """Return what retention would remove now, a line each."""
    if all(retention.keeps_all for retention in retentions(config).values):
        return "every original is kept for ever: retention has no limit"
    if not ledger_path(config).exists():
        return _no_ledger(config)
    return preview(retention_folders(config), ledger_path(config), time.time())


def _no_ledger(config: Config) -> str:
    return f"no ledger in {config.folders.state}: the daemon has not run here yet"


def _waiting(config: Config, ledger: Ledger) -> tuple[int, str | None]:
    """Return how many files wait and the one with the oldest modification time, with its age."""
    stamps = ledger.stamps() if config.claim == "ledger" else {}
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
