"""A ledger that an earlier version has written: taken up as it is, or not at all."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from daemon.core.errors import Misconfigured
from daemon.ledger import schema
from daemon.ledger.deliveries import Deliveries
from daemon.ledger.ledger import Ledger
from daemon.ledger.notification import Notification

# as version 0.1.0 made it, word for word: an old file of our own, and on purpose not schema.py's
FIRST = """
CREATE TABLE claims (
    id          TEXT PRIMARY KEY,             -- the token of the claim
    name        BLOB NOT NULL,                -- path relative to the inbox, in bytes
    bytes       INTEGER NOT NULL,
    sha256      TEXT NOT NULL,
    profile     TEXT NOT NULL,
    stamp       TEXT NOT NULL,                -- bytes:mtime:inode as it was read
    state       TEXT NOT NULL CHECK (state IN ('claimed', 'answering', 'answered', 'closed')),
    starts      INTEGER NOT NULL DEFAULT 0,   -- how often a daemon began to read it
    attempts    INTEGER NOT NULL DEFAULT 0,   -- starts and, within them, tries after a death
    status      TEXT CHECK (status IN ('done', 'partial', 'failed', 'duplicate')),
    answer      BLOB,                         -- path relative to the outbox
    claimed_at  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    answered_at TEXT
) STRICT;
CREATE INDEX claims_by_content ON claims (sha256, profile, status);
CREATE INDEX claims_open ON claims (state) WHERE state != 'closed';
CREATE TABLE facts (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""
ROWS = """
INSERT INTO claims
    (id, name, bytes, sha256, profile, stamp, state, starts, attempts, status, answer)
VALUES ('c1', x'636166e92e706e67', 7, 'ab', 'p', '7:1:1', 'closed', 1, 1, 'done', x'612e6a736f6e'),
       ('c2', x'62', 7, 'cd', 'p', '7:1:1', 'answering', 2, 3, 'failed', x'622e6a736f6e');
INSERT INTO facts VALUES ('instance', 'one');
"""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A ledger of version 1, as the daemon of then leaves it: WAL, two claims, a fact."""
    path = tmp_path / "ledger.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(f"BEGIN; {FIRST} PRAGMA user_version = 1; COMMIT; {ROWS}")
    return path


def holds(path: Path) -> bool:
    """Tell whether nothing of the old rows has changed."""
    with closing(Ledger(path)) as ledger:
        first, second = ledger.all()
        return (
            (os.fsencode(first.name), first.answer, first.state)
            == (b"caf\xe9.png", "a.json", "closed")
            and (second.state, second.starts, second.attempts) == ("answering", 2, 3)
            and ledger.fact("instance", "two") == "one"
        )  # fmt: skip


def version_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute("PRAGMA user_version").fetchone()[0])


def test_an_older_ledger_is_brought_up_to_date_with_all_that_it_holds(old: Path) -> None:
    assert holds(old)

    assert version_of(old) == schema.VERSION
    with closing(Ledger(old)) as ledger:
        ledger.answered("c2", [Notification("c2", "tell", "document.failed", "b", "b.json", "{}")])
    with closing(Deliveries(old)) as deliveries:
        assert [each.id for each in deliveries.open()] == ["c2-tell"]


def test_old_and_new_ledgers_are_of_one_form(old: Path, tmp_path: Path) -> None:
    Ledger(old).close()
    Ledger(tmp_path / "new.sqlite3").close()

    forms = []
    for path in (old, tmp_path / "new.sqlite3"):
        with closing(sqlite3.connect(path)) as db:
            forms.append(db.execute("SELECT type, name, sql FROM sqlite_master").fetchall())

    assert forms[0] == forms[1]


def test_who_only_reads_an_older_ledger_leaves_it_as_it_is(old: Path) -> None:
    with closing(Ledger(old, read_only=True)) as ledger:
        assert ledger.counts() == {"done": 1, "in_progress": 1}
    with closing(Deliveries(old, read_only=True)) as deliveries:
        assert (deliveries.posts(), deliveries.open()) == ({}, [])
    with pytest.raises(Misconfigured, match="schema version 1"):
        Deliveries(old)

    assert version_of(old) == 1


@pytest.mark.parametrize("steps", range(1, schema.script(1).count(";")))
def test_a_kill_in_the_middle_of_it_leaves_the_old_ledger(old: Path, steps: int) -> None:
    script = ";".join(schema.script(1).split(";")[:steps]) + ";"
    killed = (
        "import os, signal, sqlite3, sys; db = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "db.executescript(sys.argv[2]); os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run([sys.executable, "-c", killed, str(old), script])
    assert ended.returncode == -signal.SIGKILL
    assert version_of(old) == 1

    assert holds(old)


def test_a_disk_that_runs_full_in_the_middle_of_it_leaves_the_old_ledger(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "script", lambda _: "BEGIN; CREATE TABLE deliveries (a); nonsense")
    with pytest.raises(Misconfigured):
        Ledger(old)
    monkeypatch.undo()

    assert version_of(old) == 1
    assert holds(old)


def test_the_form_that_is_tested_is_that_of_the_first_version() -> None:
    assert schema._FIRST == FIRST
