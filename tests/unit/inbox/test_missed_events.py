"""Files that no event told of, with the test as watch and as scan."""

from __future__ import annotations

from pathlib import Path

from daemon.core.counters import Counters
from daemon.core.folder_rules import ByFolder
from daemon.inbox.intake import Intake
from daemon.inbox.missed_events import MissedEvents
from daemon.inbox.scan import Scanner
from daemon.inbox.stability import StabilityTracker
from tests.unit.inbox.test_intake import QUIET, RESCAN, SilentWatch


def test_a_file_that_a_scan_found_and_nothing_rang_for_is_counted_at_the_next_look() -> None:
    missed = MissedEvents()
    missed.observe([], missed.rings)

    assert missed.observe(["a.png"], missed.rings) == 0
    assert missed.observe(["a.png"], missed.rings) == 1
    assert missed.observe(["a.png"], missed.rings) == 0


def test_an_event_that_comes_late_clears_it() -> None:
    missed = MissedEvents()
    missed.observe(["a.png"], missed.rings)
    missed.notify()

    assert missed.observe(["a.png"], missed.rings) == 0


def test_an_event_that_comes_while_the_scan_runs_clears_it() -> None:
    missed = MissedEvents()
    before = missed.rings
    missed.notify()  # while the folder is listed
    missed.observe(["a.png"], before)

    assert missed.observe(["a.png"], missed.rings) == 0


def test_what_a_rung_look_finds_is_not_suspected() -> None:
    missed = MissedEvents()
    missed.observe(["a.png"], None)

    assert missed.observe(["a.png"], missed.rings) == 0


def test_what_has_vanished_meanwhile_is_not_counted() -> None:
    missed = MissedEvents()
    missed.observe(["a.png"], missed.rings)

    assert missed.observe([], missed.rings) == 0


def look(inbox: Path, *, delivers: bool, notify: bool) -> int:
    """Let a file land between two looks, and return how many were missed after a third."""
    counters = Counters()
    missed = Intake(
        Scanner(inbox, (".*",), ()),
        StabilityTracker(inbox, ByFolder(QUIET), 60.0, lambda _: None, must_move=True),
        SilentWatch(inbox, delivers=delivers), RESCAN, 2.0, lambda listing: listing,
        counters=counters,
    )  # fmt: skip
    missed.look(100.0)
    (inbox / "a.png").write_bytes(b"x")
    if notify:
        missed.notify()
    missed.look(100.0 + RESCAN)
    missed.look(100.0 + 2 * RESCAN)
    return counters.missed_events


def test_the_intake_counts_only_where_events_are_relied_upon(tmp_path: Path) -> None:
    assert look(tmp_path, delivers=True, notify=False) == 1
    (tmp_path / "a.png").unlink()
    assert look(tmp_path, delivers=True, notify=True) == 0
    (tmp_path / "a.png").unlink()
    assert look(tmp_path, delivers=False, notify=False) == 0
