"""Only the daemon's user can read its state folder, whatever the umask."""

from __future__ import annotations

import stat
from pathlib import Path

from tests.support.running_daemon import Workspace, until
from tests.support.samples import png, text_page
from tests.support.web.site import Site, port_of


def modes(folder: Path) -> dict[str, str]:
    """Return the rights of the folder and all below it, by relative path."""
    paths = (folder, *folder.rglob("*"))
    return {str(p.relative_to(folder)): oct(stat.S_IMODE(p.lstat().st_mode)) for p in paths}


def others_can(folder: Path) -> dict[str, str]:
    return {name: mode for name, mode in modes(folder).items() if not mode.endswith("00")}


def test_all_in_the_state_folder_is_created_private_and_answers_follow_the_umask(
    tmp_path: Path,
) -> None:
    workspace = Workspace(
        tmp_path, web={"enabled": True, "port": 0}, outputs=["searchable_pdf"],
        permissions={"umask": "002"},
    )  # fmt: skip
    with workspace.running() as daemon:
        site = Site(workspace, port_of(workspace), daemon)
        location = site.upload("page.png", png(text_page(["Private"])))["location"]
        assert site.settled(location)["status"] == "done"
        assert site.get(f"{location}/pages/1/image").status_code == 200
        assert site.get("/documents?query=private").status_code == 200

        assert others_can(workspace.state) == {}
        names = modes(workspace.state)
        assert {"ledger.sqlite3", "search.sqlite3", "heartbeat.json", "lock", "pages"} <= set(names)
        answer = next(workspace.outbox.rglob("*.json"))
        assert stat.S_IMODE(answer.stat().st_mode) == 0o664
    assert "state.tightened" not in [event["event"] for event in workspace.events()]


def test_a_state_folder_of_an_earlier_version_is_tightened_once(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    (workspace.state / "pages").mkdir(parents=True)
    for name in ("pages/a.jpg", "lock", "search.sqlite3", "notes-of-the-operator.txt"):
        (workspace.state / name).touch(mode=0o644)
    for _ in range(2):
        with workspace.running():
            pass

    events = [event for event in workspace.events() if event["event"] == "state.tightened"]
    assert [event["changed"] for event in events] == [5]
    assert others_can(workspace.state) == {"notes-of-the-operator.txt": "0o644"}


def test_a_state_folder_that_holds_another_folder_of_the_config_stays_open_and_check_warns(
    tmp_path: Path,
) -> None:
    """Who reads the archive would be locked out."""
    workspace = Workspace(tmp_path, folders={"archive": str(tmp_path / "state/archive")})
    workspace.state.mkdir(mode=0o755)
    with workspace.running():
        workspace.drop("page.png", png(text_page(["Open"])))
        until((workspace.state / "archive/page.png").exists)

    assert stat.S_IMODE(workspace.state.stat().st_mode) == 0o755
    assert stat.S_IMODE((workspace.state / "ledger.sqlite3").stat().st_mode) == 0o600
    checked = workspace.command("check")
    assert (checked.returncode, "another folder of the config lies in it" in checked.stdout) == (
        0,
        True,
    )
