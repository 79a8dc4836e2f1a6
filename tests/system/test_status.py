"""What `status` and `health` print of a daemon that has worked."""

from __future__ import annotations

from pathlib import Path

from tests.support.running_daemon import Workspace
from tests.support.samples import png, text_page


def test_status_counts_what_became_of_every_file(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    content = png(text_page(["Counted"]))
    with workspace.running():
        workspace.drop("a.png", content)
        workspace.answer("a.png.json")
        workspace.drop("b.png", content)
        workspace.drop("c.png", b"\x89PNG\r\n\x1a\n broken")
        workspace.answer("b.png.json")
        workspace.answer("c.png.json")
        alive = workspace.command("health")
    workspace.drop("d.png", content)

    status = workspace.command("status").stdout

    counted = dict(
        line.split(maxsplit=1) for line in status.replace("in progress", "in-progress").splitlines()
    )
    assert counted.pop("daemon").startswith("down: the daemon is not running; start it")
    assert counted.pop("oldest").startswith("d.png")
    assert counted == {
        "done": "1", "partial": "0", "failed": "1", "duplicate": "1", "in-progress": "0",
        "waiting": "1",
    }  # fmt: skip
    assert (alive.returncode, alive.stdout.split(":")[0]) == (0, "ok")
    assert workspace.command("health").returncode == 1
