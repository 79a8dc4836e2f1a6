"""Opening SQLite files."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from daemon.core import sqlite

OPEN_FILES = Path("/proc/self/fd")


def pragma(db: sqlite3.Connection, name: str) -> object:
    return db.execute(f"PRAGMA {name}").fetchone()[0]


def test_a_writer_gets_wal_mode_the_durability_that_it_asks_for_and_a_busy_timeout(
    tmp_path: Path,
) -> None:
    with closing(sqlite.connect(tmp_path / "a", busy_seconds=5.0, synchronous="FULL")) as db:
        assert (pragma(db, "journal_mode"), pragma(db, "synchronous")) == ("wal", 2)
        assert pragma(db, "busy_timeout") == 5000
        assert db.isolation_level is None


def test_a_reader_changes_nothing_and_creates_nothing(tmp_path: Path) -> None:
    with closing(sqlite.connect(tmp_path / "a")) as db:
        db.execute("CREATE TABLE t (x)")
    with closing(sqlite.connect(tmp_path / "a", "ro")) as db:
        assert pragma(db, "journal_mode") == "delete"
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            db.execute("INSERT INTO t VALUES (1)")

    for mode in ("ro", "rw"):
        with pytest.raises(sqlite3.OperationalError):
            sqlite.connect(tmp_path / "missing", mode)  # type: ignore[arg-type]
    assert not (tmp_path / "missing").exists()


@pytest.mark.parametrize("name", ["a?mode=ro#x.sqlite3", "50%.sqlite3", os.fsdecode(b"caf\xe9")])
def test_any_file_name_is_opened_literally(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with closing(sqlite.connect(Path(name))) as db:
        db.execute("CREATE TABLE t (x)")

    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_file_that_is_no_database_leaves_no_connection_open(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"no database at all " * 100)
    before = len(list(OPEN_FILES.iterdir()))

    with pytest.raises(sqlite3.DatabaseError):
        sqlite.connect(path, synchronous="FULL")

    assert len(list(OPEN_FILES.iterdir())) == before
