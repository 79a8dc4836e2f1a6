"""`ocr-daemon retry`: puts failed files back into the inbox, to be read again."""

from __future__ import annotations

import fnmatch
import os
import time
from collections.abc import Sequence
from pathlib import Path

from daemon.cli.report import Report
from daemon.config.settings import Config
from daemon.core import fs
from daemon.core.logs import escape_controls
from daemon.inbox.failed import FailedFile, move_back
from daemon.monitoring import heartbeat
from daemon.supervisor.wiring import failed_files


def retry(config: Config, patterns: Sequence[str], *, everything: bool, dry_run: bool) -> Report:
    """Put the failed files that match back into the inbox, and report each.

    It is good if every pattern matches a file and every file could be put back.
    """
    found = list(failed_files(config))
    wanted = found if everything else [file for file in found if _matches(file, patterns)]
    unmatched = [
        pattern for pattern in patterns if not any(_matches(file, [pattern]) for file in found)
    ]
    lines = [f"no failed file is named {escape_controls(pattern)}" for pattern in unmatched]
    retried, failures = [], []
    for file in wanted:
        name = escape_controls(file.name)
        try:
            target = file.path if dry_run else _put_back(config, file)
        except OSError as error:
            failures.append({"name": fs.to_unicode(file.name), "reason": error.strerror})
            lines.append(f"{name} cannot be put back: {error.strerror}; {_remedy(config)}")
            continue
        retried.append({"name": fs.to_unicode(file.name), "path": fs.to_unicode(str(target))})
        lines.append(f"{name} {'would be' if dry_run else 'is'} put back into the inbox")
    if not wanted and not unmatched:
        lines.append("no file has failed")
    if retried and not dry_run and not _is_running(config):
        lines.append("the daemon is not running: it reads them when it is started")
    values = {"retried": retried, "failures": failures, "unmatched": unmatched}
    return Report("\n".join(lines), values, not unmatched and not failures)


def _matches(file: FailedFile, patterns: Sequence[str]) -> bool:
    """Tell whether a pattern is the name or path of a file, or matches one of them."""
    names = (file.name, Path(file.name).name, os.fspath(file.path))
    return any(
        pattern in names
        or Path(pattern).absolute() == file.path
        or any(fnmatch.fnmatchcase(name, pattern) for name in names)
        for pattern in patterns
    )


def _put_back(config: Config, file: FailedFile) -> Path:
    """Move a file back into the inbox; one that is read in place only gets a new time."""
    if not config.moves_files:
        os.utime(file.path, follow_symlinks=False)
        return file.path
    return move_back(file, config.folders.failed, config.folders.inbox)


def _remedy(config: Config) -> str:
    if config.moves_files:
        return "restore the folder and try again"
    return "the inbox must be writable for that; or copy the file into it under another name"


def _is_running(config: Config) -> bool:
    return heartbeat.diagnose(config.folders.state, time.monotonic())[0] != "down"
