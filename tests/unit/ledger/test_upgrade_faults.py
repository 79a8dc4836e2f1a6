"""A ledger whose upgrade meets a full disk, or a kill, at each of its operations on files."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from daemon.ledger import schema
from tests.support.kill_points import EVERY
from tests.torture import upgrade
from tests.torture.upgrade import Act
from tests.unit.ledger.test_migration import FIRST, ROWS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(upgrade.COMPILER is None, reason="no C compiler for full_disk.c"),
]


def stopped(path: Path) -> None:
    """The ledger of a daemon of version 1 that was stopped."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(f"BEGIN; {FIRST} PRAGMA user_version = 1; COMMIT; {ROWS}")


def killed(path: Path) -> None:
    """The ledger of a daemon of version 1 that was killed: the rows are in SQLite's log."""
    source = path.with_name("source")
    with closing(sqlite3.connect(source, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(f"BEGIN; {FIRST} PRAGMA user_version = 1; COMMIT; {ROWS}")
        for ending in ("", "-wal"):
            shutil.copy(f"{source}{ending}", f"{path}{ending}")
    source.unlink()


def absent(path: Path) -> None:
    """No ledger: the first start creates it."""


@pytest.mark.parametrize("act", ["full", "kill"])
@pytest.mark.parametrize("make", [stopped, killed, absent])
def test_an_upgrade_that_fails_at_any_operation_leaves_the_old_ledger_or_the_new_one(
    make: Callable[[Path], None], act: Act, tmp_path: Path
) -> None:
    every = 1 if os.environ.get("EVERY_STEP") else EVERY
    found = list(upgrade.steps(tmp_path, act, make, schema.VERSION, every))

    assert [step for step in found if step.complaints] == []
    assert {step.version for step in found} == {0 if make is absent else 1, schema.VERSION}
    assert len(found) > 20 / every
