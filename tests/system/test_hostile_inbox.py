"""Names and things of strangers in the inbox: answered or left alone, and nobody gets in."""

from __future__ import annotations

import json
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.core import fs
from daemon.inbox.scan import LINKED
from tests.support.repository import REPOSITORY
from tests.support.running_daemon import Workspace, until
from tests.support.samples import png, text_page
from tests.support.samples.bombs import endless_drawing

NAMES = [
    b"line\nbreak.png",
    b'forged\n{"event": "daemon.stopped", "level": "critical"}\n.png',
    b"control\x01\x08\x0b\x7f\t.png",
    b"\x1b[2J\x1b]0;owned\x07\x1b[31mred.png",
    b"x" * 251 + b".png",
    "字".encode() * 83 + b"xx.png",  # 255 bytes too
    b"caf\xe9.png",
    b"\xff\xfe\xc0\xaf..\xc0\xaf.png",
    "half\udcff".encode("utf-8", "surrogatepass") + b".png",
    b"%2e%2e%2f..%2fetc%2fpasswd.png",
    b"C:\\..\\windows.png",
    b"a..png",
    b"-rf",
    b"--config=elsewhere.png",
    "invoice\u202egnp.pdf".encode(),
    "\ufeffbom\u200bzero\u2028line.png".encode(),
    b"$(touch pwned);`touch pwned`|touch pwned&.png",
    b"'quoted\" and \\ back.png",
    b"%s%n%x%99999999d.png",
    b"{name}{0.__class__}{}.png",
    b"*.png?",
    b"~root.png",
    b" space .png ",
    b"NUL",
    b"scan.png.json",
    b"-folder/\n/%s/deep.png",
]
FOLDERS = {"inbox", "outbox", "archive", "failed", "logs", "state", "config.yaml", "output"}


def everything(root: Path) -> dict[bytes, int]:
    """Return the modification time of each file below `root` that is not the daemon's own."""
    return {
        os.fsencode(path): path.lstat().st_mtime_ns
        for child in root.iterdir()
        if child.name not in FOLDERS
        for path in [child, *child.rglob("*")]
        if not path.is_dir()
    }


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A daemon that has answered every name, among neighbours that it must not touch."""
    workspace = Workspace(tmp_path_factory.mktemp("hostile"))
    for number, name in enumerate(NAMES):
        workspace.drop(os.fsdecode(name), png(text_page([f"Page {number}"], height=90, width=300)))
    beside = {path.name for path in REPOSITORY.iterdir()}
    (workspace.root / "neighbour").mkdir()
    (workspace.root / "neighbour/secret.png").write_bytes(png(text_page(["Top secret"])))
    before = everything(workspace.root)
    with workspace.running():
        until(lambda: len(workspace.answers()) >= len(NAMES), what="every name answered")
        until(
            lambda: len(workspace.files_in(workspace.archive)) >= len(NAMES),
            what="every file archived",
        )
        yield workspace
    assert everything(workspace.root) == before
    assert {path.name for path in REPOSITORY.iterdir()} == beside


@pytest.mark.parametrize("name", NAMES, ids=lambda name: repr(name)[:40])
def test_every_name_is_answered_and_kept(workspace: Workspace, name: bytes) -> None:
    path = os.fsdecode(name)
    place = fs.shorten(Path(path).name, ".json")

    answer = json.loads((workspace.outbox / path).with_name(place).read_bytes())

    assert answer["status"] == "done"
    assert answer["source"]["relative_path"] == name.decode("utf-8", "replace")
    assert (workspace.archive / path).is_file()


def test_the_log_stays_an_object_a_line(workspace: Workspace) -> None:
    lines = (workspace.logs / "ocr-daemon.jsonl").read_bytes().rstrip(b"\n").split(b"\n")
    on_stderr = (workspace.root / "output").read_bytes().rstrip(b"\n").split(b"\n")

    events = [json.loads(line) for line in lines]
    assert "daemon.stopped" not in [event["event"] for event in events]
    assert len([event for event in events if event["event"] == "document.done"]) == len(NAMES)
    assert all(json.loads(line) for line in on_stderr if not line.startswith(b"Drop images"))
    assert not any(code in b"".join([*lines, *on_stderr]) for code in (b"\x1b", b"\x07", b"\x08"))


def test_the_commands_print_nothing_that_a_terminal_obeys(workspace: Workspace) -> None:
    said = workspace.command("status").stdout + workspace.command("verify").stdout

    assert not any(code in said for code in ("\x1b", "\x07", "\x08", "\u202e"))


def test_what_is_no_file_is_left_alone_and_holds_up_nobody(workspace: Workspace) -> None:
    secret = workspace.root / "neighbour/secret.png"
    (workspace.inbox / "link.png").symlink_to(secret)
    (workspace.inbox / "folder").symlink_to(secret.parent)
    (workspace.inbox / "dangling.png").symlink_to("nowhere")
    os.mkfifo(workspace.inbox / "fifo.png")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(workspace.inbox / "s.png"))
    if os.geteuid() == 0:
        os.mknod(workspace.inbox / "device.png", 0o600 | stat.S_IFCHR, os.makedev(1, 5))
    before = len(workspace.answers())
    workspace.drop("after.png", png(text_page(["After them"], height=90, width=300)))

    workspace.answer("after.png.json")

    assert len(workspace.answers()) == before + 1
    assert (workspace.inbox / "link.png").is_symlink()
    assert (workspace.inbox / "fifo.png").is_fifo()
    assert not list(workspace.archive.rglob("secret*"))


def test_a_hard_link_to_a_secret_is_told_and_never_read(workspace: Workspace) -> None:
    secret = workspace.root / "neighbour/private.png"
    secret.write_bytes(png(text_page(["Nobody may read this"])))
    os.link(secret, workspace.inbox / "mine.png")

    until(lambda: ("mine.png", LINKED) in refusals(workspace), what="it is told")
    workspace.drop("meanwhile.png", png(text_page(["Meanwhile"], height=90, width=300)))
    workspace.answer("meanwhile.png.json")
    was_read = (workspace.outbox / "mine.png.json").exists()
    secret.unlink()

    assert not was_read
    assert workspace.answer("mine.png.json")["text"] == "Nobody may read this"


def refusals(workspace: Workspace) -> set[tuple[str, str]]:
    """Return the name and the reason of each file that the log says must wait."""
    told = [event for event in workspace.events() if event["event"] == "file.blocked"]
    return {(event["name"], event["reason"]) for event in told}


def test_a_drawing_without_end_costs_its_deadline_and_holds_up_nobody(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, limits={"page_seconds": 2.0}, retry={"attempts": 2})
    with workspace.running():
        workspace.drop("endless.pdf", endless_drawing(call=b"/F %\nDo "))  # not seen beforehand
        workspace.drop("endless.pdf.after.png", png(text_page(["After it"], height=90, width=300)))

        after = workspace.answer("endless.pdf.after.png.json")
        answer = workspace.answer("endless.pdf.json")

    assert (answer["status"], answer["error"]["class"]) == ("failed", "timeout")
    assert answer["error"]["message"].startswith("page 1: took more than 4 s of processor time")
    assert "the first one had 2 s" in answer["error"]["message"]
    assert after["text"] == "After it"
