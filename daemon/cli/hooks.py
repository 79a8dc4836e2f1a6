"""`ocr-daemon hooks`: which notifications are not delivered, and why."""

from __future__ import annotations

import contextlib
from dataclasses import asdict

from daemon.cli.report import Report, no_ledger
from daemon.config.settings import Config
from daemon.core import fs
from daemon.core.logs import escape_controls
from daemon.ledger.deliveries import Deliveries, NotificationCounts
from daemon.ledger.notification import Notification

MAX_LISTED = 100  # notifications in a list for people


def hooks(config: Config, *, retry: bool, drop: bool) -> Report:
    """Report the counts of each hook, and each notification that failed.

    First drop dead notifications, or let them be tried again, where that is asked for.
    """
    ledger_file = config.ledger_file
    if not ledger_file.exists():
        return no_ledger(config)
    known = [hook.name for hook in config.all_hooks]
    lines, values = [], {}
    if retry or drop:
        with contextlib.closing(Deliveries(ledger_file)) as deliveries:
            if drop:
                values["dropped"] = deliveries.discard(known)
                lines.append(f"notifications dropped: {values['dropped']}")
            if retry:
                values["retried"] = deliveries.retry()
                lines.append(
                    f"notifications that the running daemon tries again: {values['retried']}"
                )
    with contextlib.closing(Deliveries(ledger_file, read_only=True)) as deliveries:
        counts = dict.fromkeys(known, NotificationCounts()) | deliveries.counts_by_hook()
        open_ones = deliveries.undelivered()
    lines += [_counts_line(hook, each, known) for hook, each in counts.items()]
    failed = [notification for notification in open_ones if notification.reason is not None]
    lines += [_failure_line(notification) for notification in failed[:MAX_LISTED]]
    if len(failed) > MAX_LISTED:
        lines.append(f"and {len(failed) - MAX_LISTED} more")
    by_hook = {hook: asdict(each) | {"is_known": hook in known} for hook, each in counts.items()}
    failures = [_failure_values(notification) for notification in failed]
    text = "\n".join(lines) or "no hooks in the config"
    return Report(text, {**values, "hooks": by_hook, "failed": failures})


def _failure_values(notification: Notification) -> dict[str, object]:
    """Return what JSON says of a failed notification: all but its text."""
    return {
        "id": notification.id,
        "hook": notification.hook,
        "event": notification.event,
        "name": fs.to_unicode(notification.name),
        "answer": fs.to_unicode(notification.answer),
        "attempts": notification.attempts,
        "reason": notification.reason,
        "is_dead": notification.is_dead,
    }


def _counts_line(hook: str, counts: NotificationCounts, known: list[str]) -> str:
    line = f"{hook}: {counts.delivered} delivered, {counts.waiting} waiting, {counts.dead} dead"
    return line if hook in known else f"{line}; no such hook in the config: restore it, or --drop"


def _failure_line(notification: Notification) -> str:
    state = "dead" if notification.is_dead else "waiting"
    about = f"{notification.hook}: {notification.event} {notification.name}"
    text = f"{about}: {notification.attempts} attempts: {notification.reason}"
    return f"{state} {escape_controls(text)}"
