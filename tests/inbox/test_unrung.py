"""Files that no event told of, with the test as watch and as scan."""

from __future__ import annotations

from pathlib import Path

from daemon.core.counters import Counters
from daemon.core.folder_rules import ByFolder
from daemon.inbox.intake import Intake
from daemon.inbox.missed_events import MissedEvents
from daemon.inbox.scan import Scanner
from daemon.inbox.stability import StabilityTracker
from tests.inbox.test_intake import QUIET, RESCAN, SilentWatch


def test_a_file_that_a_scan_found_and_nothing_rang_for_is_counted_at_the_next_scan() -> None:
    room = MissedEvents()
    room.observe([], room.notifications)

    assert room.observe(["a.png"], room.notifications) == 0
    assert room.observe(["a.png"], room.notifications) == 1
    assert room.observe(["a.png"], room.notifications) == 0


def test_an_event_that_comes_late_clears_it() -> None:
    room = MissedEvents()
    room.observe(["a.png"], room.notifications)
    room.notify()

    assert room.observe(["a.png"], room.notifications) == 0


def test_an_event_that_comes_while_the_scan_runs_clears_it() -> None:
    room = MissedEvents()
    before = room.notifications
    room.notify()  # while the folder is listed
    room.observe(["a.png"], before)

    assert room.observe(["a.png"], room.notifications) == 0


def test_what_a_rung_look_finds_is_not_suspected() -> None:
    room = MissedEvents()
    room.observe(["a.png"], None)

    assert room.observe(["a.png"], room.notifications) == 0


def test_what_has_vanished_meanwhile_is_not_counted() -> None:
    room = MissedEvents()
    room.observe(["a.png"], room.notifications)

    assert room.observe([], room.notifications) == 0


def look(inbox: Path, *, delivers: bool, notify: bool) -> int:
    """Let a file land between two looks, and return how many were missed after a third."""
    counters = Counters()
    room = Intake(
        Scanner(inbox, (".*",), ()),
        StabilityTracker(inbox, ByFolder(QUIET), 60.0, lambda _: None, must_move=True),
        SilentWatch(inbox, delivers=delivers), RESCAN, 2.0, lambda listing: listing,
        counters=counters,
    )  # fmt: skip
    room.scan_if_due(100.0)
    (inbox / "a.png").write_bytes(b"x")
    if notify:
        room.notify()
    room.scan_if_due(100.0 + RESCAN)
    room.scan_if_due(100.0 + 2 * RESCAN)
    return counters.missed_events


def test_the_intake_counts_only_where_events_are_relied_upon(tmp_path: Path) -> None:
    assert look(tmp_path, delivers=True, notify=False) == 1
    (tmp_path / "a.png").unlink()
    assert look(tmp_path, delivers=True, notify=True) == 0
    (tmp_path / "a.png").unlink()
    assert look(tmp_path, delivers=False, notify=False) == 0
