"""Who may write into the inbox or the outbox gets nothing read or moved from elsewhere."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.inbox.claims.by_ledger import LedgerClaims
from daemon.inbox.claims.by_rename import RenameClaims
from daemon.inbox.claims.protocol import Vanished
from tests.support.repository import REPOSITORY


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A folder elsewhere on the inbox's filesystem, with a file."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/secret.png").write_bytes(b"secret")
    (tmp_path / "inbox").mkdir()
    return tmp_path / "elsewhere/secret.png"


def rename_claims(root: Path) -> RenameClaims:
    return RenameClaims(root / "inbox", "instance", root / "archive", root / "failed")


def test_a_folder_swapped_for_a_link_leads_no_claim_elsewhere(tmp_path: Path, secret: Path) -> None:
    """Listed as sub/secret.png, then sub became a link to a folder of somebody else's."""
    claims = rename_claims(tmp_path)
    (tmp_path / "inbox/sub").symlink_to(secret.parent)

    with pytest.raises((OSError, Vanished)):
        claims.take("sub/secret.png")

    assert secret.read_bytes() == b"secret"


def test_a_folder_swapped_for_a_link_is_not_read_in_place(tmp_path: Path, secret: Path) -> None:
    claims = LedgerClaims(tmp_path / "inbox", tmp_path / "failed", {})
    (tmp_path / "inbox/sub").symlink_to(secret.parent)

    with pytest.raises((OSError, Vanished)):
        claims.take("sub/secret.png")


def test_a_planted_work_folder_leads_nothing_elsewhere(tmp_path: Path, secret: Path) -> None:
    (tmp_path / "inbox/.ocr-daemon").symlink_to(secret.parent)
    (tmp_path / "inbox/scan.png").write_bytes(b"scan")

    with contextlib.suppress(OSError):
        rename_claims(tmp_path).take("scan.png")

    assert [path.name for path in secret.parent.iterdir()] == [secret.name]


READ = """
import sys
from pathlib import Path
from daemon.outbox.publish import Outbox
Outbox(Path(sys.argv[1])).place_for("scan.png", "0" * 64)
"""


def test_a_fifo_in_the_outbox_stops_no_answer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "scan.png.json")

    subprocess.run(
        [sys.executable, "-c", READ, str(tmp_path)], cwd=REPOSITORY, timeout=5, check=True
    )


def test_a_file_half_given_back_does_not_linger_in_the_inbox(tmp_path: Path, secret: Path) -> None:
    (tmp_path / "inbox/scan.png").write_bytes(b"scan")
    claims = rename_claims(tmp_path)
    claim = claims.take("scan.png")
    os.link(claim.path, tmp_path / "inbox/scan.png")  # where the kill came

    assert list(claims.held([], 0.0)) == []

    assert not claim.path.exists()
    assert (tmp_path / "inbox/scan.png").stat().st_nlink == 1


def test_a_file_half_given_back_by_a_dead_peer_is_not_read_twice(
    tmp_path: Path, secret: Path
) -> None:
    (tmp_path / "inbox/scan.png").write_bytes(b"scan")
    peer = RenameClaims(tmp_path / "inbox", "peer", tmp_path / "archive", tmp_path / "failed")
    claim = peer.take("scan.png")
    os.link(claim.path, tmp_path / "inbox/scan.png")  # where the kill came
    peer.close()

    assert list(rename_claims(tmp_path).held([], 1000.0)) == []

    assert (tmp_path / "inbox/scan.png").stat().st_nlink == 1
