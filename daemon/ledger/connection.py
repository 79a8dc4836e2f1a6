"""The ledger's file: opened, looked through, brought up to date; SQLite's errors become ours."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from daemon.core.errors import Deferred, LedgerLost, Misconfigured
from daemon.core.volumes import Volume
from daemon.ledger import schema

# the owner holds the lock of the state folder: it alone makes the file and brings it up to date;
# a guest writes beside it, and a reader only reads
Role = Literal["owner", "guest", "reader"]
_MODES = {"owner": "rwc", "guest": "rw", "reader": "ro"}


class _Damaged(sqlite3.DatabaseError):
    """The file opens, and holds nonsense."""


def _is_damage(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return isinstance(error, _Damaged) or code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class LedgerConnection:
    """A connection to the ledger in one SQLite file.

    Misconfigured where it cannot be used, LedgerLost where it is damaged. `version` is that of the
    file, which for a reader may be an older one.
    """

    def __init__(self, path: Path, role: Role) -> None:
        self._path = path
        self.version = 0
        self._inode = 0
        try:
            self._db = self._connect(_MODES[role])
            try:
                self._prepare(role)
            except sqlite3.Error:
                self._db.close()
                raise
        except sqlite3.Error as error:
            kind = LedgerLost if _is_damage(error) else Misconfigured
            raise kind(
                "folders.state",
                path,
                f"the ledger cannot be used ({error}); check that the folder is writable; if the "
                "file is damaged, `ocr-daemon run` makes it anew from the sidecars, and so does "
                "`ocr-daemon verify --rebuild`",
            ) from error
        self._inode = path.stat().st_ino
        self._volume = Volume(path.parent)

    @property
    def is_sound(self) -> bool:
        """Whether the file that we write still has its name, and opens as a ledger does.

        A deleted one takes what is written with it; one that was overwritten is not noticed while
        all that is asked of it is in SQLite's cache.
        """
        try:
            self._volume.check()
        except OSError:
            return True  # the folder is away, and the intake says so
        try:
            if self._path.stat().st_ino != self._inode:
                return False
            # by SQLite: closing the file ourselves would drop the locks that it holds on it
            with contextlib.closing(self._connect("ro")) as fresh:
                fresh.execute("SELECT value FROM facts LIMIT 1").fetchall()
        except FileNotFoundError:
            return False
        except OSError:
            return True
        except sqlite3.Error as error:
            return not _is_damage(error)
        return True

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextlib.contextmanager
    def at_once(self) -> Iterator[None]:
        """Make everything within durable together, or nothing of it."""
        self._run("BEGIN IMMEDIATE")
        try:
            yield
            self._run("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # SQLite has ended it by itself where the disk is full
                with contextlib.suppress(Deferred):
                    self._run("ROLLBACK")
            raise

    def _connect(self, mode: str) -> sqlite3.Connection:
        db = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None,
            check_same_thread=False,  # the loop's steps run aside, one at a time
        )  # fmt: skip
        db.execute("PRAGMA busy_timeout = 10000")
        return db

    def _prepare(self, role: Role) -> None:
        if role != "reader":
            self._db.execute("PRAGMA journal_mode = WAL")
            # what a guest has lost in a power cut it does again
            self._db.execute(f"PRAGMA synchronous = {'FULL' if role == 'owner' else 'NORMAL'}")
        if role != "guest":
            ((health,), *_) = self._db.execute("PRAGMA quick_check(1)").fetchall()
            if health != "ok":
                raise _Damaged(health)
        (self.version,) = self._db.execute("PRAGMA user_version").fetchone()
        known = range(1 if role == "reader" else schema.VERSION, schema.VERSION + 1)
        if role == "owner" and self.version < schema.VERSION:
            self._db.executescript(schema.script(self.version))
            self.version = schema.VERSION
        elif self.version not in known:
            raise sqlite3.DatabaseError(
                f"schema version {self.version}, this daemon knows {schema.VERSION}"
            )

    def _run(
        self, statement: str, values: Sequence[str | bytes | int | float | None] = ()
    ) -> list[tuple[Any, ...]]:
        """Return all rows: a statement with RETURNING commits only when they are fetched."""
        try:
            return self._db.execute(statement, values).fetchall()
        except sqlite3.DatabaseError as error:
            if _is_damage(error):
                raise LedgerLost("folders.state", self._path, f"is damaged ({error})") from error
            raise Deferred(f"the ledger {self._path} cannot be written: {error}") from error
