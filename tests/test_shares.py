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

from tests.house import Daemon, House, until
from tests.samples import png, text_page
from tests.test_crash import balance, long_document
from tests.test_metrics import Watched

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


def wait_for_looks(house: House, count: int) -> None:
    """Wait until the inbox was looked at that often."""
    seen: set[float] = set()

    def looked() -> bool:
        seen.add(json.loads((house.state / "heartbeat.json").read_text())["scanned_at"])
        return len(seen) > count

    until(looked, what=f"{count} looks")


def says(house: House, words: str) -> bool:
    return words in house.command("health").stdout


@pytest.mark.parametrize("which", ["inbox", "outbox"])
def test_a_share_that_stalls_is_told_and_waited_for(tmp_path: Path, which: str) -> None:
    house = House(tmp_path)
    with mounted(getattr(house, which), tmp_path / "behind") as server, house.running() as daemon:
        house.drop("before.png", png(text_page(["Before"])))
        assert house.answer("before.png.json")["status"] == "done"
        server.send_signal(signal.SIGSTOP)
        if which == "outbox":
            house.drop("meanwhile.png", png(text_page(["Meanwhile"])))

        until(lambda: says(house, "does not answer"), 30, what="told")
        assert daemon.process.poll() is None
        server.send_signal(signal.SIGCONT)

        house.drop("after.png", png(text_page(["After"])))
        assert house.answer("after.png.json")["status"] == "done"
        until(lambda: says(house, "ok: "), what="healed")


def test_a_start_on_a_stalled_share_says_so_and_goes_on_when_it_answers(tmp_path: Path) -> None:
    house = House(tmp_path)
    said = tmp_path / "output"
    with mounted(house.inbox, tmp_path / "behind") as server:
        server.send_signal(signal.SIGSTOP)
        daemon = Daemon(house, {})
        until(lambda: f"{house.inbox} (folders.inbox) does not answer" in said.read_text(), 30)

        server.send_signal(signal.SIGCONT)
        daemon.wait_ready()
        daemon.end()


def test_a_start_on_a_stalled_share_ends_when_it_is_told_to(tmp_path: Path) -> None:
    house = House(tmp_path)
    with mounted(house.inbox, tmp_path / "behind") as server:
        server.send_signal(signal.SIGSTOP)
        daemon = Daemon(house, {})
        until(lambda: "start.waiting" in (tmp_path / "output").read_text(), 30)

        daemon.signal(signal.SIGTERM)

        assert daemon.wait(30) == 0
        daemon.end()


def test_a_daemon_on_a_stalled_share_ends_when_it_is_told_to(tmp_path: Path) -> None:
    house = House(tmp_path, grace_seconds=2.0)
    with mounted(house.inbox, tmp_path / "behind") as server, house.running() as daemon:
        server.send_signal(signal.SIGSTOP)
        until(lambda: says(house, "does not answer"), 30, what="told")

        daemon.signal(signal.SIGTERM)

        assert daemon.wait(30) == 0


@pytest.mark.parametrize("which", ["outbox", "state", "failed", "archive"])
def test_a_disk_that_fills_pauses_intake_and_heals(tmp_path: Path, which: str) -> None:
    house = House(tmp_path)
    with small_disk(getattr(house, which), "4m"):
        with house.running():
            filling = getattr(house, which) / "filling"
            leave_little(filling)
            until(lambda: says(house, "make room"), what="told")
            house.drop("held.png", png(text_page(["Held"])))
            house.drop("broken.png", b"\x89PNG\r\n\x1a\n broken")
            wait_for_looks(house, 5)  # of which the second would take them
            assert house.kept(house.inbox) >= {"held.png", "broken.png"}
            assert house.kept(house.outbox) <= {"filling"}
            filling.unlink()

            assert house.answer("held.png.json")["processing"]["attempt"] == 1
            until(lambda: (house.failed / "broken.png").exists(), what="failed kept")

        assert "landed 2 = answered 2 + waiting 0" in balance(house)


def fill(path: Path) -> None:
    """Write to `path` until its disk is full to the last block."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))


@pytest.mark.parametrize("which", ["outbox", "inbox"])
def test_a_disk_without_any_room_costs_no_attempt(tmp_path: Path, which: str) -> None:
    """No watermark: the disk is full in the middle of the work."""
    house = House(tmp_path, min_free_megabytes=0)
    with small_disk(getattr(house, which), "4m"), house.running():
        house.drop("long.pdf", long_document("Full"))
        until(lambda: list(house.inbox.rglob("work/*/*/long.pdf")), what="claimed")
        filling = getattr(house, which) / ".filling"
        fill(filling)
        if which == "outbox":
            until(lambda: says(house, "No space"), what="told")
        filling.unlink()

        assert house.answer("long.pdf.json")["processing"]["attempt"] == 1
        until(lambda: (house.archive / "long.pdf").exists())

    assert "landed 1 = answered 1 + waiting 0" in balance(house)


def test_logs_without_room_stop_nothing(tmp_path: Path) -> None:
    house = House(tmp_path)
    with small_disk(house.logs, "1m"), house.running():
        leave_little(house.logs / "filling")
        until(lambda: says(house, str(house.logs)), what="told")
        house.drop("scan.png", png(text_page(["Unlogged"])))

        assert house.answer("scan.png.json")["status"] == "done"


def test_an_outbox_that_is_unmounted_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    house = House(tmp_path)
    with small_disk(house.outbox, "4m"), house.running():
        house.drop("long.pdf", long_document("Hidden"))
        until(lambda: list(house.inbox.rglob("work/*/*/long.pdf")), what="claimed")
        subprocess.run(["umount", "-l", str(house.outbox)], check=True)
        until(lambda: says(house, "is not mounted"), what="told")
        assert house.kept(house.outbox) == set()
        with small_disk(house.outbox, "4m"):
            assert house.answer("long.pdf.json")["processing"]["attempt"] == 1
            until(lambda: (house.archive / "long.pdf").exists())


def test_a_read_only_outbox_pauses_intake_and_heals(tmp_path: Path) -> None:
    house = House(tmp_path)
    with small_disk(house.outbox, "4m"), house.running():
        subprocess.run(["mount", "-o", "remount,ro", str(house.outbox)], check=True)
        until(lambda: says(house, "read-only"), what="told")
        house.drop("held.png", png(text_page(["Held"])))
        subprocess.run(["mount", "-o", "remount,rw", str(house.outbox)], check=True)

        assert house.answer("held.png.json")["processing"]["attempt"] == 1


@contextmanager
def two_machines(root: Path) -> Iterator[tuple[House, House]]:
    """Two houses whose inbox, outbox and archive are the same share, each mounted for itself."""
    houses = []
    with mounted(root / "mount1", root / "share"), mounted(root / "mount2", root / "share"):
        for number in (1, 2):
            (root / f"machine{number}").mkdir()
            names = ("inbox", "outbox", "archive", "failed")
            folders = {name: str(root / f"mount{number}" / name) for name in names}
            house = House(root / f"machine{number}", folders=folders, lease_seconds=4.0)
            for name in names:
                setattr(house, name, root / f"mount{number}" / name)
                getattr(house, name).mkdir(exist_ok=True)
            houses.append(house)
        yield houses[0], houses[1]


def drop_all(house: House, count: int) -> None:
    for number in range(count):
        draft = house.inbox / f".{number}"
        draft.write_bytes(png(text_page([f"Shared scan {number}"])))
        draft.rename(house.inbox / f"{number}.png")


def texts(house: House) -> Counter[str]:
    return Counter(answer["text"] for answer in house.answers().values())


def test_two_daemons_on_one_share_answer_each_file_once(tmp_path: Path) -> None:
    with two_machines(tmp_path) as (one, two), one.running(), two.running():
        drop_all(one, 20)
        until(lambda: len(one.kept(one.archive)) == 20, what="all archived")

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

            until(lambda: len(two.kept(two.archive)) == 6, what="all archived")
            if how == signal.SIGSTOP:
                first.signal(signal.SIGCONT)
                until(lambda: "claim.changed" in [e["event"] for e in one.events()])

        assert texts(two) == {f"Shared scan {number}": 1 for number in range(6)}
        assert len(two.kept(two.archive)) == 6


def test_a_share_that_hangs_is_told_over_http_by_a_daemon_that_still_answers(
    tmp_path: Path,
) -> None:
    house = Watched(tmp_path)
    with mounted(house.inbox, tmp_path / "behind") as server, house.running():
        until(lambda: house.get("/readyz")[0] == 200, what="ready")
        server.send_signal(signal.SIGSTOP)
        until(lambda: house.get("/healthz")[0] == 503, what="not live")
        failing = house.failing("/readyz")
        scraped = house.samples()["ocr_daemon_live"]
        server.send_signal(signal.SIGCONT)
        until(lambda: house.get("/readyz")[0] == 200, what="ready again")

    assert "does not answer" in failing["scan"]
    assert "does not answer" in failing["fault"]
    assert scraped == 0
