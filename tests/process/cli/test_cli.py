"""The commands as a user types them, on real files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
import yaml

from daemon import __version__
from daemon.monitoring import heartbeat
from tests.support.repository import REPOSITORY
from tests.support.running_daemon import Workspace
from tests.support.samples import pdf_of_text, png, text_page
from tests.unit.config.test_profiles import named


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path)
    scans = tmp_path / "scans"
    (scans / "deep").mkdir(parents=True)
    (scans / "a.png").write_bytes(png(text_page(["First scan"])))
    (scans / "deep/b.pdf").write_bytes(pdf_of_text([["Second scan"], ["Second page"]]))
    (scans / ".hidden.png").write_bytes(b"x")
    return made


def test_once_writes_a_sidecar_beside_each_file(workspace: Workspace) -> None:
    said = workspace.command("once", str(workspace.root / "scans"))

    assert said.returncode == 0
    assert "2 files, 3 pages in " in said.stderr
    assert said.stderr.endswith(" s: 2 done\n")
    assert said.stdout.splitlines() == [
        f"{workspace.root}/scans/a.png.json", f"{workspace.root}/scans/deep/b.pdf.json",
    ]  # fmt: skip
    assert workspace.files_in(workspace.root / "scans") == {
        "a.png", "a.png.json", "deep/b.pdf", "deep/b.pdf.json", ".hidden.png",
    }  # fmt: skip
    assert not list((workspace.root / "scans").rglob(".ocr-daemon"))
    answer = json.loads((workspace.root / "scans/deep/b.pdf.json").read_text())
    assert (answer["status"], len(answer["pages"])) == ("done", 2)


def test_once_reads_neither_its_answers_nor_its_outputs(workspace: Workspace) -> None:
    scans = workspace.root / "scans"
    (scans / "notes.json").write_text("{}")  # nobody's answer
    for _ in range(2):
        said = workspace.command("once", str(scans), "--output", "searchable_pdf")

    assert "3 files, 3 pages in " in said.stderr
    assert "notes.json: this is" in said.stderr
    assert "a.png.json.json" not in workspace.files_in(scans)


def test_once_mirrors_a_folder_below_out_and_may_be_repeated(workspace: Workspace) -> None:
    for _ in range(2):
        workspace.command(
            "once", str(workspace.root / "scans"), "--out", str(workspace.root / "out")
        )

    assert workspace.files_in(workspace.root / "out") == {"a.png.json", "deep/b.pdf.json"}
    assert workspace.files_in(workspace.root / "scans") == {"a.png", "deep/b.pdf", ".hidden.png"}


def test_once_prints_the_text_in_the_order_asked_for_and_writes_nothing(
    workspace: Workspace,
) -> None:
    scans = workspace.root / "scans"

    said = workspace.command("once", str(scans / "deep/b.pdf"), str(scans / "a.png"), "--text")

    assert said.stdout.split("\n") == ["Second scan", "", "Second page", "First scan", ""]
    assert not list(scans.rglob("*.json"))


def test_once_draws_what_it_saw_of_each_page(workspace: Workspace) -> None:
    scans, pictures = workspace.root / "scans", workspace.root / "pictures"

    said = workspace.command("once", str(scans), "--text", "--look", str(pictures), "-q")

    assert (said.returncode, said.stderr) == (0, "")
    assert workspace.files_in(pictures) == {"a.png.1.png", "deep/b.pdf.1.png", "deep/b.pdf.2.png"}
    plain = cv2.imread(str(scans / "a.png"))
    drawn = cv2.imread(str(pictures / "a.png.1.png"))
    assert drawn.shape == plain.shape
    coloured = drawn.max(axis=2) - drawn.min(axis=2) > 60
    assert 0.0001 < coloured.mean() < 0.1


def test_once_draws_nothing_of_what_it_could_not_read_and_says_so_once(
    workspace: Workspace,
) -> None:
    (workspace.root / "bad.png").write_bytes(b"no image at all")

    said = workspace.command(
        "once",
        str(workspace.root / "bad.png"),
        "--text",
        "--look",
        str(workspace.root / "pictures"),
    )

    assert said.returncode == 1
    assert said.stderr.count("not an image or a PDF") == 1
    assert not (workspace.root / "pictures").exists()


def test_once_reads_a_file_as_often_as_it_is_named(workspace: Workspace) -> None:
    scan = str(workspace.root / "scans/a.png")

    assert workspace.command("once", scan, scan, "--text").stdout == "First scan\nFirst scan\n"


def test_once_says_where_it_cannot_draw(workspace: Workspace) -> None:
    (workspace.root / "pictures").write_text("a file, no folder")

    said = workspace.command(
        "once",
        str(workspace.root / "scans/a.png"),
        "--text",
        "--look",
        str(workspace.root / "pictures"),
    )

    assert said.returncode == 1
    assert "pictures/a.png.1.png cannot be written: File exists" in said.stderr
    assert "First scan" in said.stdout


def test_once_reads_the_rest_and_says_what_failed(workspace: Workspace) -> None:
    scans = workspace.root / "scans"
    (scans / "b.png").write_bytes(b"no image at all")

    (scans / "gone.png").symlink_to("nowhere.png")

    said = workspace.command("once", str(scans), str(scans / "gone.png"), "--text")

    assert said.returncode == 1
    assert f"{scans}/b.png: " in said.stderr
    assert "nowhere.png: it cannot be opened: No such file or directory" in said.stderr
    assert "First scan" in said.stdout
    assert said.stderr.endswith(" s: 2 done, 2 failed\n")


def test_once_refuses_a_command_line_that_names_no_file(workspace: Workspace) -> None:
    said = workspace.command("once", str(workspace.root / "scans"), "missing.png")

    assert said.returncode == 2
    assert "missing.png: no such file or folder" in said.stderr
    assert not list((workspace.root / "scans").rglob("*.json"))


def test_once_says_that_a_folder_has_no_files(workspace: Workspace) -> None:
    empty = workspace.root / "empty"
    empty.mkdir()
    said = workspace.command("once", str(empty))

    assert (said.returncode, said.stderr) == (0, f"no files to read in {empty}\n")


@pytest.mark.parametrize("results", [[], ["--output", "text"], ["--out", "INBOX/out", "--text"]])
def test_once_writes_no_results_into_the_inbox(workspace: Workspace, results: list[str]) -> None:
    scan = workspace.inbox / "scan.png"
    scan.parent.mkdir(exist_ok=True)
    scan.write_bytes(b"no image at all")
    named = [each.replace("INBOX", str(workspace.inbox)) for each in results]

    said = workspace.command("once", str(scan), *named)

    assert said.returncode == 2
    assert "is in the inbox" in said.stderr
    assert "--out" in said.stderr
    assert workspace.files_in(workspace.inbox) == {"scan.png"}


def once_of_input(workspace: Workspace, *arguments: str, content: bytes | None = None):
    content = content or (workspace.root / "scans/a.png").read_bytes()
    return subprocess.run(
        [sys.executable, "-m", "daemon", "once", "-", *arguments, "--config", workspace.config],
        input=content, capture_output=True, timeout=120, cwd=REPOSITORY, check=False,
    )  # fmt: skip


def test_once_reads_standard_input_and_prints_its_text(workspace: Workspace) -> None:
    said = once_of_input(workspace)

    assert (said.returncode, said.stdout, said.stderr) == (0, b"First scan\n", b"")


def test_once_writes_the_answer_to_standard_input_only_into_a_folder(workspace: Workspace) -> None:
    refused = once_of_input(workspace, "--output", "text")
    said = once_of_input(workspace, "--output", "text", "--out", str(workspace.root / "out"))

    assert (refused.returncode, b"--out" in refused.stderr) == (2, True)
    assert said.returncode == 0
    assert workspace.files_in(workspace.root / "out") == {"stdin.json", "stdin.txt"}
    written = {f"{workspace.root}/out/{name}" for name in ("stdin.json", "stdin.txt")}
    assert set(said.stdout.decode().splitlines()) == written


def test_once_says_of_standard_input_what_is_wrong_with_it(workspace: Workspace) -> None:
    said = once_of_input(workspace, content=b"no image at all")

    assert said.returncode == 1
    assert said.stderr.startswith(b"standard input: this is plain text")


def test_once_prints_a_line_of_json_for_each_file_and_writes_nothing(workspace: Workspace) -> None:
    scans = workspace.root / "scans"

    said = workspace.command("once", str(scans), "--json")

    answers = [json.loads(line) for line in said.stdout.splitlines()]
    assert [answer["source"]["name"] for answer in answers] == ["a.png", "b.pdf"]
    assert [answer["text"] for answer in answers] == ["First scan", "Second scan\n\nSecond page"]
    assert not list(scans.rglob("*.json"))


def test_once_ends_quietly_where_nobody_reads_what_it_prints(workspace: Workspace) -> None:
    reader, writer = os.pipe()
    os.close(reader)

    said = subprocess.run(
        [sys.executable, "-m", "daemon", "once", workspace.root / "scans", "--text",
         "--config", workspace.config],
        stdout=writer, stderr=subprocess.PIPE, timeout=120, cwd=REPOSITORY, check=False,
    )  # fmt: skip
    os.close(writer)

    assert (said.returncode, said.stderr) == (1, b"")


def test_once_refuses_what_is_no_regular_file_and_reads_a_link_that_is_named(
    workspace: Workspace,
) -> None:
    os.mkfifo(workspace.root / "fifo.png")
    (workspace.root / "link.png").symlink_to(workspace.root / "scans/a.png")
    paths = [str(workspace.root / name) for name in ("fifo.png", "link.png")]

    said = workspace.command("once", *paths, "/dev/zero", "--text")

    assert said.returncode == 1
    assert said.stderr.count("it is no regular file") == 2
    assert "First scan" in said.stdout


def test_once_says_where_a_folder_refuses_the_sidecar_and_reads_the_rest(
    workspace: Workspace,
) -> None:
    (workspace.root / "out").write_text("a file where the folder should be")

    said = workspace.command(
        "once", str(workspace.root / "scans"), "--out", str(workspace.root / "out")
    )

    assert said.returncode == 1
    assert said.stderr.count("(Not a directory)") == 2


def test_a_misconfigured_command_exits_with_78_and_the_remedy(workspace: Workspace) -> None:
    said = workspace.command("once", str(workspace.root / "scans"), OCR_DAEMON__WORKRES="2")

    assert said.returncode == 78
    assert said.stderr == (
        "ocr-daemon: OCR_DAEMON__WORKRES = 2: there is no such key; did you mean workers?\n"
    )


def test_check_says_what_it_would_do_and_finds_nothing_wrong(workspace: Workspace) -> None:
    said = workspace.command("check")

    assert said.returncode == 0
    assert f"watches {workspace.inbox}" in said.stdout
    assert "error" not in said.stdout
    assert workspace.files_in(workspace.inbox) == set()


def test_check_names_every_fatal_finding_with_its_remedy(workspace: Workspace) -> None:
    (workspace.root / "outbox").write_text("in the way")

    said = workspace.command("check", OCR_DAEMON__MODEL__SHA256="0" * 64)

    assert said.returncode == 78
    assert "error: folders.outbox" in said.stdout
    assert "error: model.sha256" in said.stdout


def test_status_and_health_before_the_first_start_say_so(workspace: Workspace) -> None:
    status, health = workspace.command("status"), workspace.command("health")

    assert (status.returncode, "nothing has been read" in status.stdout) == (0, True)
    assert (health.returncode, "is not running" in health.stdout) == (1, True)


def test_health_is_that_of_the_daemon_whatever_was_written_into_its_config_since(
    workspace: Workspace,
) -> None:
    workspace.state.mkdir(exist_ok=True)
    heartbeat.begin(workspace.state)
    healthy = workspace.command("health")
    config = yaml.safe_load(workspace.config.read_text()) | {"workres": 2}
    workspace.config.write_text(yaml.safe_dump(config))

    mistyped = workspace.command("health")

    assert (healthy.returncode, mistyped.returncode) == (0, 0)
    assert mistyped.stdout.startswith("starting:")
    assert "workres" in mistyped.stderr


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_the_version_is_printed(flag: str) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "daemon", flag],
        capture_output=True, text=True, check=True, cwd=REPOSITORY,
    )  # fmt: skip

    assert said.stdout == f"ocr-daemon {__version__}\n"


@pytest.mark.parametrize("command", ["run", "once", "check", "status", "verify", "health"])
def test_every_command_shows_an_example(workspace: Workspace, command: str) -> None:
    assert f"ocr-daemon {command}" in workspace.command(command, "--help").stdout


def test_a_link_that_once_was_asked_to_read_is_read(tmp_path: Path) -> None:
    """Whoever names a link on the command line means the file."""
    workspace = Workspace(tmp_path)
    (tmp_path / "scan.png").write_bytes(png(text_page(["Linked"], height=90, width=300)))
    (tmp_path / "link.png").symlink_to("scan.png")

    done = workspace.command("once", str(tmp_path / "link.png"), "--text")

    assert (done.returncode, done.stdout.strip()) == (0, "Linked"), done.stderr


def test_check_says_which_profiles_there_are_and_no_password(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, profiles=[
        named("invoices", "invoices", "*/invoices", preprocess={"denoise": "median"}, priority=10),
        named("secret", ".", pdf={"passwords": ["hunter2"]}, outputs=["text", "hocr"]),
        named("plain"),
    ])  # fmt: skip

    said = workspace.command("check")

    assert said.returncode == 0, said.stdout
    assert (
        "profile invoices, in invoices, */invoices: priority 10, preprocess.denoise median"
    ) in said.stdout
    assert "profile secret, in .: outputs text + hocr, pdf.passwords 1 (not shown)" in said.stdout
    assert "profile plain, in plain: no changes" in said.stdout
    assert "hunter2" not in said.stdout
