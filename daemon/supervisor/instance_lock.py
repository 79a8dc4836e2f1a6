"""The lock of a state folder: only one daemon may use it, since both would write one ledger."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from daemon.core import private
from daemon.core.errors import Misconfigured

LOCK_NAME = "lock"


@contextlib.contextmanager
def hold_lock(state: Path) -> Iterator[None]:
    """Hold the lock of the state folder; Misconfigured where another daemon holds it."""
    private.create_file(state / LOCK_NAME)
    with (state / LOCK_NAME).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Misconfigured(
                "folders.state", state, "another ocr-daemon uses it; stop it or name another folder"
            ) from error
        yield
