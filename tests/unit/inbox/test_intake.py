"""The intake on a real folder; the test is the clock."""

from pathlib import Path

import pytest

from daemon.core.folder_rules import FolderRules
from daemon.inbox.intake import Intake, QueueCounts, WaitingFiles
from daemon.inbox.scan import Scanner
from daemon.inbox.stability import EMPTY, StabilityTracker
from daemon.inbox.watch import InboxWatcher

QUIET, RESCAN, POLL = 5.0, 30.0, 2.0


class SilentWatch(InboxWatcher):
    """A watch that never notifies; `delivers` is what the test says."""

    def __init__(self, inbox: Path, *, delivers: bool) -> None:
        super().__init__(inbox, "scan", lambda: None)
        self._delivers = delivers

    @property
    def delivers(self) -> bool:
        return self._delivers


def make_intake(
    inbox: Path, *, delivers: bool = True, priority: FolderRules[int] | None = None
) -> Intake:
    return Intake(
        Scanner(inbox, (".*",), ()),
        StabilityTracker(inbox, FolderRules(QUIET), 60.0, lambda path: None, must_move=True),
        SilentWatch(inbox, delivers=delivers),
        RESCAN,
        POLL,
        lambda listing: listing,
        priority=priority,
    )


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    (tmp_path / "inbox").mkdir()
    return tmp_path / "inbox"


def test_the_first_scan_is_immediate_and_finds_existing_files(inbox: Path) -> None:
    (inbox / "a.png").write_bytes(b"x")
    intake = make_intake(inbox)

    intake.scan_if_due(0.0)
    intake.scan_if_due(QUIET)

    assert intake.next_ready(QUIET) == "a.png"
    assert intake.next_ready(QUIET) is None


@pytest.mark.parametrize(("delivers", "pace"), [(True, RESCAN), (False, POLL)])
def test_without_an_event_it_scans_at_the_interval_of_the_mode(
    inbox: Path, delivers: bool, pace: float
) -> None:
    intake = make_intake(inbox, delivers=delivers)
    intake.scan_if_due(100.0)

    assert intake.next_scan() == pytest.approx(100.0 + pace)


def test_the_next_scan_is_when_a_changing_file_could_have_settled(inbox: Path) -> None:
    (inbox / "a.png").write_bytes(b"x")
    intake = make_intake(inbox)
    intake.scan_if_due(100.0)

    assert intake.next_scan() == 100.0 + QUIET


def test_an_event_causes_a_scan_at_once_but_a_burst_only_one(inbox: Path) -> None:
    intake = make_intake(inbox)
    intake.scan_if_due(100.0)
    intake.notify()

    assert 100.0 < intake.next_scan() < 101.0


def test_scanning_a_huge_tree_never_takes_more_than_its_share(inbox: Path) -> None:
    intake = make_intake(inbox)
    intake.scan_if_due(100.0)
    intake._cost = 3.0

    assert intake.next_scan() == pytest.approx(100.0 + 3.0 / 0.005)


def test_a_missing_inbox_is_a_fault_that_passes_when_it_is_back(inbox: Path) -> None:
    (inbox / "a.png").write_bytes(b"x")
    intake = make_intake(inbox)
    intake.scan_if_due(0.0)
    inbox.rename(inbox.parent / "moved")
    intake.notify()
    intake.scan_if_due(10.0)
    assert intake.fault is not None

    (inbox.parent / "moved").rename(inbox)
    intake.scan_if_due(10.0 + POLL)

    assert intake.fault is None
    assert intake.next_ready(12.0) == "a.png"


def test_waiting_files_are_counted_by_what_they_wait_for_and_since_when(inbox: Path) -> None:
    intake = make_intake(inbox)
    (inbox / "a.png").write_bytes(b"x")
    (inbox / "empty.png").touch()
    intake.scan_if_due(100.0)
    (inbox / "b.png").write_bytes(b"x")
    intake.scan_if_due(100.0 + QUIET)

    assert intake.waiting == QueueCounts(ready=1, unstable=1, incomplete=1, blocked=0, since=100.0)


def test_waiting_files_are_listed_by_what_they_wait_for(inbox: Path) -> None:
    intake = make_intake(inbox)
    for name in ("a.png", "b.png", "taken.png"):
        (inbox / name).write_bytes(b"x")
    (inbox / "empty.png").touch()
    intake.scan_if_due(100.0)
    (inbox / "new.png").write_bytes(b"x")
    intake.postpone("taken.png", 200.0, "Permission denied")
    intake.scan_if_due(100.0 + QUIET)

    assert intake.waiting_files == WaitingFiles(
        unstable=("new.png",),
        incomplete={"empty.png": EMPTY},
        blocked={"taken.png": "Permission denied"},
        upcoming=("a.png", "b.png"),
        ready=2,
    )


def test_waiting_files_are_counted_while_the_intake_is_paused(inbox: Path) -> None:
    intake = make_intake(inbox)
    intake._check_volumes = lambda: "the outbox is away"
    (inbox / "a.png").write_bytes(b"x")
    intake.scan_if_due(100.0)
    intake.scan_if_due(100.0 + QUIET)

    assert intake.next_ready(100.0 + QUIET) is None
    assert intake.waiting.ready == 1


def test_a_postponed_file_uses_up_no_turn_before_its_time(
    inbox: Path,
) -> None:
    (inbox / "a.png").write_bytes(b"x")
    intake = make_intake(inbox)
    intake.scan_if_due(0.0)
    intake.scan_if_due(QUIET)
    assert intake.next_ready(QUIET) == "a.png"
    intake.postpone("a.png", 100.0, "Permission denied")
    (inbox / "b.png").write_bytes(b"x")
    intake.scan_if_due(QUIET + RESCAN)
    intake.scan_if_due(2 * QUIET + RESCAN)

    assert [intake.next_ready(50.0) for _ in range(2)] == ["b.png", None]
    intake.scan_if_due(110.0)
    assert intake.next_ready(110.0) == "a.png"


def test_priorities_decide_between_the_folders_of_the_inbox(inbox: Path) -> None:
    for name in ("a/1.png", "urgent/1.png"):
        (inbox / name).parent.mkdir()
        (inbox / name).write_bytes(b"x")
    intake = make_intake(inbox, priority=FolderRules(0, [(["urgent"], 1)]))
    intake.scan_if_due(0.0)

    intake.scan_if_due(QUIET)

    assert [intake.next_ready(QUIET) for _ in range(3)] == ["urgent/1.png", "a/1.png", None]


def test_scan2_is_taken_before_scan10_that_settled_at_the_same_time(
    inbox: Path,
) -> None:
    (inbox / "scan10.png").write_bytes(b"x")
    intake = make_intake(inbox)
    intake.scan_if_due(0.0)
    (inbox / "scan2.png").write_bytes(b"x")
    intake.notify()
    intake.scan_if_due(1.0)

    intake.scan_if_due(1.0 + QUIET)

    assert [intake.next_ready(1.0 + QUIET) for _ in range(2)] == ["scan2.png", "scan10.png"]
