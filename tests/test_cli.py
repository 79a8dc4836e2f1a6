"""The commands as a user types them, on real files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from daemon import __version__
from daemon.core import logs
from tests.house import REPOSITORY, House
from tests.samples import pdf_of_text, png, text_page


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path)
    scans = tmp_path / "scans"
    (scans / "deep").mkdir(parents=True)
    (scans / "a.png").write_bytes(png(text_page(["First scan"])))
    (scans / "deep/b.pdf").write_bytes(pdf_of_text([["Second scan"], ["Second page"]]))
    (scans / ".hidden.png").write_bytes(b"x")
    return made


def test_once_writes_a_sidecar_beside_each_file(house: House) -> None:
    said = house.command("once", str(house.root / "scans"))

    assert (said.returncode, said.stderr) == (0, "")
    assert house.kept(house.root / "scans") == {
        "a.png", "a.png.json", "deep/b.pdf", "deep/b.pdf.json", ".hidden.png",
    }  # fmt: skip
    assert not list((house.root / "scans").rglob(".ocr-daemon"))
    answer = json.loads((house.root / "scans/deep/b.pdf.json").read_text())
    assert (answer["status"], len(answer["pages"])) == ("done", 2)


def test_once_mirrors_a_folder_below_out_and_may_be_repeated(house: House) -> None:
    for _ in range(2):
        house.command("once", str(house.root / "scans"), "--out", str(house.root / "out"))

    assert house.kept(house.root / "out") == {"a.png.json", "deep/b.pdf.json"}
    assert house.kept(house.root / "scans") == {"a.png", "deep/b.pdf", ".hidden.png"}


def test_once_prints_the_text_in_the_order_asked_for_and_writes_nothing(house: House) -> None:
    scans = house.root / "scans"

    said = house.command("once", str(scans / "deep/b.pdf"), str(scans / "a.png"), "--text")

    assert said.stdout.split("\n") == ["Second scan", "", "Second page", "First scan", ""]
    assert not list(scans.rglob("*.json"))


def test_once_draws_what_it_saw_of_each_page(house: House) -> None:
    scans, pictures = house.root / "scans", house.root / "pictures"

    said = house.command("once", str(scans), "--text", "--look", str(pictures))

    assert (said.returncode, said.stderr) == (0, "")
    assert house.kept(pictures) == {"a.png.1.png", "deep/b.pdf.1.png", "deep/b.pdf.2.png"}
    plain = cv2.imread(str(scans / "a.png"))
    drawn = cv2.imread(str(pictures / "a.png.1.png"))
    assert drawn.shape == plain.shape
    coloured = drawn.max(axis=2) - drawn.min(axis=2) > 60
    assert 0.0001 < coloured.mean() < 0.1


def test_once_draws_nothing_of_what_it_could_not_read_and_says_so_once(house: House) -> None:
    (house.root / "bad.png").write_bytes(b"no image at all")

    said = house.command(
        "once", str(house.root / "bad.png"), "--text", "--look", str(house.root / "pictures")
    )

    assert said.returncode == 1
    assert said.stderr.count("not an image or a PDF") == 1
    assert not (house.root / "pictures").exists()


def test_once_reads_a_file_as_often_as_it_is_named(house: House) -> None:
    scan = str(house.root / "scans/a.png")

    assert house.command("once", scan, scan, "--text").stdout == "First scan\nFirst scan\n"


def test_once_says_where_it_cannot_draw(house: House) -> None:
    (house.root / "pictures").write_text("a file, no folder")

    said = house.command(
        "once", str(house.root / "scans/a.png"), "--text", "--look", str(house.root / "pictures")
    )

    assert said.returncode == 1
    assert "pictures/a.png.1.png cannot be written: File exists" in said.stderr
    assert "First scan" in said.stdout


def test_once_reads_the_rest_and_says_what_failed(house: House) -> None:
    scans = house.root / "scans"
    (scans / "b.png").write_bytes(b"no image at all")

    said = house.command("once", str(scans), str(scans / "missing.png"), "--text")

    assert said.returncode == 1
    assert f"{scans}/b.png: " in said.stderr
    assert "missing.png: it cannot be opened: No such file or directory" in said.stderr
    assert "First scan" in said.stdout


def test_once_refuses_what_is_no_regular_file_and_reads_a_link_that_is_named(house: House) -> None:
    os.mkfifo(house.root / "fifo.png")
    (house.root / "link.png").symlink_to(house.root / "scans/a.png")
    paths = [str(house.root / name) for name in ("fifo.png", "link.png")]

    said = house.command("once", *paths, "/dev/zero", "--text")

    assert said.returncode == 1
    assert said.stderr.count("it is no regular file") == 2
    assert "First scan" in said.stdout


def test_once_says_where_a_folder_refuses_the_sidecar_and_reads_the_rest(house: House) -> None:
    (house.root / "out").write_text("a file where the folder should be")

    said = house.command("once", str(house.root / "scans"), "--out", str(house.root / "out"))

    assert said.returncode == 1
    assert said.stderr.count("(Not a directory)") == 2


def test_a_misconfigured_command_exits_with_78_and_the_remedy(house: House) -> None:
    said = house.command("once", str(house.root / "scans"), OCR_DAEMON__WORKRES="2")

    assert said.returncode == 78
    assert said.stderr == (
        "ocr-daemon: OCR_DAEMON__WORKRES = 2: there is no such key; did you mean workers?\n"
    )


def test_check_says_what_it_would_do_and_finds_nothing_wrong(house: House) -> None:
    said = house.command("check")

    assert said.returncode == 0
    assert f"watches {house.inbox}" in said.stdout
    assert "error" not in said.stdout
    assert house.kept(house.inbox) == set()


def test_check_names_every_fatal_finding_with_its_remedy(house: House) -> None:
    (house.root / "outbox").write_text("in the way")

    said = house.command("check", OCR_DAEMON__MODEL__SHA256="0" * 64)

    assert said.returncode == 78
    assert "error: folders.outbox" in said.stdout
    assert "error: model.sha256" in said.stdout


def test_status_and_health_before_the_first_start_say_so(house: House) -> None:
    status, health = house.command("status"), house.command("health")

    assert (status.returncode, "has not run here yet" in status.stdout) == (0, True)
    assert (health.returncode, "is not running" in health.stdout) == (1, True)


def test_status_counts_what_became_of_every_file(house: House) -> None:
    content = png(text_page(["Counted"]))
    with house.running():
        house.drop("a.png", content)
        house.answer("a.png.json")
        house.drop("b.png", content)
        house.drop("c.png", b"\x89PNG\r\n\x1a\n broken")
        house.answer("b.png.json")
        house.answer("c.png.json")
        alive = house.command("health")
    house.drop("d.png", content)

    status = house.command("status").stdout

    counted = dict(
        line.split(maxsplit=1) for line in status.replace("in work", "in-work").splitlines()
    )
    assert counted.pop("oldest").startswith("d.png")
    assert counted == {
        "done": "1", "partial": "0", "failed": "1", "duplicate": "1", "in-work": "0",
        "waiting": "1",
    }  # fmt: skip
    assert (alive.returncode, alive.stdout.split(":")[0]) == (0, "ok")
    assert house.command("health").returncode == 1


def test_the_version_is_printed() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "daemon", "--version"],
        capture_output=True, text=True, check=True, cwd=REPOSITORY,
    )  # fmt: skip

    assert said.stdout == f"ocr-daemon {__version__}\n"


@pytest.mark.parametrize("command", ["run", "once", "check", "status", "verify", "health"])
def test_every_command_shows_an_example(house: House, command: str) -> None:
    assert f"ocr-daemon {command}" in house.command(command, "--help").stdout


def test_the_log_file_is_rotated_by_size(tmp_path: Path) -> None:
    import structlog

    logs.set_up(tmp_path, "INFO", file_bytes=2000, files=2)
    try:
        for number in range(100):
            structlog.get_logger().info("document.done", number=number)
    finally:
        logs.set_up(None, "INFO", 0, 0)

    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == [logs.LOG_NAME, f"{logs.LOG_NAME}.1", f"{logs.LOG_NAME}.2"]
    lines = (tmp_path / logs.LOG_NAME).read_text().splitlines()
    assert json.loads(lines[-1])["number"] == 99
