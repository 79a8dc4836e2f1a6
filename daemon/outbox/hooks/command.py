"""A program that is told: the letter on its standard input and in its environment, no shell.

It runs in a session of its own, so that all of what it has started is ended with it at its
time-out; it inherits no descriptor of ours and no variable but those of `_KEPT`.
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

MOST_SAID = 2000  # bytes at the end of what a program said that are worth keeping
GRACE_SECONDS = 1.0  # from SIGTERM to SIGKILL, and of a program that runs when we are to stop
_LOOK_SECONDS = 0.1
_KEPT = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR")


def call(hook: Hook, notification: Notification, outbox: Path, stop: Event) -> None:
    """Run the hook's program to its end; Undelivered where that is not exit code 0."""
    assert hook.command is not None, "a hook has a command or a url"
    letter_file = os.memfd_create("letter")
    try:
        os.write(letter_file, notification.text.encode() + b"\n")  # a line, for who appends them
        os.lseek(letter_file, 0, os.SEEK_SET)
        process = subprocess.Popen(
            hook.command, stdin=letter_file, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=environment(hook, notification, outbox), cwd="/", start_new_session=True,
        )  # fmt: skip
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise Undelivered(f"{hook.command[0]} cannot be started: {why}") from error
    finally:
        os.close(letter_file)
    assert process.stdout is not None
    with process.stdout as output:
        said = _outlast(process, output, hook.timeout_seconds, stop)
    if process.returncode != 0:
        raise Undelivered(f"{_ending(process.returncode)}{said and f': {said}'}")


def environment(hook: Hook, notification: Notification, outbox: Path) -> dict[str, str]:
    """Return what a program is told without reading JSON; paths are bytes as the disk has them."""
    data = json.loads(notification.text)["data"]
    error = data.get("error") or {}
    said = {
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
        "OCR_ERROR_CLASS": str(error.get("class", "")),
        "OCR_ERROR": str(error.get("message", "")),
        "OCR_ATTEMPT": str(notification.attempts + 1),
    }
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return kept | {key: value.replace("\0", "") for key, value in said.items()}


def _outlast(
    process: subprocess.Popen[bytes], output: IO[bytes], seconds: float, stop: Event
) -> str:
    """Wait for its end and return the last of what it said; Undelivered where it takes too long."""
    os.set_blocking(output.fileno(), False)
    said, ends, is_open = b"", time.monotonic() + seconds, True
    while process.poll() is None:
        if time.monotonic() >= ends:
            _end(process)
            why = "the daemon stops" if stop.is_set() else f"it took more than {seconds:g} s"
            raise Undelivered(f"{why}, and was ended", counts=not stop.is_set())
        if stop.is_set():
            ends = min(ends, time.monotonic() + GRACE_SECONDS)
        if not is_open:  # it has shut its output and goes on
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_LOOK_SECONDS)
            continue
        if select.select([output], [], [], _LOOK_SECONDS)[0]:
            more = output.read(65536)
            is_open = more != b""
            said = (said + (more or b""))[-MOST_SAID:]
    # what it left running may hold the pipe open: take what is there and wait for no more
    said = (said + (output.read(65536) or b""))[-MOST_SAID:]
    return said.decode("utf-8", "replace").strip()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the program and all that it has started: SIGTERM, and SIGKILL soon after."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(OSError):  # it has ended, or made itself another user
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)


def _ending(code: int) -> str:
    return f"exit code {code}" if code > 0 else f"ended by signal {-code}"
