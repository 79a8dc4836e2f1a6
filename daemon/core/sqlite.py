"""Opens SQLite files in one way: by URI, in autocommit mode, with a busy timeout."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Literal

from daemon.core import private

Mode = Literal["rwc", "rw", "ro"]
Synchronous = Literal["FULL", "NORMAL", "OFF"]


def connect(
    path: Path,
    mode: Mode = "rwc",
    *,
    busy_seconds: float = 10.0,
    synchronous: Synchronous | None = None,
) -> sqlite3.Connection:
    """Open the file `path`; only the mode "rwc" creates it, readable by its owner alone.

    Transactions are explicit (`isolation_level=None`), and another process's lock is waited for up
    to `busy_seconds`. With `synchronous` the file is switched to WAL mode with that durability;
    without it the journal mode stays as it is, as a reader needs it. The connection may be used
    from several threads, one at a time. Raises sqlite3.Error and leaves nothing open.
    """
    if mode == "rwc":
        _create(path)
    db = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        db.execute(f"PRAGMA busy_timeout = {round(busy_seconds * 1000)}")
        if synchronous is not None:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute(f"PRAGMA synchronous = {synchronous}")
    except sqlite3.Error:
        db.close()
        raise
    return db


def _create(path: Path) -> None:
    """Create a missing file; SQLite gives its own the same mode, and would use the umask."""
    try:
        private.create_file(path)
    except OSError as error:
        raise sqlite3.OperationalError(f"unable to open database file ({error})") from error
