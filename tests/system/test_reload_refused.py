"""A new config that is refused, or in part, and what is away meanwhile."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.running_daemon import QUICK_MODEL, Workspace, until
from tests.system.test_reload import STOPS_ON_PAGE_2, events, reading, reloads, workspace_of
from tests.torture import pretended
from tests.torture.life import Life, living


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, Life]]:
    """A daemon that all refusals are tried on, one after the other."""
    workspace = workspace_of(tmp_path_factory.mktemp("settled"))
    with living(workspace, "pretended") as life:
        life.wait_ready()
        yield workspace, life


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        (lambda text: text + "\n  : [", "is not valid YAML"),
        (lambda text: text.replace("workers: 2", "workers: -2"), "must be 0 or more"),
        (lambda text: text.replace("workers: 2", "worker: 2"), "did you mean worker"),
        (lambda text: text.replace(QUICK_MODEL["sha256"], "f" * 64), "restore the file or correct"),
    ],
)
def test_a_config_that_cannot_be_meant_is_refused_and_the_daemon_goes_on(
    settled: tuple[Workspace, Life], break_it: Callable[[str], str], says: str
) -> None:
    workspace, life = settled
    good, before = workspace.config.read_text(), len(events(workspace, "config.refused"))
    workspace.config.write_text(break_it(good))
    life.process.send_signal(signal.SIGHUP)
    refused = until(
        lambda: events(workspace, "config.refused")[before:], what=workspace.log_tail()
    )[0]
    workspace.config.write_text(good)

    workspace.drop(f"{before}.png", pretended.content(f"Scan {before}"))

    assert says in refused["remedy"]
    assert workspace.answer(f"{before}.png.json")["status"] == "done"


def test_a_refusal_is_what_health_says_until_a_good_config_comes(
    settled: tuple[Workspace, Life],
) -> None:
    workspace, life = settled
    good, before = workspace.config.read_text(), len(events(workspace, "config.refused"))
    workspace.config.write_text("][")
    life.process.send_signal(signal.SIGHUP)
    until(lambda: events(workspace, "config.refused")[before:], what=workspace.log_tail())
    until(lambda: any("refused" in why for why in faults(workspace)), what=workspace.log_tail())
    workspace.config.write_text(good)  # for the command, which reads it too
    said = workspace.command("health").stdout

    reloads(workspace, life, "config.unchanged")

    assert "degraded: the config was refused" in said
    until(lambda: not faults(workspace), what="it is well again")


def faults(workspace: Workspace) -> list[str]:
    return [
        why for why, _ in json.loads((workspace.state / "heartbeat.json").read_text())["faults"]
    ]


def test_what_needs_a_restart_is_named_and_left_and_the_rest_is_taken(tmp_path: Path) -> None:
    workspace = workspace_of(tmp_path)
    with living(workspace, "pretended") as life:
        life.wait_ready()

        reloads(
            workspace, life, "config.needs_restart",
            folders={"state": str(tmp_path / "elsewhere")}, retry={"attempts": 7},
        )  # fmt: skip

        (told,) = events(workspace, "config.needs_restart")
        assert list(told["changes"]) == ["folders.state"]
        (taken,) = until(lambda: events(workspace, "config.reloaded"))
        assert "retry.attempts" in taken["changes"]
        assert not (tmp_path / "elsewhere").exists()
        workspace.drop("scan.png", pretended.content("Scan"))
        assert workspace.answer("scan.png.json")["status"] == "done"


@pytest.mark.parametrize("change", [{"pages_per_task": 7}, {"workers": 1}])
def test_while_a_folder_of_both_configs_is_away_nothing_is_changed_and_nothing_made_there(
    tmp_path: Path, change: dict[str, int]
) -> None:
    workspace = workspace_of(tmp_path)
    with living(workspace, "pretended") as life:
        life.wait_ready()
        workspace.outbox.rename(tmp_path / "behind")

        refused = reloads(workspace, life, "config.refused", **change)

        assert (refused["key"], workspace.outbox.exists()) == ("folders.outbox", False)
        (tmp_path / "behind").rename(workspace.outbox)
        workspace.drop("scan.png", pretended.content("Scan"))
        assert workspace.answer("scan.png.json")["status"] == "done"


def test_a_folder_that_goes_while_a_change_waits_keeps_the_config_before(tmp_path: Path) -> None:
    workspace = workspace_of(tmp_path, grace_seconds=0.1)
    with living(workspace, "pretended", **STOPS_ON_PAGE_2) as life:
        life.wait_ready()
        worker = reading(workspace, life)
        reloads(workspace, life, "config.reloading", segmenter="opencv", grace_seconds=0.1)
        workspace.outbox.rename(tmp_path / "behind")

        worker.send_signal(signal.SIGCONT)

        until(lambda: events(workspace, "config.refused"), what=workspace.log_tail())
        (tmp_path / "behind").rename(workspace.outbox)
        assert workspace.answer("slow.pdf.json")["processing"]["attempt"] == 1
        assert not events(workspace, "config.reloaded")


def test_an_unmounted_share_is_not_taken_for_its_mount_point_at_a_reload(tmp_path: Path) -> None:
    workspace = workspace_of(tmp_path)
    workspace.outbox.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(workspace.outbox)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting is not permitted here")
    try:
        with living(workspace, "pretended") as life:
            life.wait_ready()
            subprocess.run(["umount", "-l", str(workspace.outbox)], check=True)

            refused = reloads(workspace, life, "config.refused", workers=1)

            assert "is not mounted" in refused["remedy"]
            assert list(workspace.outbox.iterdir()) == []
    finally:
        subprocess.run(["umount", "-l", str(workspace.outbox)], capture_output=True)
