"""Command hooks: runs a program with the notification on its standard input, without a shell.

The main facts are in its environment too. It runs in a session of its own, so that a time-out ends
it with all processes that it has started. It inherits no file descriptor of the daemon, and only
the environment variables in `_INHERITED`.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import time
from pathlib import Path
from threading import Event
from typing import IO

from daemon.config.hook import Hook
from daemon.core.errors import Undelivered
from daemon.ledger.notification import Notification

MAX_OUTPUT = 2000  # bytes at the end of the output of a program that are recorded
GRACE_SECONDS = 1.0  # from SIGTERM to SIGKILL, and for a program that runs when the daemon stops
_POLL_SECONDS = 0.1
_INHERITED = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR")


def call(hook: Hook, notification: Notification, outbox: Path, stop: Event) -> None:
    """Run the program of a hook to its end; Undelivered if its exit code is not 0."""
    assert hook.command is not None, "a hook has a command or a url"
    payload_file = os.memfd_create("notification")
    try:
        os.write(
            payload_file, notification.text.encode() + b"\n"
        )  # a line: programs can append it to a file
        os.lseek(payload_file, 0, os.SEEK_SET)
        process = subprocess.Popen(
            hook.command, stdin=payload_file, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=environment(hook, notification, outbox), cwd="/", start_new_session=True,
        )  # fmt: skip
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise Undelivered(f"{hook.command[0]} cannot be started: {reason}") from error
    finally:
        os.close(payload_file)
    assert process.stdout is not None
    with process.stdout as output:
        text = _wait(process, output, hook.timeout_seconds, stop)
    if process.returncode != 0:
        raise Undelivered(f"{_exit_reason(process.returncode)}{text and f': {text}'}")


def environment(hook: Hook, notification: Notification, outbox: Path) -> dict[str, str]:
    """Return the environment of a program: it need not parse JSON; paths are as on the disk."""
    data = json.loads(notification.text)["data"]
    error = data.get("error") or {}
    facts = {
        "OCR_ID": notification.id,
        "OCR_HOOK": hook.name,
        "OCR_EVENT": notification.event,
        "OCR_DOCUMENT": notification.claim,
        "OCR_STATUS": data["status"],
        "OCR_NAME": Path(notification.name).name,
        "OCR_RELATIVE_PATH": notification.name,
        "OCR_ANSWER": str(outbox / notification.answer),
        "OCR_OUTBOX": str(outbox),
        "OCR_PAGES": str(data["pages"]),
        "OCR_CONFIDENCE": "" if data["confidence"] is None else str(data["confidence"]),
        "OCR_UNREAD": str(data.get("unread", 0)),  # a notification of 0.1 has neither
        "OCR_WARNINGS": str(len(data.get("warnings", ()))),
        "OCR_ERROR_CLASS": str(error.get("class", "")),
        "OCR_ERROR": str(error.get("message", "")),
        "OCR_ATTEMPT": str(notification.attempts + 1),
    }
    for each in data.get("fields", ()):
        facts[f"OCR_FIELD_{each['name'].upper()}"] = each["value"] or ""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return inherited | {key: value.replace("\0", "") for key, value in facts.items()}


def _wait(process: subprocess.Popen[bytes], output: IO[bytes], seconds: float, stop: Event) -> str:
    """Wait for the end and return the last part of the output; Undelivered after the time-out."""
    os.set_blocking(output.fileno(), False)
    text, ends, is_open = b"", time.monotonic() + seconds, True
    while process.poll() is None:
        if time.monotonic() >= ends:
            _end(process)
            reason = f"ended after {seconds:g} s (timeout_seconds)"
            if stop.is_set():
                reason = "ended because the daemon stops"
            raise Undelivered(reason, counts=not stop.is_set())
        if stop.is_set():
            ends = min(ends, time.monotonic() + GRACE_SECONDS)
        if not is_open:  # it has closed its output and goes on
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_POLL_SECONDS)
            continue
        if select.select([output], [], [], _POLL_SECONDS)[0]:
            more = output.read(65536)
            is_open = more != b""
            text = (text + (more or b""))[-MAX_OUTPUT:]
    # a process that it has left running may keep the pipe open: read what is there, and no more
    text = (text + (output.read(65536) or b""))[-MAX_OUTPUT:]
    return text.decode("utf-8", "replace").strip()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the program and all processes that it has started: SIGTERM, then SIGKILL."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(OSError):  # it has ended, or runs as another user
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)


def _exit_reason(code: int) -> str:
    return f"exit code {code}" if code > 0 else f"ended by signal {-code}"
