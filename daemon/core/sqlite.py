"""Opens SQLite files in one way: by URI, in autocommit mode, with a busy timeout."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Literal

Mode = Literal["rwc", "rw", "ro"]
Synchronous = Literal["FULL", "NORMAL", "OFF"]


def connect(
    path: Path,
    mode: Mode = "rwc",
    *,
    busy_seconds: float = 10.0,
    synchronous: Synchronous | None = None,
) -> sqlite3.Connection:
    """Open the file `path`; only the mode "rwc" creates it.

    Transactions are explicit (`isolation_level=None`), and another process's lock is waited for up
    to `busy_seconds`. With `synchronous` the file is switched to WAL mode with that durability;
    without it the journal mode stays as it is, as a reader needs it. The connection may be used
    from several threads, one at a time. Raises sqlite3.Error and leaves nothing open.
    """
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
