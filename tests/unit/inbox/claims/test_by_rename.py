"""Possession, on a real disk."""

import json
import os
from pathlib import Path
from typing import BinaryIO

import pytest

from daemon.core import fs
from daemon.core.records import Failure, Stamp
from daemon.inbox.claims.by_rename import RenameClaims
from daemon.inbox.claims.protocol import Vanished, is_held
from daemon.inbox.scan import Scanner

FAILURE = Failure("corrupt", "The PNG ends early.", attempt=1)


def rename_claims(root: Path, instance: str = "one", *, delete: bool = False) -> RenameClaims:
    archive = None if delete else root / "archive"
    return RenameClaims(root / "inbox", instance, archive, root / "failed")


def files_below(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "lock"
    }


def test_a_claimed_file_is_out_of_the_inbox_and_out_of_the_next_scan(root: Path) -> None:
    claim = rename_claims(root).take("sub/scan.pdf")

    assert claim.path.read_bytes() == b"bytes"
    assert (claim.name, claim.stamp.size) == ("sub/scan.pdf", 5)
    assert dict(Scanner(root / "inbox", (), ()).scan().files) == {}


def test_of_two_daemons_only_one_gets_the_file(root: Path) -> None:
    first, second = rename_claims(root, "one"), rename_claims(root, "two")
    first.take("sub/scan.pdf")

    with pytest.raises(Vanished):
        second.take("sub/scan.pdf")

    assert list(second.held([], 0.0)) == []


def test_a_link_put_in_place_of_the_file_is_put_back_unread(root: Path) -> None:
    (root / "inbox/link.pdf").symlink_to("/etc/passwd")

    with pytest.raises(Vanished):
        rename_claims(root).take("link.pdf")

    assert (root / "inbox/link.pdf").is_symlink()


def test_an_answered_original_goes_to_the_archive_and_twice_is_once(root: Path) -> None:
    claims = rename_claims(root)
    claim = claims.take("sub/scan.pdf")

    claims.finish(claim)
    claims.finish(claim)

    assert files_below(root) == {"archive/sub/scan.pdf": b"bytes"}


def test_an_answered_original_can_be_deleted(root: Path) -> None:
    claims = rename_claims(root, delete=True)

    claims.finish(claims.take("sub/scan.pdf"))

    assert files_below(root) == {}


def test_the_archive_never_overwrites(root: Path) -> None:
    claims = rename_claims(root)
    claims.finish(claims.take("sub/scan.pdf"))
    (root / "inbox/sub/scan.pdf").write_bytes(b"other")
    claims.finish(claims.take("sub/scan.pdf"))

    assert files_below(root) == {
        "archive/sub/scan.pdf": b"bytes",
        "archive/sub/scan.2.pdf": b"other",
    }


def test_a_failed_file_keeps_its_bytes_with_the_reason_beside_them(root: Path) -> None:
    claims = rename_claims(root)
    claim = claims.take("sub/scan.pdf")

    claims.fail(claim, FAILURE)
    claims.fail(claim, FAILURE)

    assert (root / "failed/sub/scan.pdf").read_bytes() == b"bytes"
    reason = json.loads((root / "failed/sub/scan.pdf.error.json").read_text())
    assert (reason["class"], reason["message"]) == ("corrupt", "The PNG ends early.")
    assert len(files_below(root)) == 2


def test_a_retry_that_succeeds_clears_the_reason(root: Path) -> None:
    claims = rename_claims(root)
    claims.fail(claims.take("sub/scan.pdf"), FAILURE)
    (root / "failed/sub/scan.pdf").rename(root / "inbox/sub/scan.pdf")

    claims.finish(claims.take("sub/scan.pdf"))

    assert files_below(root) == {"archive/sub/scan.pdf": b"bytes"}


def test_a_file_given_back_lies_where_it_was(root: Path) -> None:
    claims = rename_claims(root)

    claims.give_back(claims.take("sub/scan.pdf"))

    assert files_below(root) == {"inbox/sub/scan.pdf": b"bytes"}


def test_a_file_given_back_never_overwrites_its_successor(root: Path) -> None:
    claims = rename_claims(root)
    claim = claims.take("sub/scan.pdf")
    (root / "inbox/sub/scan.pdf").write_bytes(b"successor")

    claims.give_back(claim)

    assert files_below(root / "inbox/sub") == {"scan.pdf": b"successor", "scan.2.pdf": b"bytes"}


def test_a_file_that_cannot_be_hashed_goes_back_beside_its_successor(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(file: BinaryIO) -> str:
        (root / "inbox/sub/scan.pdf").write_bytes(b"successor")
        raise OSError(5, "Input/output error", file.name)

    monkeypatch.setattr(fs, "digest_of", fail)
    claims = rename_claims(root)

    with pytest.raises(OSError, match="Input/output error"):
        claims.take("sub/scan.pdf")

    assert files_below(root / "inbox/sub") == {"scan.pdf": b"successor", "scan.2.pdf": b"bytes"}


def test_one_unreadable_file_does_not_hide_the_others_from_a_restart(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "inbox/other.pdf").write_bytes(b"other")
    before = rename_claims(root)
    before.take("sub/scan.pdf")
    before.take("other.pdf")
    whole = fs.sha256_of

    def fail(path: Path) -> str:
        if path.name == "scan.pdf":
            raise OSError(5, "Input/output error", str(path))
        return whole(path)

    monkeypatch.setattr(fs, "sha256_of", fail)

    assert [claim.name for claim in rename_claims(root).held([], 0.0)] == ["other.pdf"]


def test_a_restart_finds_what_it_had(root: Path) -> None:
    before = rename_claims(root).take("sub/scan.pdf")

    (held,) = rename_claims(root).held([], 0.0)

    assert held == before


def test_claims_of_an_instance_that_is_gone_are_adopted(root: Path) -> None:
    claims = rename_claims(root, "lost")
    claim = claims.take("sub/scan.pdf")
    claims.close()  # the process has ended and its state folder was deleted

    (held,) = rename_claims(root, "new").orphans(0.0)

    assert (held.id, held.name, held.sha256) == (claim.id, claim.name, claim.sha256)


def test_claims_of_an_instance_that_lives_are_left_alone(root: Path) -> None:
    living = rename_claims(root, "living")
    claim = living.take("sub/scan.pdf")

    assert list(rename_claims(root, "new").orphans(0.0)) == []
    assert claim.path.exists()


def test_tidying_never_removes_a_file(root: Path) -> None:
    claims = rename_claims(root)
    claim = claims.take("sub/scan.pdf")
    (claim.path.parent / "late.pdf").write_bytes(b"late")

    claims.finish(claim)

    assert b"late" in files_below(root).values()


@pytest.mark.parametrize("touch", ["append", "replace", "remove"])
def test_a_file_written_to_after_the_claim_is_noticed(root: Path, touch: str) -> None:
    claim = rename_claims(root).take("sub/scan.pdf")
    assert is_held(claim)

    if touch == "append":
        with claim.path.open("ab") as file:
            file.write(b"more")
    elif touch == "replace":
        os.utime(claim.path, ns=(0, 0))
    else:
        claim.path.unlink()

    assert not is_held(claim)


def test_a_file_that_was_exchanged_since_it_settled_is_left_to_settle(root: Path) -> None:
    settled = Stamp.of(root / "inbox/sub/scan.pdf")
    (root / "inbox/sub/scan.pdf").write_bytes(b"another one, just begun")

    with pytest.raises(Vanished):
        rename_claims(root).take("sub/scan.pdf", settled)

    assert (root / "inbox/sub/scan.pdf").read_bytes() == b"another one, just begun"


def test_claims_of_a_daemon_on_another_machine_are_adopted_after_a_lease_and_not_before(
    root: Path,
) -> None:
    claim = rename_claims(root, "elsewhere").take("sub/scan.pdf")
    lock = claim.path.parents[2] / "lock"
    lock.write_text('{"boot": "of another machine", "device": 1}')
    ours = rename_claims(root, "ours")

    early = [list(ours.held([], 1000.0)), list(ours.orphans(1030.0)), list(ours.orphans(1059.0))]

    assert early == [[], [], []]
    assert [taken.id for taken in ours.orphans(1060.0)] == [claim.id]


def test_an_inbox_that_goes_before_archiving_is_not_taken_for_an_archived_file(
    root: Path,
) -> None:
    claims = rename_claims(root)
    claim = claims.take("sub/scan.pdf")
    (root / "inbox").rename(root / "away")
    with pytest.raises(OSError, match="no such folder"):
        claims.finish(claim)

    (root / "away").rename(root / "inbox")
    claims.finish(claim)

    assert (root / "archive/sub/scan.pdf").exists()
