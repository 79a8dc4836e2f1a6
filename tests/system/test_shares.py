"""Shares that stall, vanish, fill up and are shared: real FUSE mounts and real small disks."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.support.running_daemon import RunningDaemon, Workspace, until
from tests.support.samples import png, text_page
from tests.system.test_crash import balance, long_document
from tests.system.test_metrics import Watched

if shutil.which("bindfs") is None:
    pytest.skip("bindfs, which imitates a network share, is not here", allow_module_level=True)


@contextmanager
def mounted(folder: Path, behind: Path) -> Iterator[psutil.Process]:
    """Mount `behind` at `folder` through a FUSE server, which is returned."""
    behind.mkdir(exist_ok=True)
    folder.mkdir(exist_ok=True)
    command = ["bindfs", "-f", str(behind), str(folder)]
    server = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: folder.is_mount() or server.poll() is not None, 10, what="mounted")
        if server.poll() is not None:
            pytest.skip("mounting FUSE is not permitted here")
        yield server
    finally:
        server.send_signal(signal.SIGCONT)
        subprocess.run(["umount", "-l", str(folder)], capture_output=True)
        server.wait(10)


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """Mount a disk of `size` at `folder`."""
    folder.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting is not permitted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], capture_output=True)


def leave_little(filling: Path) -> None:
    """Fill a disk until a fortieth of it is free: less than the daemon asks for."""
    usage = shutil.disk_usage(filling.parent)
    filling.write_bytes(bytes(usage.free - usage.total // 40))


def wait_for_looks(workspace: Workspace, count: int) -> None:
    """Wait until the inbox was looked at that often."""
    seen: set[float] = set()

    def looked() -> bool:
        seen.add(json.loads((workspace.state / "heartbeat.json").read_text())["scanned_at"])
        return len(seen) > count

    until(looked, what=f"{count} looks")


def says(workspace: Workspace, words: str) -> bool:
    return words in workspace.command("health").stdout


@pytest.mark.parametrize("which", ["inbox", "outbox"])
def test_a_share_that_stalls_is_told_and_waited_for(tmp_path: Path, which: str) -> None:
    workspace = Workspace(tmp_path)
    with (
        mounted(getattr(workspace, which), tmp_path / "behind") as server,
        workspace.running() as daemon,
    ):
        workspace.drop("before.png", png(text_page(["Before"])))
        assert workspace.answer("before.png.json")["status"] == "done"
        server.send_signal(signal.SIGSTOP)
        if which == "outbox":
            workspace.drop("meanwhile.png", png(text_page(["Meanwhile"])))

        until(lambda: says(workspace, "does not answer"), 30, what="told")
        assert daemon.process.poll() is None
        server.send_signal(signal.SIGCONT)

        workspace.drop("after.png", png(text_page(["After"])))
        assert workspace.answer("after.png.json")["status"] == "done"
        until(lambda: says(workspace, "ok: "), what="healed")


def test_a_start_on_a_stalled_share_says_so_and_goes_on_when_it_answers(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    said = tmp_path / "output"
    with mounted(workspace.inbox, tmp_path / "behind") as server:
        server.send_signal(signal.SIGSTOP)
        daemon = RunningDaemon(workspace, {})
        until(lambda: f"{workspace.inbox} (folders.inbox) does not answer" in said.read_text(), 30)

        server.send_signal(signal.SIGCONT)
        daemon.wait_ready()
        daemon.end()


def test_a_start_on_a_stalled_share_ends_when_it_is_told_to(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with mounted(workspace.inbox, tmp_path / "behind") as server:
        server.send_signal(signal.SIGSTOP)
        daemon = RunningDaemon(workspace, {})
        until(lambda: "start.waiting" in (tmp_path / "output").read_text(), 30)

        daemon.signal(signal.SIGTERM)

        assert daemon.wait(30) == 0
        daemon.end()


def test_a_daemon_on_a_stalled_share_ends_when_it_is_told_to(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, grace_seconds=2.0)
    with mounted(workspace.inbox, tmp_path / "behind") as server, workspace.running() as daemon:
        server.send_signal(signal.SIGSTOP)
        until(lambda: says(workspace, "does not answer"), 30, what="told")

        daemon.signal(signal.SIGTERM)

        assert daemon.wait(30) == 0


@pytest.mark.parametrize("which", ["outbox", "state", "failed", "archive"])
def test_a_disk_that_fills_pauses_intake_and_heals(tmp_path: Path, which: str) -> None:
    workspace = Workspace(tmp_path)
    with small_disk(getattr(workspace, which), "4m"):
        with workspace.running():
            filling = getattr(workspace, which) / "filling"
            leave_little(filling)
            until(lambda: says(workspace, "free some space"), what="told")
            workspace.drop("held.png", png(text_page(["Held"])))
            workspace.drop("broken.png", b"\x89PNG\r\n\x1a\n broken")
            wait_for_looks(workspace, 5)  # of which the second would take them
            assert workspace.files_in(workspace.inbox) >= {"held.png", "broken.png"}
            assert workspace.files_in(workspace.outbox) <= {"filling"}
            filling.unlink()

            assert workspace.answer("held.png.json")["processing"]["attempt"] == 1
            until(lambda: (workspace.failed / "broken.png").exists(), what="failed kept")

        assert "landed 2 = answered 2 + waiting 0" in balance(workspace)


def fill(path: Path) -> None:
    """Write to `path` until its disk is full to the last block."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))


@pytest.mark.parametrize("which", ["outbox", "inbox"])
def test_a_disk_without_any_room_costs_no_attempt(tmp_path: Path, which: str) -> None:
    """No watermark: the disk is full in the middle of the work."""
    workspace = Workspace(tmp_path, min_free_megabytes=0)
    with small_disk(getattr(workspace, which), "4m"), workspace.running():
        workspace.drop("long.pdf", long_document("Full", lines=40))
        until(lambda: list(workspace.inbox.rglob("work/*/*/long.pdf")), what="claimed")
        filling = getattr(workspace, which) / ".filling"
        fill(filling)
        if which == "outbox":
            until(lambda: says(workspace, "No space"), what="told")
        filling.unlink()

        assert workspace.answer("long.pdf.json")["processing"]["attempt"] == 1
        until(lambda: (workspace.archive / "long.pdf").exists())

    assert "landed 1 = answered 1 + waiting 0" in balance(workspace)


def test_logs_without_room_stop_nothing(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with small_disk(workspace.logs, "1m"), workspace.running():
        leave_little(workspace.logs / "filling")
        until(lambda: says(workspace, str(workspace.logs)), what="told")
        workspace.drop("scan.png", png(text_page(["Unlogged"])))

        assert workspace.answer("scan.png.json")["status"] == "done"


def test_an_outbox_that_is_unmounted_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with small_disk(workspace.outbox, "4m"), workspace.running():
        workspace.drop("long.pdf", long_document("Hidden", lines=40))
        until(lambda: list(workspace.inbox.rglob("work/*/*/long.pdf")), what="claimed")
        subprocess.run(["umount", "-l", str(workspace.outbox)], check=True)
        until(lambda: says(workspace, "is not mounted"), what="told")
        assert workspace.files_in(workspace.outbox) == set()
        with small_disk(workspace.outbox, "4m"):
            assert workspace.answer("long.pdf.json")["processing"]["attempt"] == 1
            until(lambda: (workspace.archive / "long.pdf").exists())


def test_a_read_only_outbox_pauses_intake_and_heals(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with small_disk(workspace.outbox, "4m"), workspace.running():
        subprocess.run(["mount", "-o", "remount,ro", str(workspace.outbox)], check=True)
        until(lambda: says(workspace, "read-only"), what="told")
        workspace.drop("held.png", png(text_page(["Held"])))
        subprocess.run(["mount", "-o", "remount,rw", str(workspace.outbox)], check=True)

        assert workspace.answer("held.png.json")["processing"]["attempt"] == 1


@contextmanager
def two_machines(root: Path) -> Iterator[tuple[Workspace, Workspace]]:
    """Two workspaces whose inbox, outbox and archive are one share, each mounted for itself."""
    workspaces = []
    with mounted(root / "mount1", root / "share"), mounted(root / "mount2", root / "share"):
        for number in (1, 2):
            (root / f"machine{number}").mkdir()
            names = ("inbox", "outbox", "archive", "failed")
            folders = {name: str(root / f"mount{number}" / name) for name in names}
            workspace = Workspace(root / f"machine{number}", folders=folders, lease_seconds=4.0)
            for name in names:
                setattr(workspace, name, root / f"mount{number}" / name)
                getattr(workspace, name).mkdir(exist_ok=True)
            workspaces.append(workspace)
        yield workspaces[0], workspaces[1]


def drop_all(workspace: Workspace, count: int) -> None:
    for number in range(count):
        draft = workspace.inbox / f".{number}"
        draft.write_bytes(png(text_page([f"Shared scan {number}"])))
        draft.rename(workspace.inbox / f"{number}.png")


def texts(workspace: Workspace) -> Counter[str]:
    return Counter(answer["text"] for answer in workspace.answers().values())


def test_two_daemons_on_one_share_answer_each_file_once(tmp_path: Path) -> None:
    with two_machines(tmp_path) as (one, two), one.running(), two.running():
        drop_all(one, 20)
        until(lambda: len(one.files_in(one.archive)) == 20, what="all archived")

        assert texts(one) == {f"Shared scan {number}": 1 for number in range(20)}


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_what_a_dead_or_stopped_daemon_had_is_taken_over_and_answered_once(
    tmp_path: Path, how: signal.Signals
) -> None:
    with two_machines(tmp_path) as (one, two), two.running():
        with one.running(FAILPOINTS="publish.drafted=1*stop") as first:
            drop_all(one, 6)
            until(lambda: psutil.Process(first.process.pid).status() == "stopped", what="stopped")
            if how == signal.SIGKILL:
                first.process.kill()
                first.wait()

            until(lambda: len(two.files_in(two.archive)) == 6, what="all archived")
            if how == signal.SIGSTOP:
                first.signal(signal.SIGCONT)
                until(lambda: "claim.changed" in [e["event"] for e in one.events()])

        assert texts(two) == {f"Shared scan {number}": 1 for number in range(6)}
        assert len(two.files_in(two.archive)) == 6


def test_a_share_that_hangs_is_told_over_http_by_a_daemon_that_still_answers(
    tmp_path: Path,
) -> None:
    workspace = Watched(tmp_path)
    with mounted(workspace.inbox, tmp_path / "behind") as server, workspace.running():
        until(lambda: workspace.get("/readyz")[0] == 200, what="ready")
        server.send_signal(signal.SIGSTOP)
        until(lambda: workspace.get("/healthz")[0] == 503, what="not live")
        failing = workspace.failing("/readyz")
        scraped = workspace.samples()["ocr_daemon_live"]
        server.send_signal(signal.SIGCONT)
        until(lambda: workspace.get("/readyz")[0] == 200, what="ready again")

    assert "does not answer" in failing["scan"]
    assert "does not answer" in failing["fault"]
    assert scraped == 0
