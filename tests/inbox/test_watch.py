"""The bell, with a real watchdog on a real folder."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from watchdog.observers import Observer

from daemon.inbox.watch import Watch

PATIENCE_SECONDS = 5.0


class Rung:
    """Counts nothing, only remembers that it rang; waiting clears it."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def __call__(self) -> None:
        self._event.set()

    def within(self, seconds: float) -> bool:
        rang = self._event.wait(seconds)
        self._event.clear()
        return rang


@pytest.fixture
def rung() -> Rung:
    return Rung()


@pytest.fixture
def watch(tmp_path: Path, rung: Rung) -> Iterator[Watch]:
    (tmp_path / "inbox").mkdir()
    made = Watch(tmp_path / "inbox", "events", rung)
    made.supervise()
    yield made
    made.stop()


def test_a_new_file_rings(watch: Watch, rung: Rung, tmp_path: Path) -> None:
    (tmp_path / "inbox/a.png").write_bytes(b"x")

    assert rung.within(PATIENCE_SECONDS)


def test_a_populated_folder_moved_in_rings(watch: Watch, rung: Rung, tmp_path: Path) -> None:
    (tmp_path / "batch").mkdir()
    (tmp_path / "batch/a.png").write_bytes(b"x")

    (tmp_path / "batch").rename(tmp_path / "inbox/batch")

    assert rung.within(PATIENCE_SECONDS)


def test_our_own_reading_does_not_ring(watch: Watch, rung: Rung, tmp_path: Path) -> None:
    (tmp_path / "inbox/a.png").write_bytes(b"x")
    while rung.within(1.0):
        pass

    (tmp_path / "inbox/a.png").read_bytes()

    assert not rung.within(1.0)


def test_a_replaced_inbox_is_watched_again(watch: Watch, rung: Rung, tmp_path: Path) -> None:
    (tmp_path / "inbox").rename(tmp_path / "moved")
    (tmp_path / "inbox").mkdir()
    watch.supervise()
    while rung.within(0.5):
        pass

    (tmp_path / "inbox/a.png").write_bytes(b"x")

    assert rung.within(PATIENCE_SECONDS)


def test_a_dead_emitter_is_replaced_while_the_observer_says_it_lives(
    watch: Watch, rung: Rung, tmp_path: Path
) -> None:
    assert watch._observer is not None
    for emitter in watch._observer.emitters:
        emitter.stop()
        emitter.join()
    assert watch._observer.is_alive()

    watch.supervise()
    (tmp_path / "inbox/a.png").write_bytes(b"x")

    assert rung.within(PATIENCE_SECONDS)


def test_without_watches_left_it_scans_and_delivers_nothing(
    tmp_path: Path, rung: Rung, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_named: object) -> None:
        raise OSError(28, "inotify watch limit reached")

    monkeypatch.setattr(Observer, "schedule", refuse)
    made = Watch(tmp_path, "events", rung)

    made.supervise()

    assert not made.delivers


def test_a_missing_inbox_costs_no_descriptor_however_often_it_is_looked_for(
    tmp_path: Path, rung: Rung
) -> None:
    made = Watch(tmp_path / "gone", "events", rung)
    made.supervise()
    before = len(list(Path("/proc/self/fd").iterdir()))

    for _ in range(10):
        made.supervise()

    assert len(list(Path("/proc/self/fd").iterdir())) <= before


def test_scan_mode_never_starts_an_observer(tmp_path: Path, rung: Rung) -> None:
    made = Watch(tmp_path, "scan", rung)

    made.supervise()

    assert not made.delivers
