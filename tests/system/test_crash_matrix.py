"""Stopped at each step of the path and killed there: what landed is answered once all the same."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from tests.support.repository import REPOSITORY
from tests.system.test_reread import STEPS as REREAD_STEPS
from tests.torture import reloads
from tests.torture.matrix import SCENARIOS, Act, Chain

MEMORY = Path("/dev/shm")


@pytest.fixture
def far(tmp_path: Path):
    """An empty folder on another filesystem than the inbox."""
    folder = MEMORY / f"ocr-daemon-{os.getpid()}"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


def is_elsewhere(tmp_path: Path) -> bool:
    return MEMORY.is_dir() and MEMORY.stat().st_dev != tmp_path.stat().st_dev


# steps that another scenario passes in the same way are left to `make torture`
@pytest.mark.parametrize(
    ("scenario", "only"),
    [
        ("good", ""),
        ("failing", r"fail|move|linked@\{name\}$"),
        ("retried", "publish.named|move"), ("across", "copy|rename"),
        ("notified", "ledger.answered|hook"),
        ("outputs", "make|outputs|publish"),
        ("tables", r"named.*(csv|pdfa)|render@.*xlsx"),
        ("named", "outputs.named|outputs.synced"),
        ("separated", "part-0002|settled"),
        ("in place", "ledger|publish|original"), ("failing in place", "fail|closed"),
    ],
)  # fmt: skip
def test_a_daemon_killed_at_any_step_answers_once_after_the_restart(
    scenario: str, only: str, tmp_path: Path, far: Path
) -> None:
    if scenario == "across" and not is_elsewhere(tmp_path):
        pytest.skip(f"{tmp_path} and {MEMORY} are one filesystem")

    assert wrong(Chain(tmp_path, "pretended", scenario, "kill daemon", far, only)) == {}


@pytest.mark.parametrize(
    ("act", "only"),
    [("kill worker", "worker.read|task.finished"), ("terminate", "worker.page|publish.named")],
)
def test_a_step_that_a_worker_dies_or_a_stop_falls_in_is_gone_through(
    act: Act, only: str, tmp_path: Path, far: Path
) -> None:
    assert wrong(Chain(tmp_path, "pretended", "good", act, far, only)) == {}


def test_a_stop_that_falls_in_the_telling_leaves_it_to_the_next_life(
    tmp_path: Path, far: Path
) -> None:
    assert wrong(Chain(tmp_path, "pretended", "notified", "terminate", far, "hook")) == {}


def test_the_matrix_has_every_step_that_has_a_name() -> None:
    named = {
        point
        for path in (REPOSITORY / "daemon").rglob("*.py")
        for point in re.findall(r'failpoints\.reach\("([a-z_.]+)"', path.read_text())
    }

    passed = {step.split("@")[0] for scenario in SCENARIOS.values() for step in scenario.steps}

    # on no document's way, and on that of a disk without hard links: test_retention.py kills at the
    # first, tests/unit/outbox/test_fencing.py stops at the second, test_reload_kills.py at those of
    # reloads, test_fetch_mail.py, test_upload_options.py and test_reread.py at the rest
    elsewhere = {"retention.removed", "rename.reserved", "upload.recorded", "upload.named"} | {
        step for change in reloads.CHANGES.values() for step in change.steps
    }
    elsewhere |= {*REREAD_STEPS, "mail.stored", "mail.recorded", "mail.named"}
    assert named - passed == elsewhere


def wrong(chain: Chain) -> dict[str, tuple[str, ...]]:
    return {ending.point: ending.complaints for ending in chain.run() if ending.complaints}
