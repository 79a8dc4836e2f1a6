"""When to look: the intake with the test as the clock, on a real folder."""

from pathlib import Path

import pytest

from daemon.core.folder_rules import ByFolder
from daemon.inbox.intake import Intake, QueueCounts
from daemon.inbox.scan import Scanner
from daemon.inbox.stability import StabilityTracker
from daemon.inbox.watch import InboxWatcher

QUIET, RESCAN, POLL = 5.0, 30.0, 2.0


class SilentWatch(InboxWatcher):
    """A watch that rings never, and says whether it would."""

    def __init__(self, inbox: Path, *, delivers: bool) -> None:
        super().__init__(inbox, "scan", lambda: None)
        self._delivers = delivers

    @property
    def delivers(self) -> bool:
        return self._delivers


def make_intake(
    inbox: Path, *, delivers: bool = True, priority: ByFolder[int] | None = None
) -> Intake:
    return Intake(
        Scanner(inbox, (".*",), ()),
        StabilityTracker(inbox, ByFolder(QUIET), 60.0, lambda path: None, must_move=True),
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


def test_the_first_look_is_at_once_and_finds_what_lay_there(inbox: Path) -> None:
    (inbox / "a.png").write_bytes(b"x")
    intake = make_intake(inbox)

    intake.look(0.0)
    intake.look(QUIET)

    assert intake.next_ready(QUIET) == "a.png"
    assert intake.next_ready(QUIET) is None


@pytest.mark.parametrize(("delivers", "pace"), [(True, RESCAN), (False, POLL)])
def test_without_a_ring_it_looks_at_the_pace_of_the_mode(
    inbox: Path, delivers: bool, pace: float
) -> None:
    intake = make_intake(inbox, delivers=delivers)
    intake.look(100.0)

    assert intake.next_look() == pytest.approx(100.0 + pace)


def test_a_moving_file_brings_the_next_look_to_when_it_could_be_still(inbox: Path) -> None:
    (inbox / "a.png").write_bytes(b"x")
    intake = make_intake(inbox)
    intake.look(100.0)

    assert intake.next_look() == 100.0 + QUIET


def test_a_ring_brings_the_next_look_at_once_but_a_burst_counts_once(inbox: Path) -> None:
    intake = make_intake(inbox)
    intake.look(100.0)
    intake.notify()

    assert 100.0 < intake.next_look() < 101.0


def test_scanning_a_huge_tree_never_takes_more_than_its_share(inbox: Path) -> None:
    intake = make_intake(inbox)
    intake.look(100.0)
    intake._cost = 3.0

    assert intake.next_look() == pytest.approx(100.0 + 3.0 / 0.005)


def test_a_missing_inbox_is_a_fault_and_heals_by_itself(inbox: Path) -> None:
    (inbox / "a.png").write_bytes(b"x")
    intake = make_intake(inbox)
    intake.look(0.0)
    inbox.rename(inbox.parent / "moved")
    intake.notify()
    intake.look(10.0)
    assert intake.fault is not None

    (inbox.parent / "moved").rename(inbox)
    intake.look(10.0 + POLL)

    assert intake.fault is None
    assert intake.next_ready(12.0) == "a.png"


def test_what_waits_is_told_by_what_it_waits_for_and_since_when(inbox: Path) -> None:
    intake = make_intake(inbox)
    (inbox / "a.png").write_bytes(b"x")
    (inbox / "empty.png").touch()
    intake.look(100.0)
    (inbox / "b.png").write_bytes(b"x")
    intake.look(100.0 + QUIET)

    assert intake.waiting == QueueCounts(ready=1, unstable=1, incomplete=1, blocked=0, since=100.0)


def test_files_that_wait_are_told_while_nothing_may_be_taken(inbox: Path) -> None:
    intake = make_intake(inbox)
    intake._hindrance = lambda: "the outbox is away"
    (inbox / "a.png").write_bytes(b"x")
    intake.look(100.0)
    intake.look(100.0 + QUIET)

    assert intake.next_ready(100.0 + QUIET) is None
    assert intake.waiting.ready == 1


def test_a_file_that_could_not_be_claimed_takes_no_turn_until_its_time_has_come(
    inbox: Path,
) -> None:
    (inbox / "a.png").write_bytes(b"x")
    intake = make_intake(inbox)
    intake.look(0.0)
    intake.look(QUIET)
    assert intake.next_ready(QUIET) == "a.png"
    intake.refuse("a.png", 100.0)
    (inbox / "b.png").write_bytes(b"x")
    intake.look(QUIET + RESCAN)
    intake.look(2 * QUIET + RESCAN)

    assert [intake.next_ready(50.0) for _ in range(2)] == ["b.png", None]
    intake.look(110.0)
    assert intake.next_ready(110.0) == "a.png"


def test_priorities_decide_between_the_folders_of_the_inbox(inbox: Path) -> None:
    for name in ("a/1.png", "urgent/1.png"):
        (inbox / name).parent.mkdir()
        (inbox / name).write_bytes(b"x")
    intake = make_intake(inbox, priority=ByFolder(0, [(["urgent"], 1)]))
    intake.look(0.0)

    intake.look(QUIET)

    assert [intake.next_ready(QUIET) for _ in range(3)] == ["urgent/1.png", "a/1.png", None]


def test_scan2_is_taken_before_scan10_that_came_to_rest_in_the_same_quiet_time(
    inbox: Path,
) -> None:
    (inbox / "scan10.png").write_bytes(b"x")
    intake = make_intake(inbox)
    intake.look(0.0)
    (inbox / "scan2.png").write_bytes(b"x")
    intake.notify()
    intake.look(1.0)

    intake.look(1.0 + QUIET)

    assert [intake.next_ready(1.0 + QUIET) for _ in range(2)] == ["scan2.png", "scan10.png"]
