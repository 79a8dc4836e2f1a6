"""What folders stand on: mounts that go and come, room that runs out. Real mounts where allowed."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.core import volumes
from daemon.core.volumes import Volume, VolumeMonitor, mount_of
from daemon.inbox import watch
from tests.support.running_daemon import until

MOUNTS = """\
21 1 8:1 / / rw - ext4 /dev/sda1 rw
35 21 0:40 / /mnt/scans\\040and\\040more rw shared:1 - cifs //nas/scans rw
36 21 0:41 / /mnt/scans rw - nfs4 nas:/scans rw
37 21 0:42 / /mnt/Büro rw - nfs4 nas:/b rw
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/mnt/scans/in", "nfs4"),
        ("/mnt/scans and more/in", "cifs"),
        ("/mnt/scansother", "ext4"),
        ("/mnt/Büro/in", "nfs4"),
        ("/", "ext4"),
    ],
)
def test_the_filesystem_is_that_of_the_innermost_mount(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, kind: str
) -> None:
    odd = b"38 21 0:43 / /mnt/caf\xe9 rw - fuse x rw\n"  # a path that is no UTF-8
    (tmp_path / "mountinfo").write_bytes(MOUNTS.encode() + odd)
    monkeypatch.setattr(volumes, "MOUNT_TABLE", tmp_path / "mountinfo")

    assert mount_of(Path(folder))[1] == kind
    assert watch.delivers_events(Path(folder)) == (kind == "ext4")


@pytest.fixture
def share(tmp_path: Path) -> Iterator[Path]:
    """A filesystem of its own of one megabyte, mounted."""
    folder = tmp_path / "share"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting is not permitted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], capture_output=True)


def test_an_unmounted_share_is_not_taken_for_an_empty_one(share: Path) -> None:
    (share / "outbox").mkdir()
    standing = [Volume(share), Volume(share / "outbox")]
    for each in standing:
        each.check()
    subprocess.run(["umount", str(share)], check=True)
    (share / "outbox").mkdir()

    for each in standing:
        with pytest.raises(OSError, match="is not mounted") as raised:
            each.check()
        assert raised.value.errno == errno.ENODEV


def test_a_share_mounted_after_the_start_is_missed_when_it_goes(tmp_path: Path) -> None:
    folder = tmp_path / "share"
    folder.mkdir()
    standing = Volume(folder)
    mount = ["mount", "-t", "tmpfs", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting is not permitted here")
    standing.check()
    subprocess.run(["umount", str(folder)], check=True)

    with pytest.raises(OSError, match="is not mounted"):
        standing.check()


def test_a_share_mounted_again_is_as_good_as_before(share: Path) -> None:
    standing = Volume(share)
    subprocess.run(["umount", str(share)], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(share)], check=True)

    standing.check()


def test_a_folder_that_goes_is_away_and_made_anew_it_is_back(tmp_path: Path) -> None:
    folder = tmp_path / "outbox"
    folder.mkdir()
    standing = Volume(folder)
    folder.rmdir()
    with pytest.raises(OSError, match="no such folder"):
        standing.check()

    folder.mkdir()

    standing.check()


def test_a_folder_running_full_is_told_before_it_is_full(share: Path) -> None:
    standing = Volume(share)
    assert standing.hindrance(100_000_000) is None  # a twentieth of a small disk is enough

    (share / "filling").write_bytes(bytes(1_000_000))

    assert "make room" in (standing.hindrance(100_000_000) or "")
    assert standing.hindrance(10_000) is None


@pytest.mark.parametrize("which", ["inbox", "outbox", "logs"])
def test_only_the_logs_are_dispensable(tmp_path: Path, which: str) -> None:
    for name in ("inbox", "outbox", "logs"):
        (tmp_path / name).mkdir()
    volumes = VolumeMonitor(tmp_path / "inbox", [tmp_path / "outbox"], tmp_path / "logs", 1)
    (tmp_path / which).rmdir()

    until(lambda: (volumes.hindrance(), volumes.warning)[1] or which != "logs", 10)
    hindrance = volumes.hindrance()

    assert str(tmp_path / which) in ((volumes.warning if which == "logs" else hindrance) or "")
    assert (hindrance is None) == (which == "logs")


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_may_not_be_written_hinders(tmp_path: Path) -> None:
    standing = Volume(tmp_path)
    tmp_path.chmod(0o500)

    assert "cannot be written" in (standing.hindrance(1) or "")

    tmp_path.chmod(0o700)


def test_the_room_of_each_folder_is_kept_and_that_of_one_that_is_away_forgotten(
    tmp_path: Path,
) -> None:
    for name in ("inbox", "outbox", "failed", "logs"):
        (tmp_path / name).mkdir()
    written = [tmp_path / "outbox", tmp_path / "failed"]
    volumes = VolumeMonitor(tmp_path / "inbox", written, tmp_path / "logs", 1)
    (tmp_path / "outbox").rmdir()

    volumes.hindrance()

    room = volumes.room
    assert tmp_path / "outbox" not in room
    assert 0 < room[tmp_path / "failed"].free <= room[tmp_path / "failed"].total
