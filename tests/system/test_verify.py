"""The proof, held against folders in which something is wrong: it must be able to fail."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from daemon.cli.verify import verify, verify_deep
from daemon.config.load import load
from daemon.inbox import scan
from tests.support.running_daemon import Workspace, until
from tests.torture import pretended, series
from tests.torture.life import living, quick_workspace


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of a workspace in which one file was read and one has failed."""
    workspace = quick_workspace(tmp_path_factory.mktemp("verify"), "pretended")
    workspace.drop("scan.png", pretended.content("Good"))
    workspace.drop("broken.png", pretended.BROKEN)
    with living(workspace, "pretended") as life:
        until(
            lambda: (
                len(workspace.files_in(workspace.archive)) == 1
                and len(workspace.files_in(workspace.failed)) == 2
            )
        )
        until(lambda: series.is_done(workspace))
        assert life.terminate() == 0
    return workspace.root


@pytest.fixture
def workspace(answered: Path, tmp_path: Path) -> Workspace:
    shutil.copytree(answered, tmp_path / "workspace")
    return quick_workspace(tmp_path / "workspace", "pretended")


def test_what_was_answered_and_kept_holds(workspace: Workspace) -> None:
    balance, depth = verify(load(workspace.config)), verify_deep(load(workspace.config))

    assert (balance.landed, balance.answered, balance.waiting, balance.holds) == (2, 2, 0, True)
    assert (depth.unchanged, depth.removed, depth.holds) == (2, (), True)


def test_a_cut_answer_is_torn(workspace: Workspace) -> None:
    path = workspace.outbox / "scan.png.json"
    path.write_bytes(path.read_bytes()[:100])

    assert verify(load(workspace.config)).torn == ("scan.png.json",)


def test_an_answer_against_the_schema_is_torn(workspace: Workspace) -> None:
    path = workspace.outbox / "scan.png.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"status": "fine"}))

    assert verify(load(workspace.config)).torn == ("scan.png.json",)


def test_an_answer_that_was_taken_away_is_collected(workspace: Workspace) -> None:
    (workspace.outbox / "scan.png.json").unlink()

    balance = verify(load(workspace.config))

    assert (balance.answered, balance.collected, balance.holds) == (2, 1, True)


def test_an_original_with_other_bytes_is_altered(workspace: Workspace) -> None:
    (workspace.archive / "scan.png").write_bytes(b"rot")

    depth = verify_deep(load(workspace.config))

    assert (depth.unchanged, depth.altered, depth.holds) == (1, ("scan.png",), False)


def test_an_original_that_was_taken_away_is_told_and_no_fault(workspace: Workspace) -> None:
    (workspace.archive / "scan.png").unlink()

    depth = verify_deep(load(workspace.config))

    assert (depth.unchanged, depth.removed, depth.holds) == (1, ("scan.png",), True)


def test_a_second_answer_to_one_claim_is_told(workspace: Workspace) -> None:
    shutil.copy(workspace.outbox / "scan.png.json", workspace.outbox / "scan.png.2.json")

    depth = verify_deep(load(workspace.config))

    assert (len(depth.twice), depth.holds) == (1, False)


def test_a_failed_file_dragged_back_waits(workspace: Workspace) -> None:
    (workspace.failed / "broken.png").rename(workspace.inbox / "broken.png")

    assert verify(load(workspace.config)).waiting == 1


def test_the_command_tells_how_many_originals_are_kept(workspace: Workspace) -> None:
    said = workspace.command("verify", "--deep")

    assert (said.returncode, "2 originals are kept unchanged, 0 are gone" in said.stdout) == (
        0,
        True,
    )


def test_what_is_refused_or_ignored_is_counted_and_listed_with_its_reason(
    workspace: Workspace,
) -> None:
    (workspace.root / "elsewhere.png").write_bytes(b"secret")
    os.link(workspace.root / "elsewhere.png", workspace.inbox / "linked.png")
    (workspace.inbox / "half.part").write_bytes(b"half")
    (workspace.inbox / "link.png").symlink_to(workspace.root / "elsewhere.png")
    (workspace.inbox / "waits.png").write_bytes(pretended.content("Waits"))

    said = workspace.command("verify")

    assert said.returncode == 0
    assert said.stdout.splitlines() == [
        "landed 6 = answered 2 + waiting 1 + refused 1 + ignored 2",
        "0 of the answers are no longer in the outbox (deleted or moved)",
        f"refused: linked.png: {scan.LINKED}",
        f"ignored: half.part: {scan.IGNORED}",
        f"ignored: link.png: {scan.SYMBOLIC_LINK}",
    ]


def test_thousands_of_ignored_names_are_counted_and_not_all_listed(workspace: Workspace) -> None:
    for number in range(150):
        (workspace.inbox / f"{number:03d}.part").touch()

    lines = workspace.command("verify").stdout.splitlines()

    assert lines[0] == "landed 152 = answered 2 + waiting 0 + ignored 150"
    assert (len(lines), lines[-1]) == (103, "ignored: and 50 more")
