"""`ocr-daemon retry`: puts failed files back into the inbox, to be read again."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from daemon.cli.failures import dismiss, standing_failures
from daemon.cli.name_patterns import NamePatterns
from daemon.cli.report import Report
from daemon.config.settings import Config
from daemon.core import fs
from daemon.core.logs import escape_controls
from daemon.core.records import LedgerEntry
from daemon.inbox.failed import FailedFile, move_back
from daemon.monitoring import heartbeat


def retry(config: Config, patterns: Sequence[str], *, everything: bool, dry_run: bool) -> Report:
    """Put the failed files that match back into the inbox, and report each.

    It is good if every pattern matches a file and every file could be put back.
    """
    standing = standing_failures(config)
    found = standing.files
    by_path = {os.fspath(file.path): file.name for file in found}
    named = [by_path.get(os.fspath(Path(pattern).absolute()), pattern) for pattern in patterns]
    names = NamePatterns(named, [file.name for file in found])
    wanted = [file for file in found if everything or names.match(file.name)]
    unmatched = names.unmatched
    lines = [f"no failed file is named {escape_controls(pattern)}" for pattern in unmatched]
    retried, failures = [], []
    for file in wanted:
        name = escape_controls(file.name)
        try:
            is_changed = _is_changed(file)
            target = file.path if dry_run else _put_back(config, file)
        except OSError as error:
            failures.append({"name": fs.to_unicode(file.name), "reason": error.strerror})
            lines.append(f"{name} cannot be put back: {error.strerror}; {_remedy(config)}")
            continue
        retried.append({"name": fs.to_unicode(file.name), "path": fs.to_unicode(str(target))})
        said = f"{name} {'would be' if dry_run else 'is'} put back into the inbox"
        if (answer := standing.answer_to(file)) and not dry_run:
            said += _new_answer(config, answer, target, is_changed=is_changed)
        lines.append(said)
    if not wanted and not unmatched:
        lines.append("no file has failed")
    if retried and not dry_run and not _is_running(config):
        lines.append("the daemon is not running: it reads them when it is started")
    values = {"retried": retried, "failures": failures, "unmatched": unmatched}
    return Report("\n".join(lines), values, not unmatched and not failures)


def _put_back(config: Config, file: FailedFile) -> Path:
    """Move a file back into the inbox; one that is read in place only gets a new time."""
    if not config.moves_files:
        os.utime(file.path, follow_symlinks=False)
        return file.path
    return move_back(file, config.folders.failed, config.folders.inbox)


def _is_changed(file: FailedFile) -> bool:
    """Tell whether a file has other bytes than those that failed: somebody has mended it."""
    return file.arrival is not None and fs.sha256_of(file.path) != file.arrival.sha256


def _new_answer(config: Config, failed: LedgerEntry, target: Path, *, is_changed: bool) -> str:
    """Say where the new answer will be; a failed answer that it does not replace is removed.

    The daemon replaces an answer only by another one to the same bytes under the same name.
    """
    place = escape_controls(failed.answer or "")
    is_renamed = target != config.folders.inbox / failed.name
    if not is_changed and not is_renamed:
        return f"; its new answer replaces {place}"
    try:
        dismiss(config.folders.outbox, failed)
    except OSError as error:
        return f"; its failed answer {place} stays ({error.strerror}): delete it"
    if is_renamed:
        return (
            f" under the name {escape_controls(target.name)}; its failed answer {place} is removed"
        )
    return f"; its new answer takes the place of {place}"


def _remedy(config: Config) -> str:
    if config.moves_files:
        return "restore the folder and try again"
    return "the inbox must be writable for that; or copy the file into it under another name"


def _is_running(config: Config) -> bool:
    return heartbeat.diagnose(config.folders.state, time.monotonic())[0] != "down"
