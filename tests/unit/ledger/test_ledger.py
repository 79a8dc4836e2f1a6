"""The ledger, in a real SQLite file."""

import os
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.core.errors import Deferred, LedgerLost, Misconfigured
from daemon.core.records import Claim, Stamp
from daemon.ledger.ledger import Ledger

SHA = "ab" * 32


def claim(token: str = "t1", name: str = "a/scan.pdf", sha256: str = SHA) -> Claim:
    return Claim(token, name, Path("/work") / name, Stamp(10, 20, 30), sha256)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite3"


def test_a_claim_survives_the_process_as_it_was_written(path: Path) -> None:
    Ledger(path).add_claim(claim(), "default")

    (entry,) = Ledger(path).unfinished()

    assert (entry.id, entry.name, entry.bytes, entry.sha256) == ("t1", "a/scan.pdf", 10, SHA)
    assert (entry.state, entry.starts, entry.attempts, entry.stamp) == ("claimed", 0, 0, "10:20:30")


def test_a_name_that_is_not_unicode_is_stored_unchanged(path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    ledger = Ledger(path)

    assert ledger.add_claim(claim(name=name), "default").name == name


def test_claiming_again_keeps_the_row_and_its_counts(path: Path) -> None:
    ledger = Ledger(path)
    ledger.add_claim(claim(), "default")
    ledger.count_start("t1")

    assert ledger.add_claim(claim(), "default").starts == 1


def test_starts_and_attempts_are_counted_separately(path: Path) -> None:
    ledger = Ledger(path)
    ledger.add_claim(claim(), "default")

    counts = [
        ledger.count_start("t1"),
        ledger.count_attempt("t1"),
        ledger.count_attempt("t1"),
        ledger.count_start("t1"),
    ]

    assert counts == [(1, 1), 2, 3, (2, 4)]


def test_an_interrupted_start_is_not_counted(path: Path) -> None:
    ledger = Ledger(path)
    ledger.add_claim(claim(), "default")
    ledger.count_start("t1")
    ledger.uncount_start("t1")

    assert ledger.count_start("t1") == (1, 1)


def test_only_full_answers_make_later_files_duplicates(path: Path) -> None:
    ledger = Ledger(path)
    for number, (status, state) in enumerate(
        [
            ("done", "closed"),
            ("failed", "closed"),
            ("duplicate", "closed"),
            ("partial", "answering"),
        ]
    ):
        token = f"t{number}"
        ledger.add_claim(claim(token), "default")
        ledger.mark_answering(token, status, f"{status}.json")
        if state == "closed":
            ledger.mark_answered(token)
            ledger.mark_closed(token)

    assert [entry.answer for entry in ledger.answers_to(SHA, "default")] == ["done.json"]
    assert ledger.answers_to(SHA, "receipts") == []


def test_rows_that_are_not_closed_are_unfinished(path: Path) -> None:
    ledger = Ledger(path)
    for token in ("t1", "t2", "t3", "t4"):
        ledger.add_claim(claim(token), "default")
    for token in ("t2", "t3", "t4"):
        ledger.mark_answering(token, "done", f"{token}.json")
    for token in ("t3", "t4"):
        ledger.mark_answered(token)
    ledger.mark_closed("t4")

    states = {entry.id: entry.state for entry in ledger.unfinished()}

    assert states == {"t1": "claimed", "t2": "answering", "t3": "answered"}
    assert ledger.counts() == {"done": 2, "in_progress": 2}


def test_a_failed_try_is_not_counted_once_the_file_is_tried_again(path: Path) -> None:
    ledger = Ledger(path)
    for token in ("t1", "t2", "other"):
        ledger.add_claim(replace(claim(token), name=f"{token[0]}.png"), "default")
        ledger.mark_answering(token, "failed", f"{token}.json")
        ledger.mark_answered(token)
    assert ledger.counts() == {"failed": 2}

    ledger.add_claim(replace(claim("t3"), name="t.png"), "default")

    assert ledger.counts() == {"failed": 1, "in_progress": 1}


def test_the_first_value_of_a_fact_is_kept(path: Path) -> None:
    Ledger(path).fact("instance", "one")

    assert Ledger(path).fact("instance", "two") == "one"


def test_a_power_cut_cannot_lose_what_was_written(path: Path) -> None:
    """FULL is 2: SQLite syncs the write-ahead log at every commit."""
    ledger = Ledger(path)

    assert ledger._db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert ledger._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_damaged_ledger_is_reported_with_a_remedy(path: Path) -> None:
    path.write_bytes(b"this is no database, and long enough to be looked at" * 10)

    with pytest.raises(Misconfigured, match="verify --rebuild"):
        Ledger(path)


def test_a_ledger_of_a_newer_daemon_is_not_touched(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()

    with pytest.raises(Misconfigured, match="schema version 99"):
        Ledger(path)


def test_a_full_disk_is_the_fault_of_the_environment(path: Path) -> None:
    ledger = Ledger(path)
    ledger._db.execute("PRAGMA max_page_count = 1")
    long_name = "x" * 100_000

    with pytest.raises(Deferred, match="full"):
        ledger.add_claim(claim(name=long_name), "default")


def test_a_ledger_that_cannot_be_written_is_the_fault_of_the_environment(path: Path) -> None:
    ledger = Ledger(path)
    ledger.add_claim(claim(), "default")
    ledger._db.execute("PRAGMA query_only = 1")

    for count in (ledger.count_start, ledger.count_attempt):
        with pytest.raises(Deferred, match="readonly"):
            count("t1")


def test_a_clock_set_back_does_not_change_the_order_of_claims(path: Path) -> None:
    ledger = Ledger(path)
    first = claim("t1")
    ledger.add_claim(first, "default")
    with sqlite3.connect(path) as db:
        db.execute("UPDATE claims SET claimed_at = '2099-01-01T00:00:00.000Z'")
    ledger.add_claim(replace(first, id="t2", stamp=Stamp(11, 21, 31)), "default")

    assert ledger.stamps() == {"a/scan.pdf": "11:21:31"}
    assert [entry.id for entry in ledger.unfinished()] == ["t1", "t2"]


def test_a_ledger_that_is_deleted_is_noticed(path: Path) -> None:
    ledger = Ledger(path)
    assert ledger.is_sound

    path.unlink()

    assert not ledger.is_sound


def test_a_damaged_ledger_is_distinguished_from_one_that_cannot_be_opened(path: Path) -> None:
    ledger = Ledger(path)
    ledger.add_claim(claim(), "default")
    ledger.close()
    path.write_bytes(b"damaged " * 4096)

    with pytest.raises(LedgerLost):
        Ledger(path)


def test_a_ledger_that_is_overwritten_is_noticed(path: Path) -> None:
    ledger = Ledger(path)
    ledger.add_claim(claim(), "default")
    ledger._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # else the log beside it has it all
    assert ledger.is_sound

    path.write_bytes(b"damaged " * 1000)

    assert not ledger.is_sound
