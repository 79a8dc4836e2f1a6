"""Which originals a real daemon removes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.running_daemon import Workspace, until
from tests.torture import pretended
from tests.torture.life import living, quick_workspace


def removals(workspace: Workspace) -> list[dict[str, Any]]:
    return [event for event in workspace.events() if event["event"] == "retention.removed"]


def test_the_daemon_removes_expired_originals_and_verify_holds(tmp_path: Path) -> None:
    workspace = quick_workspace(tmp_path, "pretended")
    workspace.drop("a/scan.png", pretended.content("Good"))
    workspace.drop("broken.png", pretended.BROKEN)
    with living(workspace, "pretended") as life:
        until(
            lambda: (
                len(workspace.files_in(workspace.archive)) == 1
                and len(workspace.files_in(workspace.failed)) == 2
            )
        )
        assert life.terminate() == 0
    (workspace.archive / "stranger.png").write_bytes(b"nobody's")
    limits = {"archive_days": 1e-9, "failed_days": 1e-9}
    workspace = quick_workspace(tmp_path, "pretended", retention=limits)
    planned = workspace.command("retention").stdout
    with living(workspace, "pretended"):
        until(
            lambda: (
                not workspace.files_in(workspace.failed)
                and workspace.files_in(workspace.archive) == {"stranger.png"}
            )
        )
        until(lambda: len(removals(workspace)) == 2, what="both removals are logged")
        removed = removals(workspace)
        until(lambda: any(e["event"] == "retention.unknown" for e in workspace.events()))

    assert "archive/a/scan.png" in planned
    assert "2 originals" in planned
    assert {event["name"] for event in removed} == {"a/scan.png", "broken.png"}
    assert (
        "0 originals are kept unchanged, 2 are gone" in workspace.command("verify", "--deep").stdout
    )


def test_a_limit_of_a_profile_only_is_reported_too(tmp_path: Path) -> None:
    short = {"name": "a", "folders": ["a"], "retention": {"archive_days": 1}}
    workspace = quick_workspace(tmp_path, "pretended", profiles=[short])

    said = workspace.command("retention").stdout

    assert "for ever" not in said


def test_a_kill_between_a_failed_file_and_its_reason_leaves_nothing_in_the_end(
    tmp_path: Path,
) -> None:
    workspace = quick_workspace(tmp_path, "pretended")
    workspace.drop("a/broken.png", pretended.BROKEN)
    with living(workspace, "pretended") as life:
        until(lambda: len(workspace.files_in(workspace.failed)) == 2)
        assert life.terminate() == 0
    workspace = quick_workspace(tmp_path, "pretended", retention={"failed_days": 1e-9})
    with living(workspace, "pretended", FAILPOINTS="retention.removed=1*kill") as life:
        until(lambda: life.is_over, what="killed")
    left = workspace.files_in(workspace.failed)

    with living(workspace, "pretended"):
        until(lambda: not workspace.files_in(workspace.failed), what="the reason went too")
    assert left == {"a/broken.png.error.json"}
    assert not (workspace.failed / "a").exists()
