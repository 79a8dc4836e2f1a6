"""Which originals retention removes, and which never; the test is the clock."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.config.sections import Retention
from daemon.core import fs
from daemon.core.clock import CautiousClock
from daemon.core.records import Claim, Stamp
from daemon.inbox.archive import reason_of
from daemon.inbox.retention import DAY, ExpiredOriginal, Limits, RetentionFolder, RetentionSweeper
from daemon.ledger.ledger import Ledger
from tests.support.running_daemon import until

TODAY, TOMORROW = time.time(), time.time() + 1.5 * DAY
ONE_DAY = Retention(archive_days=1, failed_days=1)


class Originals:
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
            self.ledger.add_claim(claim, "default")
            self.ledger.mark_answering(claim.id, "done", f"{name}.json")
            self.ledger.mark_answered(claim.id)
        if state == "closed":
            self.ledger.mark_closed(claim.id)
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
def originals(tmp_path: Path) -> Iterator[Originals]:
    made = Originals(tmp_path)
    yield made
    made.ledger.close()


@pytest.mark.parametrize(
    ("now", "left"), [(TODAY, {"old.png"}), (TOMORROW, set())], ids=["today", "tomorrow"]
)
def test_an_original_is_removed_after_its_days(
    originals: Originals, now: float, left: set[str]
) -> None:
    os.utime(originals.keep("old.png"), (1, 1))  # how old the picture is does not count

    originals.clear(ONE_DAY, now)

    assert originals.names() == left


def test_without_a_limit_nothing_is_removed(originals: Originals) -> None:
    originals.keep("old.png")

    assert originals.clear(Retention(failed_days=1), TODAY + 9999 * DAY) == []


def test_the_oldest_are_removed_until_the_others_fit(originals: Originals) -> None:
    for name in ("z.png", "m.png", "a.png"):
        before = originals.keep(name, name[:1].encode() * 400_000).stat().st_ctime_ns
        until(lambda: time.time_ns() > before + 20_000_000, what="another ctime")  # noqa: B023

    originals.clear(Retention(archive_megabytes=1), TODAY)

    assert originals.names() == {"m.png", "a.png"}


@pytest.mark.parametrize("state", ["unknown", "claimed", "answered"])
def test_an_original_whose_claim_is_not_closed_stays_however_old_or_large(
    originals: Originals, state: str
) -> None:
    path = originals.keep(
        "odd.png", bytes(2_000_000), state="unknown" if state == "claimed" else state
    )
    if state == "claimed":
        claim = Claim("c", "odd.png", path, Stamp.of(path), fs.sha256_of(path))
        originals.ledger.add_claim(claim, "default")
    limits = Retention(archive_days=1, archive_megabytes=1)

    assert (originals.clear(limits, TOMORROW), originals.names()) == ([], {"odd.png"})


def test_an_original_stays_while_the_same_bytes_wait_for_another_answer(
    originals: Originals,
) -> None:
    originals.keep("scan.png")
    originals.keep("again.png", state="answered")

    assert originals.clear(ONE_DAY, TOMORROW) == []


def test_other_bytes_under_an_answered_name_stay(originals: Originals) -> None:
    originals.keep("scan.png").write_bytes(b"what somebody else put there")

    assert originals.clear(ONE_DAY, TOMORROW) == []


def test_an_unknown_file_is_hashed_once_and_does_not_count_as_excess(
    originals: Originals, monkeypatch: pytest.MonkeyPatch
) -> None:
    originals.keep("stranger.bin", bytes(5_000_000), state="unknown")
    originals.keep("known.png", b"k" * 900_000)
    retention_folder, hashed = originals.retention_folder(Retention(archive_megabytes=1)), []
    monkeypatch.setattr(fs, "digest_of", lambda file: hashed.append(file.name) or "0" * 64)

    assert [list(retention_folder.expired(originals.ledger_file, TODAY)) for _ in range(3)] == [
        [],
        [],
        [],
    ]
    assert len(hashed) <= 2


def test_an_answer_older_than_this_program_counts_as_a_clock_that_was_not_set(
    originals: Originals,
) -> None:
    path = originals.keep("scan.png", state="unknown")
    claim = Claim("c", "scan.png", path, Stamp.of(path), fs.sha256_of(path))
    originals.ledger.restore(claim, "default", "done", "a", "1970-01-01T00:01:00.000Z")

    assert originals.clear(ONE_DAY, TOMORROW) == []


def test_a_failed_file_is_removed_with_its_reason_file_and_empty_folders(
    originals: Originals,
) -> None:
    path = originals.keep("a/b/broken.png")
    reason_of(path).write_text("{}")

    originals.clear(ONE_DAY, TOMORROW, "failed")

    assert originals.names() == set()


def test_a_reason_file_without_its_original_is_removed_too(originals: Originals) -> None:
    path = originals.keep("broken.png")
    reason_of(path).write_text(json.dumps({"sha256": fs.sha256_of(path)}))
    path.unlink()

    originals.clear(ONE_DAY, TOMORROW, "failed")

    assert originals.names() == set()


def test_an_expired_original_says_which_limit_it_exceeds(originals: Originals) -> None:
    originals.keep("scan.png")
    (expired,) = originals.retention_folder(ONE_DAY).expired(originals.ledger_file, TOMORROW)

    assert str(expired) == f"older than 1 day (retention.{expired.folder}_days)"


def test_a_file_that_replaces_an_expired_original_stays(originals: Originals) -> None:
    path, retention_folder = originals.keep("scan.png"), originals.retention_folder(ONE_DAY)
    (expired,) = retention_folder.expired(originals.ledger_file, TOMORROW)
    path.rename(path.with_name("moved.png"))
    path.write_bytes(b"new")

    assert (retention_folder.remove(expired), path.read_bytes()) == (False, b"new")


def test_links_and_excluded_folders_are_not_followed(originals: Originals) -> None:
    inner = originals.keep("failed/scan.png")
    (originals.folder / "link.png").symlink_to(inner)
    (originals.folder / "linked").symlink_to(inner.parent)
    retention_folder = RetentionFolder(
        "archive", originals.folder, lambda _: ONE_DAY, {originals.folder / "failed"}
    )

    assert list(retention_folder.expired(originals.ledger_file, TOMORROW)) == []


def test_each_profile_has_its_own_megabytes(originals: Originals) -> None:
    """Two equal objects are two limits all the same."""
    for name in ("in/1.png", "out/1.png"):
        originals.keep(name, name.encode() * 100_000)
    limits = {"in": Retention(archive_megabytes=1), "out": Retention(archive_megabytes=1)}

    assert originals.clear(lambda name: limits[name.split("/")[0]], TODAY) == []


def test_a_sweep_is_bounded_and_knows_that_there_is_more(originals: Originals) -> None:
    for number in range(5):
        originals.keep(f"{number}.png", bytes([number]))
    retention_folder = originals.retention_folder(ONE_DAY)

    assert len(list(retention_folder.expired(originals.ledger_file, TOMORROW, max_files=3))) == 3
    assert retention_folder.has_more


def test_a_missing_folder_does_not_end_the_thread(originals: Originals, tmp_path: Path) -> None:
    originals.keep("scan.png")
    retention_folder = originals.retention_folder(Retention(archive_days=1e-9))
    originals.folder.rename(tmp_path / "away")

    retention_sweeper = RetentionSweeper([retention_folder], originals.ledger_file, time.time)
    try:
        assert retention_sweeper._sweep(retention_folder) is False
    finally:
        retention_sweeper.end()


def test_a_clock_set_forward_by_years_removes_nothing(originals: Originals) -> None:
    kept = originals.keep("scan.png")
    retention_folder = originals.retention_folder(Retention(archive_days=30))
    years = [0.0]
    clock = CautiousClock(lambda: time.time() + years[0] * 365 * 86_400, time.monotonic)
    retention_sweeper = RetentionSweeper([retention_folder], originals.ledger_file, clock)
    years[0] = 10.0

    retention_sweeper._sweep(retention_folder)

    retention_sweeper.end()
    assert kept.exists()
