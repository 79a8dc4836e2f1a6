"""Very many files at once: what a scan asks the filesystem for, and that it still notices changes.

The test is the clock, and counts the calls. `python -m bench.flood` measures a running daemon.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daemon.core.folder_rules import FolderRules
from daemon.core.records import Stamp
from daemon.inbox import scan, stability
from daemon.inbox.intake import Intake
from daemon.inbox.scan import Scanner
from daemon.inbox.stability import NotReady, StabilityTracker
from daemon.inbox.watch import InboxWatcher

QUIET, PATIENCE, RESCAN, POLL = 5.0, 60.0, 30.0, 2.0
FILES = 300
FEW = 50  # files that one scan of these tests checks


class CountedEntry:
    """An entry of a folder that counts the calls of stat(2)."""

    def __init__(self, entry: os.DirEntry[str], calls: Counter[str]) -> None:
        self._entry, self._calls = entry, calls

    def __getattr__(self, name: str) -> Any:
        return getattr(self._entry, name)

    def stat(self, *, follow_symlinks: bool) -> os.stat_result:
        self._calls["stat"] += 1
        return self._entry.stat(follow_symlinks=follow_symlinks)


class CountedFolder:
    def __init__(self, folder: Path, calls: Counter[str]) -> None:
        self._entries, self._calls = os_scandir(folder), calls

    def __enter__(self) -> CountedFolder:
        return self

    def __exit__(self, *_: object) -> None:
        self._entries.close()

    def __iter__(self) -> Iterator[CountedEntry]:
        return (CountedEntry(entry, self._calls) for entry in self._entries)


os_scandir = os.scandir


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """The calls of stat(2) and access(2), and the files whose end was looked for."""
    counted: Counter[str] = Counter()
    access = os.access

    def counted_access(path: Path, mode: int) -> bool:
        counted["access"] += 1
        return access(path, mode)

    monkeypatch.setattr(os, "access", counted_access)
    monkeypatch.setattr(scan.os, "scandir", lambda folder: CountedFolder(folder, counted))
    monkeypatch.setattr(stability, "MAX_CHECKS", FEW)
    return counted


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    for number in range(FILES):
        (folder / f"scan{number}.png").write_bytes(b"x")
    return folder


def make_intake(inbox: Path, calls: Counter[str], missing: dict[str, str] | None = None) -> Intake:
    def missing_end(path: Path) -> str | None:
        calls["checked"] += 1
        return (missing or {}).get(path.name)

    return Intake(
        Scanner(inbox, (".*",), ()),
        StabilityTracker(inbox, FolderRules(QUIET), PATIENCE, missing_end, must_move=True),
        InboxWatcher(inbox, "scan", lambda: None),
        RESCAN,
        POLL,
        lambda listing: listing,
    )


def settled(inbox: Path, calls: Counter[str], missing: dict[str, str] | None = None) -> Intake:
    """Return the intake after the quiet time of all files."""
    intake = make_intake(inbox, calls, missing)
    intake.scan_if_due(0.0)
    intake.scan_if_due(QUIET)
    return intake


def test_the_first_file_is_ready_after_two_stats_a_file_and_few_checks(
    inbox: Path, calls: Counter[str]
) -> None:
    intake = settled(inbox, calls)

    assert intake.next_ready(QUIET) == "scan0.png"
    assert calls["stat"] == 2 * FILES
    assert calls["checked"] == FEW
    assert calls["access"] == FEW + 1  # the folder once


def test_waiting_files_cost_a_scan_no_call(inbox: Path, calls: Counter[str]) -> None:
    intake = settled(inbox, calls)
    for now in range(100, 1000, 100):
        intake.scan_if_due(float(now))
    calls.clear()

    intake.scan_if_due(1000.0)

    assert calls == Counter()
    assert intake.waiting.ready == FILES


def test_while_very_many_files_arrive_their_stamps_are_compared_at_the_end_only(
    inbox: Path, calls: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stability, "MANY", FILES - 1)
    intake = make_intake(inbox, calls)
    for now in (0.0, 1.0, 2.0, 3.0):
        intake.notify()
        intake.scan_if_due(now)

    assert calls["stat"] == FILES
    intake.scan_if_due(QUIET)
    assert calls["stat"] == 2 * FILES


def test_a_few_changing_files_are_compared_with_each_scan(inbox: Path, calls: Counter[str]) -> None:
    intake = make_intake(inbox, calls)
    intake.scan_if_due(0.0)
    intake.notify()
    intake.scan_if_due(1.0)

    assert calls["stat"] == 2 * FILES


def test_scans_go_on_until_all_waiting_files_have_been_checked(
    inbox: Path, calls: Counter[str]
) -> None:
    intake = settled(inbox, calls, {"scan299.png": "has no IEND yet"})
    now, scans = QUIET, 1
    while calls["checked"] < FILES:
        now = intake.next_scan()
        assert now < QUIET + RESCAN
        intake.scan_if_due(now)
        scans += 1

    assert scans == FILES // FEW
    assert (intake.waiting.ready, intake.waiting.incomplete) == (FILES - 1, 1)


def test_a_file_that_was_not_checked_is_checked_when_it_is_claimed(
    inbox: Path, calls: Counter[str]
) -> None:
    intake = settled(inbox, calls, {"scan299.png": "has no IEND yet"})

    with pytest.raises(NotReady):
        intake.verify("scan299.png", QUIET)
    intake.verify("scan298.png", QUIET)

    assert calls["checked"] == FEW + 2 - _among_checked(intake, "scan298.png", "scan299.png")


def _among_checked(intake: Intake, *names: str) -> int:
    """Return how many of the names were among the first that the scan checked."""
    return sum(name in list(intake._listing)[:FEW] for name in names)


@pytest.mark.parametrize("change", ["append", "replace", "touch", "remove"])
def test_a_change_of_a_waiting_file_is_noticed_when_it_is_claimed_and_it_settles_again(
    inbox: Path, calls: Counter[str], change: str
) -> None:
    intake = settled(inbox, calls)
    path = inbox / "scan7.png"
    if change == "append":
        path.write_bytes(b"xx")
    elif change == "replace":
        (inbox / ".draft").write_bytes(b"y")
        (inbox / ".draft").replace(path)
    elif change == "touch":
        os.utime(path, ns=(0, 1))
    else:
        path.unlink()

    with pytest.raises(NotReady):
        intake.verify("scan7.png", QUIET)
    intake.notify()
    intake.scan_if_due(100.0)

    ready = set(iter(lambda: intake.next_ready(100.0), None))
    assert ready == {f"scan{number}.png" for number in range(FILES)} - {"scan7.png"}
    if change != "remove":
        intake.scan_if_due(100.0 + QUIET)
        assert intake.stamp_of("scan7.png") == Stamp.of(path)
        assert "scan7.png" in set(iter(lambda: intake.next_ready(200.0), None))


def test_a_file_put_in_place_of_a_waiting_one_is_noticed_by_the_next_scan(
    inbox: Path, calls: Counter[str]
) -> None:
    intake = settled(inbox, calls)
    (inbox / ".draft").write_bytes(b"y")
    (inbox / ".draft").replace(inbox / "scan7.png")
    intake.notify()

    intake.scan_if_due(100.0)

    assert intake.waiting.unstable == 1


def test_an_empty_or_incomplete_file_is_compared_with_each_scan(
    inbox: Path, calls: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stability, "MAX_CHECKS", FILES)
    (inbox / "scan1.png").write_bytes(b"")
    intake = settled(inbox, calls, {"scan2.png": "has no IEND yet"})
    (inbox / "scan1.png").write_bytes(b"now with content")
    (inbox / "scan2.png").write_bytes(b"now complete")
    calls.clear()
    intake.notify()

    intake.scan_if_due(10.0)

    assert calls["stat"] == 2
    assert intake.waiting.unstable == 2


def test_a_second_name_inside_the_inbox_makes_no_stranger_of_a_waiting_file(
    inbox: Path, calls: Counter[str]
) -> None:
    intake = settled(inbox, calls)
    os.link(inbox / "scan7.png", inbox / "again.png")
    intake.notify()

    intake.scan_if_due(100.0)

    assert intake.waiting.blocked == 0
    assert len(intake._listing) == FILES + 1


def test_a_folder_whose_entries_have_other_inodes_than_its_files_costs_no_more(
    inbox: Path, calls: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Overlay filesystems, and FUSE without inode numbers."""
    monkeypatch.setattr(CountedEntry, "inode", lambda self: 0xFFFFFFFF, raising=False)
    intake = settled(inbox, calls)
    calls.clear()

    intake.scan_if_due(100.0)

    assert calls["stat"] == 0
