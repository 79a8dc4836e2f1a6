"""Scanners and copiers as the field has them, on a real folder, with the test as the clock."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.config.sections import Watch
from daemon.core.folder_rules import FolderRules
from daemon.inbox.completeness import missing_end
from daemon.inbox.intake import Intake
from daemon.inbox.scan import Scanner
from daemon.inbox.stability import StabilityTracker
from daemon.inbox.watch import InboxWatcher
from tests.support import samples

QUIET, PATIENCE, POLL = 5.0, 60.0, 1.0
PAGE = samples.text_page(["A page"], width=200, height=80)
PNG = samples.png(PAGE)


class Looked:
    """An intake that looks every second of a clock that only the test moves."""

    def __init__(self, inbox: Path) -> None:
        self.inbox, self.now = inbox, 100.0
        self.intake = Intake(
            Scanner(inbox, Watch().ignore, ()),
            StabilityTracker(inbox, FolderRules(QUIET), PATIENCE, missing_end, must_move=True),
            InboxWatcher(inbox, "scan", lambda: None),
            30.0,
            POLL,
            lambda listing: listing,
        )

    def ready_after(self, seconds: float) -> list[str]:
        """Return what was ready at any look within the next seconds."""
        found: list[str] = []
        ends = self.now + seconds
        while self.now < ends:
            self.now = min(self.now + POLL, ends)
            self.intake.notify()
            self.intake.scan_if_due(self.now)
            found += iter(lambda: self.intake.next_ready(self.now), None)
        return list(dict.fromkeys(found))


@pytest.fixture
def looked(tmp_path: Path) -> Looked:
    (tmp_path / "inbox").mkdir()
    return Looked(tmp_path / "inbox")


@pytest.mark.parametrize("gap", [1.0, 2.0, 4.0])
def test_a_scanner_that_reopens_the_file_for_each_page(looked: Looked, gap: float) -> None:
    """Every prefix is a valid file: only stillness tells that more is coming."""
    path, early = looked.inbox / "scan.tif", []
    for pages in range(1, 6):
        path.write_bytes(samples.tiff([samples.plain_page(PAGE)] * pages))
        early += looked.ready_after(gap)

    assert early == []
    assert looked.ready_after(QUIET) == ["scan.tif"]


def test_a_scanner_that_announces_a_page_it_takes_long_to_scan(looked: Looked) -> None:
    """An interrupted write is no end, however long it is still."""
    path = looked.inbox / "scan.tif"
    path.write_bytes(samples.tiff([samples.plain_page(PAGE)], next_offset=10**6))

    assert looked.ready_after(5 * QUIET) == []
    path.write_bytes(samples.tiff([samples.plain_page(PAGE)] * 2))
    assert looked.ready_after(QUIET) == []
    assert looked.ready_after(POLL) == ["scan.tif"]


def test_attributes_touched_after_the_file_restart_its_quiet_time_at_most(looked: Looked) -> None:
    path = looked.inbox / "scan.png"
    path.write_bytes(PNG)
    early = looked.ready_after(QUIET - 1)
    path.chmod(0o644)
    os.utime(path, (1, 1))

    assert early + looked.ready_after(QUIET) == []
    assert looked.ready_after(POLL) == ["scan.png"]


def test_a_draft_is_taken_under_its_final_name_alone(looked: Looked) -> None:
    draft = looked.inbox / "x.pd~"
    draft.write_bytes(PNG)
    early = looked.ready_after(2 * QUIET)
    draft.rename(looked.inbox / "x.pdf")

    assert early == []
    assert looked.ready_after(QUIET + POLL) == ["x.pdf"]


def test_a_placeholder_of_no_bytes_waits_for_its_content(looked: Looked) -> None:
    path = looked.inbox / "scan.png"
    path.touch()
    early = looked.ready_after(2 * PATIENCE)
    path.write_bytes(PNG)

    assert early == []
    assert looked.ready_after(QUIET + POLL) == ["scan.png"]


def test_a_name_used_again_is_another_file_with_a_quiet_time_of_its_own(looked: Looked) -> None:
    path = looked.inbox / "scan0001.png"
    path.write_bytes(PNG)
    first = looked.ready_after(QUIET + POLL)
    path.rename(looked.inbox.parent / "claimed")
    path.write_bytes(PNG)

    assert first == ["scan0001.png"]
    assert looked.ready_after(QUIET) == []
    assert looked.ready_after(POLL) == ["scan0001.png"]


def test_a_copy_with_an_old_time_is_not_taken_in_mid_copy(looked: Looked) -> None:
    path = looked.inbox / "copied.bmp"
    whole = samples.bmp(samples.in_colour(PAGE))
    early = []
    for end in range(1000, len(whole), len(whole) // 6):
        path.write_bytes(whole[:end])
        os.utime(path, (1, 1))
        early += looked.ready_after(3.0)
    path.write_bytes(whole)
    os.utime(path, (1, 1))

    assert early == []
    assert looked.ready_after(QUIET + POLL) == ["copied.bmp"]


def test_a_populated_folder_that_comes_by_one_rename(looked: Looked) -> None:
    batch = looked.inbox.parent / "batch"
    (batch / "deep").mkdir(parents=True)
    for name in ("1.png", "deep/2.png"):
        (batch / name).write_bytes(PNG)
    batch.rename(looked.inbox / "batch")

    assert looked.ready_after(QUIET) == []
    assert set(looked.ready_after(POLL)) == {"batch/1.png", "batch/deep/2.png"}


@contextlib.contextmanager
def of_another(uid: int) -> Iterator[None]:
    """Run as an ordinary user; only root may, and may come back."""
    os.setresuid(uid, uid, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")
def test_a_file_of_another_user_is_blocked_until_it_can_be_read() -> None:
    inbox = Path(tempfile.mkdtemp(prefix="inbox-"))
    inbox.chmod(0o777)
    looked, path = Looked(inbox), inbox / "theirs.png"
    path.write_bytes(PNG)
    path.chmod(0o600)
    try:
        with of_another(65534):
            before = looked.ready_after(QUIET + POLL)
        told = dict(looked.intake._logged)
        path.chmod(0o644)
        with of_another(65534):
            after = looked.ready_after(QUIET + POLL)
    finally:
        shutil.rmtree(inbox)

    assert (before, after) == ([], ["theirs.png"])
    assert "it belongs to root with mode 0600" in told["theirs.png"]
    assert "runs as uid 65534; give it permission" in told["theirs.png"]
