"""Filesystems that are unmounted, mounted again or full; with real mounts if permitted."""

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


def test_an_unmounted_share_is_not_mistaken_for_an_empty_one(share: Path) -> None:
    (share / "outbox").mkdir()
    volumes = [Volume(share), Volume(share / "outbox")]
    for each in volumes:
        each.check()
    subprocess.run(["umount", str(share)], check=True)
    (share / "outbox").mkdir()

    for each in volumes:
        with pytest.raises(OSError, match="is not mounted") as raised:
            each.check()
        assert raised.value.errno == errno.ENODEV


def test_a_share_mounted_after_the_start_is_missed_when_it_is_unmounted(tmp_path: Path) -> None:
    folder = tmp_path / "share"
    folder.mkdir()
    volume = Volume(folder)
    mount = ["mount", "-t", "tmpfs", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting is not permitted here")
    volume.check()
    subprocess.run(["umount", str(folder)], check=True)

    with pytest.raises(OSError, match="is not mounted"):
        volume.check()


def test_a_share_that_is_mounted_again_is_accepted(share: Path) -> None:
    volume = Volume(share)
    subprocess.run(["umount", str(share)], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(share)], check=True)

    volume.check()


def test_a_folder_that_is_removed_is_missing_until_it_is_created_again(tmp_path: Path) -> None:
    folder = tmp_path / "outbox"
    folder.mkdir()
    volume = Volume(folder)
    folder.rmdir()
    with pytest.raises(OSError, match="no such folder"):
        volume.check()

    folder.mkdir()

    volume.check()


def test_low_space_is_reported_before_the_volume_is_full(share: Path) -> None:
    volume = Volume(share)
    assert volume.problem(100_000_000) is None  # a twentieth of a small disk is enough

    (share / "filling").write_bytes(bytes(1_000_000))

    assert "free some space" in (volume.problem(100_000_000) or "")
    assert volume.problem(10_000) is None


@pytest.mark.parametrize("which", ["inbox", "outbox", "logs"])
def test_only_a_missing_log_folder_does_not_stop_intake(tmp_path: Path, which: str) -> None:
    for name in ("inbox", "outbox", "logs"):
        (tmp_path / name).mkdir()
    volumes = VolumeMonitor(tmp_path / "inbox", [tmp_path / "outbox"], tmp_path / "logs", 1)
    (tmp_path / which).rmdir()

    until(lambda: (volumes.problem(), volumes.warning)[1] or which != "logs", 10)
    hindrance = volumes.problem()

    assert str(tmp_path / which) in ((volumes.warning if which == "logs" else hindrance) or "")
    assert (hindrance is None) == (which == "logs")


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_without_write_permission_is_a_problem(tmp_path: Path) -> None:
    volume = Volume(tmp_path)
    tmp_path.chmod(0o500)

    assert "cannot be written" in (volume.problem(1) or "")

    tmp_path.chmod(0o700)


def test_the_disk_usage_of_each_available_folder_is_known(
    tmp_path: Path,
) -> None:
    for name in ("inbox", "outbox", "failed", "logs"):
        (tmp_path / name).mkdir()
    written = [tmp_path / "outbox", tmp_path / "failed"]
    volumes = VolumeMonitor(tmp_path / "inbox", written, tmp_path / "logs", 1)
    (tmp_path / "outbox").rmdir()

    volumes.problem()

    usage = volumes.disk_usage
    assert tmp_path / "outbox" not in usage
    assert 0 < usage[tmp_path / "failed"].free <= usage[tmp_path / "failed"].total
