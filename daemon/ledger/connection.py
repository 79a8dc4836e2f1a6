"""Opens, checks and migrates the ledger's file; translates SQLite's errors into the daemon's."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from daemon.core import sqlite
from daemon.core.errors import Deferred, LedgerLost, Misconfigured
from daemon.core.volumes import Volume
from daemon.ledger import schema

# The owner holds the lock of the state folder and is the only one to create and migrate the file.
# A guest is a second writer beside the owner. A reader opens the file read-only.
Role = Literal["owner", "guest", "reader"]
_MODES: dict[Role, sqlite.Mode] = {"owner": "rwc", "guest": "rw", "reader": "ro"}
# a guest repeats whatever a power cut has lost; a reader leaves the file's modes alone
_SYNCHRONOUS: dict[Role, sqlite.Synchronous | None] = {
    "owner": "FULL", "guest": "NORMAL", "reader": None,
}  # fmt: skip


class _Damaged(sqlite3.DatabaseError):
    """The file opens, but fails its integrity check."""


_SCARCE_BYTES = 1_000_000  # free on a disk on which SQLite may be unable to create its files


class _OtherVersion(sqlite3.DatabaseError):
    """The file is sound, but has a schema that this daemon does not write."""


def _is_damage(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return isinstance(error, _Damaged) or code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _disk_fault(error: sqlite3.Error, path: Path) -> int | None:
    """Return the errno of a disk that is full or fails, None where it is not at fault.

    SQLite says of a file that it cannot create neither why nor on which disk.
    """
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without the details
    with contextlib.suppress(OSError):
        if code == sqlite3.SQLITE_FULL or shutil.disk_usage(path.parent).free < _SCARCE_BYTES:
            return errno.ENOSPC
    return errno.EIO if code == sqlite3.SQLITE_IOERR else None


class LedgerConnection:
    """A connection to the ledger in one SQLite file.

    Raises Misconfigured if the file cannot be used, LedgerLost if it is damaged, and an OSError if
    the disk is full or fails. `version` is the schema version of the file; a reader may see an
    older one.
    """

    def __init__(self, path: Path, role: Role) -> None:
        self._path = path
        self.version = 0
        self._inode = 0
        try:
            self._db = sqlite.connect(path, _MODES[role], synchronous=_SYNCHRONOUS[role])
            try:
                self._prepare(role)
            except sqlite3.Error:
                self._db.close()
                raise
        except _OtherVersion as error:
            raise Misconfigured("folders.state", path, str(error)) from error
        except sqlite3.Error as error:
            if number := _disk_fault(error, path):
                raise OSError(number, os.strerror(number), str(path)) from error
            kind = LedgerLost if _is_damage(error) else Misconfigured
            raise kind(
                "folders.state",
                path,
                f"the ledger cannot be used ({error}); check that the folder is writable and its "
                "disk has space; if the file is damaged, `ocr-daemon run` or `ocr-daemon verify "
                "--rebuild` rebuilds it from the sidecars",
            ) from error
        self._inode = path.stat().st_ino
        self._volume = Volume(path.parent)

    @property
    def is_sound(self) -> bool:
        """Whether the open file is still the one at its path, and can be read as a ledger.

        Writes to a deleted file are lost with it. An overwritten file is not detected as long as
        SQLite answers from its cache.
        """
        try:
            self._volume.check()
        except OSError:
            return True  # the folder is away; the intake reports that
        try:
            if self._path.stat().st_ino != self._inode:
                return False
            # through SQLite: closing a descriptor of our own would drop SQLite's locks on the file
            with contextlib.closing(sqlite.connect(self._path, "ro")) as fresh:
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
    def transaction(self) -> Iterator[None]:
        """Commit all statements of the block together, or none of them."""
        self._run("BEGIN IMMEDIATE")
        try:
            yield
            self._run("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # SQLite itself has ended it if the disk is full
                with contextlib.suppress(Deferred):
                    self._run("ROLLBACK")
            raise

    def _prepare(self, role: Role) -> None:
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
            is_newer = self.version > schema.VERSION
            remedy = (
                "a newer version of ocr-daemon wrote it; run that version again, or see Going back "
                "in docs/upgrading.md"
                if is_newer
                else "`ocr-daemon run` upgrades it"
            )
            raise _OtherVersion(
                f"the ledger has schema version {self.version}, this daemon supports "
                f"{schema.VERSION}: {remedy}"
            )

    def _run(
        self, statement: str, values: Sequence[str | bytes | int | float | None] = ()
    ) -> list[tuple[Any, ...]]:
        """Return all rows: a statement with RETURNING commits only after its rows are fetched."""
        try:
            return self._db.execute(statement, values).fetchall()
        except sqlite3.DatabaseError as error:
            if _is_damage(error):
                raise LedgerLost("folders.state", self._path, f"is damaged ({error})") from error
            raise Deferred(f"the ledger {self._path} cannot be written: {error}") from error
