"""When a file has settled; the test is the clock."""

import itertools
import os
from pathlib import Path

import pytest

from daemon.core.folder_rules import FolderRules
from daemon.core.records import Stamp
from daemon.inbox.stability import EMPTY, StabilityReport, StabilityTracker

QUIET, PATIENCE = 5.0, 60.0


def make_tracker(inbox: Path, missing: dict[str, str] | None = None) -> StabilityTracker:
    lacks = missing or {}
    return StabilityTracker(
        inbox, FolderRules(QUIET), PATIENCE, lambda path: lacks.get(path.name), must_move=True
    )


def stamp(size: int = 10, modified: int = 0, inode: int = 1) -> Stamp:
    return Stamp(size, modified, inode)


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    (tmp_path / "a.png").write_bytes(b"x")
    (tmp_path / "b.png").write_bytes(b"x")
    return tmp_path


PAUSES = list(itertools.product([0.5, 4.0, 4.9, 5.0, 6.0], repeat=3))


@pytest.mark.parametrize("pauses", PAUSES)
def test_a_file_is_ready_after_the_quiet_time_and_not_before(
    inbox: Path, pauses: tuple[float, ...]
) -> None:
    """A writer appends after each pause; the oracle is arithmetic on the pauses."""
    tracker = make_tracker(inbox)
    now = 100.0
    tracker.observe({"a.png": stamp(1)}, now)
    for size, pause in enumerate(pauses, start=2):
        now += pause
        before = tracker.observe({"a.png": stamp(size - 1)}, now)
        tracker.observe({"a.png": stamp(size)}, now)

        assert (tuple(before.ready) == ("a.png",)) == (pause >= QUIET)

    assert tuple(tracker.observe({"a.png": stamp(len(pauses) + 1)}, now + QUIET - 0.01).ready) == ()
    assert tuple(tracker.observe({"a.png": stamp(len(pauses) + 1)}, now + QUIET).ready) == (
        "a.png",
    )


def test_an_old_modification_time_does_not_make_a_file_settled(inbox: Path) -> None:
    tracker = make_tracker(inbox)

    assert tuple(tracker.observe({"a.png": stamp(modified=1)}, 1000.0).ready) == ()


@pytest.mark.parametrize("changed", [stamp(size=11), stamp(modified=1), stamp(inode=2)])
def test_any_change_starts_the_quiet_time_again(inbox: Path, changed: Stamp) -> None:
    tracker = make_tracker(inbox)
    tracker.observe({"a.png": stamp()}, 0.0)

    assert tuple(tracker.observe({"a.png": changed}, QUIET).ready) == ()


def test_a_vanished_file_is_forgotten(inbox: Path) -> None:
    tracker = make_tracker(inbox)
    tracker.observe({"a.png": stamp()}, 0.0)
    tracker.observe({}, 1.0)

    assert tuple(tracker.observe({"a.png": stamp()}, QUIET).ready) == ()


def test_an_empty_file_is_never_ready(inbox: Path) -> None:
    tracker = make_tracker(inbox)
    tracker.observe({"a.png": stamp(size=0)}, 0.0)

    later = tracker.observe({"a.png": stamp(size=0)}, 10 * PATIENCE)

    assert later == StabilityReport({}, {"a.png": EMPTY}, {}, None)


def test_the_reason_of_an_empty_file_is_known_once_it_is_still(inbox: Path) -> None:
    tracker = make_tracker(inbox)

    assert tracker.observe({"a.png": stamp(size=0)}, 0.0).due == QUIET
    assert tracker.observe({"a.png": stamp(size=0)}, QUIET).incomplete == {"a.png": EMPTY}


def test_an_incomplete_file_waits_for_its_end_and_is_ready_after_incomplete_seconds(
    inbox: Path,
) -> None:
    tracker = make_tracker(inbox, {"a.png": "has no IEND yet"})
    tracker.observe({"a.png": stamp()}, 0.0)

    waiting = tracker.observe({"a.png": stamp()}, QUIET)

    assert (waiting.ready, waiting.incomplete) == ({}, {"a.png": "has no IEND yet"})
    assert waiting.due == PATIENCE
    assert tuple(tracker.observe({"a.png": stamp()}, PATIENCE).ready) == ("a.png",)


def test_ready_files_come_oldest_first(inbox: Path) -> None:
    tracker = make_tracker(inbox)
    tracker.observe({"b.png": stamp()}, 0.0)
    tracker.observe({"b.png": stamp(), "a.png": stamp()}, 1.0)

    both = tracker.observe({"a.png": stamp(), "b.png": stamp()}, 1.0 + QUIET)

    assert list(both.ready.items()) == [("b.png", 0.0), ("a.png", 1.0)]


def test_due_is_when_the_next_file_could_become_ready(inbox: Path) -> None:
    tracker = make_tracker(inbox)
    tracker.observe({"a.png": stamp()}, 0.0)

    assert tracker.observe({"a.png": stamp(), "b.png": stamp()}, 2.0).due == QUIET


def test_a_file_that_cannot_be_opened_says_who_owns_it(inbox: Path) -> None:
    def refuse(path: Path) -> str | None:
        raise PermissionError(13, "Permission denied", str(path))

    tracker = StabilityTracker(inbox, FolderRules(QUIET), PATIENCE, refuse, must_move=True)
    tracker.observe({"a.png": stamp()}, 0.0)

    (reason,) = tracker.observe({"a.png": stamp()}, QUIET).blocked.values()

    assert "Permission denied" in reason
    assert f"mode {(inbox / 'a.png').stat().st_mode & 0o777:04o}" in reason
    assert f"runs as uid {os.geteuid()}" in reason


def test_a_file_that_is_gone_since_the_listing_is_in_no_list(tmp_path: Path) -> None:
    def gone(path: Path) -> str | None:
        raise FileNotFoundError(2, "No such file or directory", str(path))

    tracker = StabilityTracker(tmp_path, FolderRules(QUIET), PATIENCE, gone, must_move=True)
    tracker.observe({"a.png": stamp()}, 0.0)

    assert tracker.observe({"a.png": stamp()}, QUIET) == StabilityReport({}, {}, {}, None)


@pytest.mark.parametrize(("must_move", "ready"), [(True, ()), (False, ("sub/a.png",))])
def test_a_file_in_a_folder_that_we_may_not_write_can_only_be_read_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, must_move: bool, ready: tuple[str, ...]
) -> None:
    """Root may write everywhere, so the kernel's answer for others is put in its place."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/a.png").write_bytes(b"x")
    monkeypatch.setattr(os, "access", lambda path, mode: not (mode & os.W_OK and path.is_dir()))
    tracker = StabilityTracker(
        tmp_path, FolderRules(QUIET), PATIENCE, lambda path: None, must_move=must_move
    )
    tracker.observe({"sub/a.png": stamp()}, 0.0)

    assert tuple(tracker.observe({"sub/a.png": stamp()}, QUIET).ready) == ready


def test_each_folder_has_its_quiet_time_and_0_means_ready_at_once(tmp_path: Path) -> None:
    for name in ("now/a.png", "now/cut.png", "slow/a.png", "a.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    lacks = {"cut.png": "has no IEND yet"}
    quiet = FolderRules(QUIET, [(["now"], 0.0), (["slow"], 2 * QUIET)])
    tracker = StabilityTracker(
        tmp_path, quiet, PATIENCE, lambda path: lacks.get(path.name), must_move=True
    )
    listing = {name: stamp() for name in ("now/a.png", "now/cut.png", "slow/a.png", "a.png")}

    looks = [tracker.observe(listing, now) for now in (0.0, QUIET, 2 * QUIET)]

    assert [set(look.ready) for look in looks] == [
        {"now/a.png"}, {"now/a.png", "a.png"}, {"now/a.png", "a.png", "slow/a.png"},
    ]  # fmt: skip
    assert [set(look.incomplete) for look in looks] == [{"now/cut.png"}] * 3
    assert [look.due for look in looks] == [QUIET, 2 * QUIET, PATIENCE]


def test_a_file_that_appears_complete_has_no_quiet_time(inbox: Path) -> None:
    tracker = StabilityTracker(
        inbox, FolderRules(QUIET), PATIENCE, lambda _: None, must_move=True,
        appears_complete=lambda name, seen: (name, seen) == ("a.png", stamp(10)),
    )  # fmt: skip

    first = tracker.observe({"a.png": stamp(10), "b.png": stamp(10)}, 0.0)
    changed = tracker.observe({"a.png": stamp(11), "b.png": stamp(10)}, 1.0)

    assert tuple(first.ready) == ("a.png",)
    assert tuple(changed.ready) == ()
