"""What is removed of answered originals, and what never is; the test is the clock."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.config.sections import Retention
from daemon.core import fs
from daemon.core.records import Claim, Stamp
from daemon.inbox.archive import reason_of
from daemon.inbox.retention import DAY, ExpiredOriginal, Limits, RetentionFolder, RetentionSweeper
from daemon.ledger.ledger import Ledger
from tests.house import until
from tests.torture import pretended
from tests.torture.life import house, living

TODAY, TOMORROW = time.time(), time.time() + 1.5 * DAY
ONE_DAY = Retention(archive_days=1, failed_days=1)


class Shelf:
    """A folder of kept originals beside a ledger that knows some of them."""

    def __init__(self, root: Path) -> None:
        self.folder, self.ledger_file = root / "kept", root / "ledger.sqlite3"
        self.folder.mkdir()
        self.ledger = Ledger(self.ledger_file)

    def keep(self, name: str, content: bytes = b"scan", *, state: str = "closed") -> Path:
        """Put a file in; `state` is how far the ledger is with its bytes, "unknown" for not."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        if state != "unknown":
            claim = Claim(os.urandom(8).hex(), name, path, Stamp.of(path), fs.sha256_of(path))
            self.ledger.claimed(claim, "default")
            self.ledger.answering(claim.id, "done", f"{name}.json")
            self.ledger.answered(claim.id)
        if state == "closed":
            self.ledger.closed(claim.id)
        return path

    def retention_folder(
        self, limits: Retention | Limits, which: str = "archive"
    ) -> RetentionFolder:
        of = (lambda _: limits) if isinstance(limits, Retention) else limits
        return RetentionFolder(which, self.folder, of)  # type: ignore[arg-type]

    def clear(
        self, limits: Retention | Limits, now: float, which: str = "archive"
    ) -> list[ExpiredOriginal]:
        """Remove the expired originals."""
        retention_folder = self.retention_folder(limits, which)
        return [
            each
            for each in retention_folder.expired(self.ledger_file, now)
            if retention_folder.remove(each)
        ]

    def names(self) -> set[str]:
        return {str(p.relative_to(self.folder)) for p in self.folder.rglob("*")}


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    made = Shelf(tmp_path)
    yield made
    made.ledger.close()


@pytest.mark.parametrize(
    ("now", "left"), [(TODAY, {"old.png"}), (TOMORROW, set())], ids=["today", "tomorrow"]
)
def test_an_original_goes_when_it_has_had_its_days(
    shelf: Shelf, now: float, left: set[str]
) -> None:
    os.utime(shelf.keep("old.png"), (1, 1))  # how old the picture is does not count

    shelf.clear(ONE_DAY, now)

    assert shelf.names() == left


def test_without_a_limit_nothing_ever_goes(shelf: Shelf) -> None:
    shelf.keep("old.png")

    assert shelf.clear(Retention(failed_days=1), TODAY + 9999 * DAY) == []


def test_the_oldest_go_until_the_rest_fits(shelf: Shelf) -> None:
    for name in ("z.png", "m.png", "a.png"):
        before = shelf.keep(name, name[:1].encode() * 400_000).stat().st_ctime_ns
        until(lambda: time.time_ns() > before + 20_000_000, what="another ctime")  # noqa: B023

    shelf.clear(Retention(archive_megabytes=1), TODAY)

    assert shelf.names() == {"m.png", "a.png"}


@pytest.mark.parametrize("state", ["unknown", "claimed", "answered"])
def test_what_is_not_answered_and_done_with_is_left_however_old_or_large(
    shelf: Shelf, state: str
) -> None:
    path = shelf.keep("odd.png", bytes(2_000_000), state="unknown" if state == "claimed" else state)
    if state == "claimed":
        claim = Claim("c", "odd.png", path, Stamp.of(path), fs.sha256_of(path))
        shelf.ledger.claimed(claim, "default")
    limits = Retention(archive_days=1, archive_megabytes=1)

    assert (shelf.clear(limits, TOMORROW), shelf.names()) == ([], {"odd.png"})


def test_bytes_that_landed_again_and_wait_keep_the_original_of_their_first_answer(
    shelf: Shelf,
) -> None:
    shelf.keep("scan.png")
    shelf.keep("again.png", state="answered")

    assert shelf.clear(ONE_DAY, TOMORROW) == []


def test_other_bytes_under_an_answered_name_are_left(shelf: Shelf) -> None:
    shelf.keep("scan.png").write_bytes(b"what somebody else put there")

    assert shelf.clear(ONE_DAY, TOMORROW) == []


def test_what_the_ledger_does_not_know_is_hashed_once_and_makes_no_known_one_go(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.keep("stranger.bin", bytes(5_000_000), state="unknown")
    shelf.keep("known.png", b"k" * 900_000)
    retention_folder, hashed = shelf.retention_folder(Retention(archive_megabytes=1)), []
    monkeypatch.setattr(fs, "digest_of", lambda file: hashed.append(file.name) or "0" * 64)

    assert [list(retention_folder.expired(shelf.ledger_file, TODAY)) for _ in range(3)] == [
        [],
        [],
        [],
    ]
    assert len(hashed) <= 2


def test_an_answer_of_before_this_program_was_given_by_a_clock_that_was_not_set(
    shelf: Shelf,
) -> None:
    path = shelf.keep("scan.png", state="unknown")
    claim = Claim("c", "scan.png", path, Stamp.of(path), fs.sha256_of(path))
    shelf.ledger.restore(claim, "default", "done", "a", "1970-01-01T00:01:00.000Z")

    assert shelf.clear(ONE_DAY, TOMORROW) == []


def test_a_failed_file_goes_with_its_reason_and_the_folders_they_leave_empty(shelf: Shelf) -> None:
    path = shelf.keep("a/b/broken.png")
    reason_of(path).write_text("{}")

    shelf.clear(ONE_DAY, TOMORROW, "failed")

    assert shelf.names() == set()


def test_a_reason_that_a_kill_left_alone_goes_too(shelf: Shelf) -> None:
    path = shelf.keep("broken.png")
    reason_of(path).write_text(json.dumps({"sha256": fs.sha256_of(path)}))
    path.unlink()

    shelf.clear(ONE_DAY, TOMORROW, "failed")

    assert shelf.names() == set()


def test_a_file_that_takes_the_place_of_a_due_one_is_left(shelf: Shelf) -> None:
    path, retention_folder = shelf.keep("scan.png"), shelf.retention_folder(ONE_DAY)
    (expired,) = retention_folder.expired(shelf.ledger_file, TOMORROW)
    path.rename(path.with_name("moved.png"))
    path.write_bytes(b"new")

    assert (retention_folder.remove(expired), path.read_bytes()) == (False, b"new")


def test_links_are_not_followed_and_folders_of_others_not_entered(shelf: Shelf) -> None:
    inner = shelf.keep("failed/scan.png")
    (shelf.folder / "link.png").symlink_to(inner)
    (shelf.folder / "linked").symlink_to(inner.parent)
    retention_folder = RetentionFolder(
        "archive", shelf.folder, lambda _: ONE_DAY, {shelf.folder / "failed"}
    )

    assert list(retention_folder.expired(shelf.ledger_file, TOMORROW)) == []


def test_each_profile_has_its_own_megabytes(shelf: Shelf) -> None:
    """Two equal objects are two limits all the same."""
    for name in ("in/1.png", "out/1.png"):
        shelf.keep(name, name.encode() * 100_000)
    limits = {"in": Retention(archive_megabytes=1), "out": Retention(archive_megabytes=1)}

    assert shelf.clear(lambda name: limits[name.split("/")[0]], TODAY) == []


def test_a_turn_is_bounded_and_says_that_there_is_more(shelf: Shelf) -> None:
    for number in range(5):
        shelf.keep(f"{number}.png", bytes([number]))
    retention_folder = shelf.retention_folder(ONE_DAY)

    assert len(list(retention_folder.expired(shelf.ledger_file, TOMORROW, max_files=3))) == 3
    assert retention_folder.has_more


def test_a_folder_that_is_away_is_no_end_of_the_thread(shelf: Shelf, tmp_path: Path) -> None:
    shelf.keep("scan.png")
    retention_folder = shelf.retention_folder(Retention(archive_days=1e-9))
    shelf.folder.rename(tmp_path / "away")

    retention_sweeper = RetentionSweeper([retention_folder], shelf.ledger_file)
    try:
        assert retention_sweeper._sweep(retention_folder) is False
    finally:
        retention_sweeper.end()


def test_the_daemon_removes_what_has_had_its_time_and_the_proof_holds(tmp_path: Path) -> None:
    home = house(tmp_path, "pretended")
    home.drop("a/scan.png", pretended.content("Good"))
    home.drop("broken.png", pretended.BROKEN)
    with living(home, "pretended") as life:
        until(lambda: len(home.kept(home.archive)) == 1 and len(home.kept(home.failed)) == 2)
        assert life.terminate() == 0
    (home.archive / "stranger.png").write_bytes(b"nobody's")
    limits = {"archive_days": 1e-9, "failed_days": 1e-9}
    home = house(tmp_path, "pretended", retention=limits)
    planned = home.command("retention").stdout
    with living(home, "pretended"):
        until(lambda: not home.kept(home.failed) and home.kept(home.archive) == {"stranger.png"})
        told = until(lambda: [e for e in home.events() if e["event"] == "retention.removed"][:2])
        until(lambda: any(e["event"] == "retention.unknown" for e in home.events()))

    assert "archive/a/scan.png" in planned
    assert "2 originals" in planned
    assert {event["name"] for event in told} == {"a/scan.png", "broken.png"}
    assert "0 are kept as they landed, 2 gone" in home.command("verify", "--deep").stdout


def test_a_limit_of_a_profile_alone_is_told_too(tmp_path: Path) -> None:
    short = {"name": "a", "folders": ["a"], "retention": {"archive_days": 1}}
    home = house(tmp_path, "pretended", profiles=[short])

    said = home.command("retention").stdout

    assert "for ever" not in said


def test_a_kill_between_a_failed_file_and_its_reason_leaves_nothing_in_the_end(
    tmp_path: Path,
) -> None:
    home = house(tmp_path, "pretended")
    home.drop("a/broken.png", pretended.BROKEN)
    with living(home, "pretended") as life:
        until(lambda: len(home.kept(home.failed)) == 2)
        assert life.terminate() == 0
    home = house(tmp_path, "pretended", retention={"failed_days": 1e-9})
    with living(home, "pretended", FAILPOINTS="retention.removed=1*kill") as life:
        until(lambda: life.is_over, what="killed")
    left = home.kept(home.failed)

    with living(home, "pretended"):
        until(lambda: not home.kept(home.failed), what="the reason went too")
    assert left == {"a/broken.png.error.json"}
    assert not (home.failed / "a").exists()
