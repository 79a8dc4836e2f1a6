"""Possession by the ledger alone, of files that stay where they are."""

import os
from pathlib import Path

import pytest

from daemon.core.records import Claim, Failure, LedgerEntry, Stamp
from daemon.inbox.claims.by_ledger import LedgerClaims
from daemon.inbox.claims.protocol import Claims, Vanished
from daemon.inbox.scan import Scanner

FAILURE = Failure("corrupt", "The PNG ends early.", attempt=1)


def journal_claims(root: Path, stamps: dict[str, str] | None = None) -> LedgerClaims:
    return LedgerClaims(root / "inbox", root / "failed", stamps or {})


def listing_of(root: Path) -> dict[str, Stamp]:
    return dict(Scanner(root / "inbox", (), ()).scan().files)


def test_a_file_read_in_place_is_listed_again_only_when_it_changed(root: Path) -> None:
    claims = journal_claims(root)
    claims.take("sub/scan.pdf")

    assert claims.unread(listing_of(root)) == {}
    (root / "inbox/sub/scan.pdf").write_bytes(b"other bytes")
    assert list(claims.unread(listing_of(root))) == ["sub/scan.pdf"]


def test_what_the_ledger_remembers_is_not_read_again_after_a_restart(root: Path) -> None:
    stamp = str(journal_claims(root).take("sub/scan.pdf").stamp)

    assert journal_claims(root, {"sub/scan.pdf": stamp}).unread(listing_of(root)) == {}


def entry_of(claim: Claim) -> LedgerEntry:
    return LedgerEntry(
        claim.id, claim.name, 5, claim.sha256, "default", str(claim.stamp), "claimed", 1, 1, None,
        None, "2026-01-01T00:00:00Z",
    )  # fmt: skip


def test_an_unfinished_file_in_place_is_taken_up_unless_it_changed(root: Path) -> None:
    claim = journal_claims(root).take("sub/scan.pdf")

    assert list(journal_claims(root).held([entry_of(claim)], 0.0)) == [claim]
    (root / "inbox/sub/scan.pdf").write_bytes(b"other bytes")
    assert list(journal_claims(root).held([entry_of(claim)], 0.0)) == []


def test_a_failed_file_in_place_stays_and_its_reason_goes_to_failed(root: Path) -> None:
    claims: Claims = journal_claims(root)

    claims.fail(claims.take("sub/scan.pdf"), FAILURE)

    below = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    assert below == {"inbox/sub/scan.pdf", "failed/sub/scan.pdf.error.json"}


def test_what_is_in_work_in_place_is_not_taken_again_by_a_scan_from_before(root: Path) -> None:
    claims = journal_claims(root)
    claims.take("sub/scan.pdf")

    with pytest.raises(Vanished):
        claims.take("sub/scan.pdf")


def test_giving_back_an_earlier_state_of_a_file_forgets_no_later_one(root: Path) -> None:
    claims = journal_claims(root)
    first = claims.take("sub/scan.pdf")
    os.utime(root / "inbox/sub/scan.pdf", (1, 1))
    claims.take("sub/scan.pdf")

    claims.give_back(first)

    assert claims.unread(Scanner(root / "inbox", (), ()).scan().files) == {}


def test_a_file_that_was_exchanged_since_it_settled_is_left_to_settle_in_place(
    root: Path,
) -> None:
    settled = Stamp.of(root / "inbox/sub/scan.pdf")
    (root / "inbox/sub/scan.pdf").write_bytes(b"another one, just begun")

    with pytest.raises(Vanished):
        journal_claims(root).take("sub/scan.pdf", settled)
