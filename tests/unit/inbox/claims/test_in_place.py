"""Possession by the ledger alone, of files that stay where they are."""

import os
from pathlib import Path

import pytest

from daemon.core.records import Claim, Failure, LedgerEntry, Stamp
from daemon.inbox.claims.by_ledger import LedgerClaims
from daemon.inbox.claims.protocol import Claims, Vanished
from daemon.inbox.scan import Scanner

FAILURE = Failure("corrupt", "The PNG ends early.", attempt=1)


def journal_claims(house: Path, stamps: dict[str, str] | None = None) -> LedgerClaims:
    return LedgerClaims(house / "inbox", house / "failed", stamps or {})


def listing_of(house: Path) -> dict[str, Stamp]:
    return dict(Scanner(house / "inbox", (), ()).scan().files)


def test_a_file_read_in_place_is_listed_again_only_when_it_changed(house: Path) -> None:
    claims = journal_claims(house)
    claims.take("sub/scan.pdf")

    assert claims.unread(listing_of(house)) == {}
    (house / "inbox/sub/scan.pdf").write_bytes(b"other bytes")
    assert list(claims.unread(listing_of(house))) == ["sub/scan.pdf"]


def test_what_the_ledger_remembers_is_not_read_again_after_a_restart(house: Path) -> None:
    stamp = str(journal_claims(house).take("sub/scan.pdf").stamp)

    assert journal_claims(house, {"sub/scan.pdf": stamp}).unread(listing_of(house)) == {}


def entry_of(claim: Claim) -> LedgerEntry:
    return LedgerEntry(
        claim.id, claim.name, 5, claim.sha256, "default", str(claim.stamp), "claimed", 1, 1, None,
        None, "2026-01-01T00:00:00Z",
    )  # fmt: skip


def test_an_unfinished_file_in_place_is_taken_up_unless_it_changed(house: Path) -> None:
    claim = journal_claims(house).take("sub/scan.pdf")

    assert list(journal_claims(house).held([entry_of(claim)], 0.0)) == [claim]
    (house / "inbox/sub/scan.pdf").write_bytes(b"other bytes")
    assert list(journal_claims(house).held([entry_of(claim)], 0.0)) == []


def test_a_failed_file_in_place_stays_and_its_reason_goes_to_failed(house: Path) -> None:
    claims: Claims = journal_claims(house)

    claims.fail(claims.take("sub/scan.pdf"), FAILURE)

    below = {str(path.relative_to(house)) for path in house.rglob("*") if path.is_file()}
    assert below == {"inbox/sub/scan.pdf", "failed/sub/scan.pdf.error.json"}


def test_what_is_in_work_in_place_is_not_taken_again_by_a_scan_from_before(house: Path) -> None:
    claims = journal_claims(house)
    claims.take("sub/scan.pdf")

    with pytest.raises(Vanished):
        claims.take("sub/scan.pdf")


def test_giving_back_an_earlier_state_of_a_file_forgets_no_later_one(house: Path) -> None:
    claims = journal_claims(house)
    first = claims.take("sub/scan.pdf")
    os.utime(house / "inbox/sub/scan.pdf", (1, 1))
    claims.take("sub/scan.pdf")

    claims.give_back(first)

    assert claims.unread(Scanner(house / "inbox", (), ()).scan().files) == {}


def test_a_file_that_was_exchanged_since_it_settled_is_left_to_settle_in_place(
    house: Path,
) -> None:
    settled = Stamp.of(house / "inbox/sub/scan.pdf")
    (house / "inbox/sub/scan.pdf").write_bytes(b"another one, just begun")

    with pytest.raises(Vanished):
        journal_claims(house).take("sub/scan.pdf", settled)
