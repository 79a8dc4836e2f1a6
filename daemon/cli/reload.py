"""`ocr-daemon reload`: lets the running daemon read its config again, and says what it did."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from daemon.cli.log_file import LogFile
from daemon.cli.report import Report
from daemon.config.settings import Config
from daemon.core.logs import LOG_NAME, escape_controls
from daemon.monitoring import heartbeat
from daemon.supervisor.instance_lock import LOCK_NAME

_POLL_SECONDS = 0.1
_FINAL = ("config.reloaded", "config.unchanged", "config.refused", "config.reloading")


def reload(config: Config, seconds: float) -> Report:
    """Send SIGHUP to the daemon of this config; report what it did within so many seconds.

    It is good unless no daemon runs, or it refuses the config.
    """
    pid = running_pid(config.folders.state)
    if pid is None:
        state, start = config.folders.state, "start it: ocr-daemon run"
        return _report("not_running", f"no daemon runs on {state}; {start}", {})
    log = LogFile(config.folders.logs / LOG_NAME)
    log.skip_to_end()
    try:
        os.kill(pid, signal.SIGHUP)
    except PermissionError:
        text = f"the daemon (pid {pid}) belongs to another user; reload it as that user or as root"
        return _report("not_permitted", text, {})
    lines = []
    for event in _events(log, seconds):
        if event["event"] == "config.needs_restart":
            lines += [f"after a restart: {change}" for change in _changes(event)]
        elif event["event"] in _FINAL:
            text = "\n".join([*_sentences(event), *lines])
            return _report(event["event"].removeprefix("config."), text, event)
    text = f"the daemon (pid {pid}) was told to reload, and has not reported within {seconds:g} s"
    return _report("requested", f"{text}; see `ocr-daemon logs`", {})


def running_pid(state: Path) -> int | None:
    """Return the process that holds the lock of a state folder; None if none does.

    The heartbeat names it; a number that another process has got since is not believed.
    """
    with contextlib.suppress(OSError, ValueError, TypeError):
        pid = heartbeat.last(state).pid
        lock = (state / LOCK_NAME).stat()
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                if os.path.samestat(descriptor.stat(), lock):
                    return pid
    return None


def _events(log: LogFile, seconds: float) -> Iterator[dict[str, Any]]:
    """Return the events that the daemon logs within so many seconds."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        for line in log.new_lines():
            with contextlib.suppress(ValueError):
                event = json.loads(line)
                if isinstance(event, dict) and isinstance(event.get("event"), str):
                    yield event
        time.sleep(_POLL_SECONDS)


def _sentences(event: dict[str, Any]) -> list[str]:
    match event["event"]:
        case "config.unchanged":
            return ["the config is the one that is in force"]
        case "config.refused":
            refused = f"{event.get('key')} = {event.get('value')}: {event.get('remedy')}"
            return [f"the daemon has refused the config, and goes on with the old one: {refused}"]
        case "config.reloading":
            number = event.get("in_progress", 0)
            when = f"takes over when the {number} documents in progress have been read"
            return [f"the new config {when}:" if number else "the new config takes over now:",
                    *_changes(event)]  # fmt: skip
        case _:
            changes = _changes(event)
            return ["the new config is in force:", *changes] if changes else ["nothing has changed"]


def _changes(event: dict[str, Any]) -> list[str]:
    changes = event.get("changes") or {}
    return [f"  {escape_controls(key)}: {escape_controls(str(change))}"
            for key, change in changes.items()]  # fmt: skip


def _report(outcome: str, text: str, event: dict[str, Any]) -> Report:
    facts: dict[str, object] = {
        key: event[key] for key in ("changes", "key", "value", "remedy") if key in event
    }
    is_good = outcome not in ("not_running", "not_permitted", "refused")
    return Report(text, {"outcome": outcome, "message": text, **facts}, is_good)
