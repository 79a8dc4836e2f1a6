"""Files without an event; the test sends the events and makes the scans."""

from __future__ import annotations

from pathlib import Path

from daemon.core.counters import Counters
from daemon.core.folder_rules import FolderRules
from daemon.inbox.intake import Intake
from daemon.inbox.missed_events import MissedEvents
from daemon.inbox.scan import Scanner
from daemon.inbox.stability import StabilityTracker
from tests.unit.inbox.test_intake import QUIET, RESCAN, SilentWatch


def test_a_file_without_an_event_is_counted_at_the_next_scan() -> None:
    missed = MissedEvents()
    missed.observe([], missed.notifications)

    assert missed.observe(["a.png"], missed.notifications) == 0
    assert missed.observe(["a.png"], missed.notifications) == 1
    assert missed.observe(["a.png"], missed.notifications) == 0


def test_a_file_with_a_late_event_is_not_counted() -> None:
    missed = MissedEvents()
    missed.observe(["a.png"], missed.notifications)
    missed.notify()

    assert missed.observe(["a.png"], missed.notifications) == 0


def test_a_file_whose_event_comes_during_the_scan_is_not_counted() -> None:
    missed = MissedEvents()
    before = missed.notifications
    missed.notify()  # while the folder is listed
    missed.observe(["a.png"], before)

    assert missed.observe(["a.png"], missed.notifications) == 0


def test_files_of_a_scan_that_an_event_requested_are_not_counted() -> None:
    missed = MissedEvents()
    missed.observe(["a.png"], None)

    assert missed.observe(["a.png"], missed.notifications) == 0


def test_a_file_that_is_gone_at_the_next_scan_is_not_counted() -> None:
    missed = MissedEvents()
    missed.observe(["a.png"], missed.notifications)

    assert missed.observe([], missed.notifications) == 0


def look(inbox: Path, *, delivers: bool, notify: bool) -> int:
    """Let a file land between two looks, and return how many were missed after a third."""
    counters = Counters()
    missed = Intake(
        Scanner(inbox, (".*",), ()),
        StabilityTracker(inbox, FolderRules(QUIET), 60.0, lambda _: None, must_move=True),
        SilentWatch(inbox, delivers=delivers), RESCAN, 2.0, lambda listing: listing,
        counters=counters,
    )  # fmt: skip
    missed.scan_if_due(100.0)
    (inbox / "a.png").write_bytes(b"x")
    if notify:
        missed.notify()
    missed.scan_if_due(100.0 + RESCAN)
    missed.scan_if_due(100.0 + 2 * RESCAN)
    return counters.missed_events


def test_the_intake_counts_only_if_events_are_used(tmp_path: Path) -> None:
    assert look(tmp_path, delivers=True, notify=False) == 1
    (tmp_path / "a.png").unlink()
    assert look(tmp_path, delivers=True, notify=True) == 0
    (tmp_path / "a.png").unlink()
    assert look(tmp_path, delivers=False, notify=False) == 0
