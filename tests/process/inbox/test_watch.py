"""The inbox watcher, with a real watchdog on a real folder."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from watchdog.observers import Observer

from daemon.inbox.watch import InboxWatcher
from tests.support.repository import REPOSITORY

CALL_TIMEOUT_SECONDS = 5.0


class NotifyFlag:
    """Remembers a notification until it is waited for."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def __call__(self) -> None:
        self._event.set()

    def within(self, seconds: float) -> bool:
        was_set = self._event.wait(seconds)
        self._event.clear()
        return was_set


@pytest.fixture
def notified() -> NotifyFlag:
    return NotifyFlag()


@pytest.fixture
def watch(tmp_path: Path, notified: NotifyFlag) -> Iterator[InboxWatcher]:
    (tmp_path / "inbox").mkdir()
    made = InboxWatcher(tmp_path / "inbox", "events", notified)
    made.supervise()
    yield made
    made.stop()


def test_a_new_file_notifies(watch: InboxWatcher, notified: NotifyFlag, tmp_path: Path) -> None:
    (tmp_path / "inbox/a.png").write_bytes(b"x")

    assert notified.within(CALL_TIMEOUT_SECONDS)


def test_a_populated_folder_that_is_moved_in_notifies(
    watch: InboxWatcher, notified: NotifyFlag, tmp_path: Path
) -> None:
    (tmp_path / "batch").mkdir()
    (tmp_path / "batch/a.png").write_bytes(b"x")

    (tmp_path / "batch").rename(tmp_path / "inbox/batch")

    assert notified.within(CALL_TIMEOUT_SECONDS)


def test_reading_by_the_daemon_does_not_notify(
    watch: InboxWatcher, notified: NotifyFlag, tmp_path: Path
) -> None:
    (tmp_path / "inbox/a.png").write_bytes(b"x")
    while notified.within(1.0):
        pass

    (tmp_path / "inbox/a.png").read_bytes()

    assert not notified.within(1.0)


def test_a_replaced_inbox_is_watched_again(
    watch: InboxWatcher, notified: NotifyFlag, tmp_path: Path
) -> None:
    (tmp_path / "inbox").rename(tmp_path / "moved")
    (tmp_path / "inbox").mkdir()
    watch.supervise()
    while notified.within(0.5):
        pass

    (tmp_path / "inbox/a.png").write_bytes(b"x")

    assert notified.within(CALL_TIMEOUT_SECONDS)


def test_a_dead_emitter_is_replaced_while_the_observer_reports_that_it_is_alive(
    watch: InboxWatcher, notified: NotifyFlag, tmp_path: Path
) -> None:
    assert watch._observer is not None
    for emitter in watch._observer.emitters:
        emitter.stop()
        emitter.join()
    assert watch._observer.is_alive()

    watch.supervise()
    (tmp_path / "inbox/a.png").write_bytes(b"x")

    assert notified.within(CALL_TIMEOUT_SECONDS)


def test_without_watches_left_it_scans_and_delivers_nothing(
    tmp_path: Path, notified: NotifyFlag, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_named: object) -> None:
        raise OSError(28, "inotify watch limit reached")

    monkeypatch.setattr(Observer, "schedule", refuse)
    made = InboxWatcher(tmp_path, "events", notified)

    made.supervise()

    assert not made.delivers


# a user namespace has limits of its own, which whoever made it may lower
LIMITED = ["unshare", "--user", "--map-root-user", "sh", "-c"]
WATCH = """
import sys
from pathlib import Path
from daemon.core import logs
from daemon.inbox.watch import InboxWatcher
logs.set_up(None, "INFO", 0, 0)
made = InboxWatcher(Path(sys.argv[1]), "events", lambda: None)
for _ in range(3):
    made.supervise()
sys.exit(made.delivers)
"""


def may_lower_limits() -> bool:
    done = subprocess.run(
        [*LIMITED, "test -w /proc/sys/user/max_inotify_instances"], capture_output=True, check=False
    )
    return done.returncode == 0


@pytest.mark.skipif(not may_lower_limits(), reason="this user may make no user namespace")
@pytest.mark.parametrize("limit", ["max_inotify_instances", "max_inotify_watches"])
def test_a_reached_limit_of_inotify_is_logged_once_with_its_remedy(
    tmp_path: Path, limit: str
) -> None:
    lower = f'echo 0 > /proc/sys/user/{limit}; exec "$0" "$@"'

    done = subprocess.run(
        [*LIMITED, lower, sys.executable, "-c", WATCH, str(tmp_path)],
        cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    (said,) = [json.loads(line) for line in done.stderr.splitlines()]
    assert said["event"] == "watch.refused"
    assert "scanning instead; raise fs.inotify.max_user_watches" in said["remedy"]


def test_a_missing_inbox_leaks_no_descriptor(tmp_path: Path, notified: NotifyFlag) -> None:
    made = InboxWatcher(tmp_path / "gone", "events", notified)
    made.supervise()
    before = len(list(Path("/proc/self/fd").iterdir()))

    for _ in range(10):
        made.supervise()

    assert len(list(Path("/proc/self/fd").iterdir())) <= before


def test_scan_mode_never_starts_an_observer(tmp_path: Path, notified: NotifyFlag) -> None:
    made = InboxWatcher(tmp_path, "scan", notified)

    made.supervise()

    assert not made.delivers
