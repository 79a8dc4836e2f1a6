"""One turn of the loop at a time, with a pretended engine and the test as the clock."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from daemon.core.errors import Deferred, Unconfirmed
from daemon.core.folder_rules import FolderRules
from daemon.core.records import PageCount, PagesRead
from daemon.core.tasks import CountPages, Outcome, Task
from daemon.inbox.claims.by_rename import RenameClaims
from daemon.inbox.intake import Intake
from daemon.inbox.scan import Scanner
from daemon.inbox.stability import StabilityTracker
from daemon.inbox.watch import InboxWatcher
from daemon.ledger.ledger import Ledger
from daemon.outbox.publish import Outbox
from daemon.supervisor.delivery import Delivery
from daemon.supervisor.document import MAX_UNCONFIRMED
from daemon.supervisor.loop import PLACES_PER_SLOT, MainLoop
from tests.unit.supervisor.test_delivery import page, policy

QUIET, WAIT = 1.0, 30.0


class Engine:
    """Two slots; the test says what becomes of each task."""

    slots = 2

    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self._outcomes: list[Outcome] = []

    @property
    def free(self) -> int:
        return self.slots - len(self.tasks)

    def submit(self, task: Task) -> None:
        assert self.free, "a task was given while no slot was free"
        self.tasks.append(task)

    def finished(self) -> list[Outcome]:
        outcomes, self._outcomes = self._outcomes, []
        return outcomes

    def end(self, task: Task, result: object) -> None:
        self.tasks.remove(task)
        self._outcomes.append(Outcome(task, result))  # type: ignore[arg-type]

    def read_all(self, pages: int = 1) -> None:
        for task in list(self.tasks):
            if isinstance(task, CountPages):
                self.end(task, PageCount("image/png", pages, {}))
            else:
                self.end(task, PagesRead("image/png", pages, (page(),), {}))


class Loop:
    """A service over real folders, turned by hand."""

    def __init__(self, root: Path) -> None:
        self.root, self.now, self.engine = root, 0.0, Engine()
        inbox = root / "inbox"
        inbox.mkdir()
        claims = RenameClaims(inbox, "one", root / "archive", root / "failed")
        intake = Intake(
            Scanner(inbox, (".*",), ()),
            StabilityTracker(inbox, FolderRules(QUIET), 60.0, lambda path: None, must_move=True),
            InboxWatcher(inbox, "scan", lambda: None), 30.0, 1.0, claims.unread,
        )  # fmt: skip
        self.ledger = Ledger(root / "ledger.sqlite3")
        (root / "outbox").mkdir()
        delivery = Delivery(claims, self.ledger, Outbox(root / "outbox"), FolderRules(policy()))
        self.service = MainLoop(intake, claims, delivery, self.engine, WAIT)

    def drop(self, *names: str) -> None:
        for name in names:
            (self.root / "inbox" / name).write_bytes(name.encode())

    def turn(self, seconds: float = QUIET) -> None:
        self.now += seconds
        self.service.turn(self.now)

    def answers(self) -> set[str]:
        return {path.name for path in (self.root / "outbox").glob("*.json")}


@pytest.fixture
def loop(tmp_path: Path) -> Loop:
    return Loop(tmp_path)


def settled(loop: Loop, *names: str) -> None:
    loop.drop(*names)
    loop.turn()
    loop.turn(QUIET + 0.1)


def test_no_more_is_claimed_than_slots_are_free(loop: Loop) -> None:
    settled(loop, *(f"{number}.png" for number in range(9)))

    assert loop.service.in_progress == 2
    assert len(list((loop.root / "inbox").glob("*.png"))) == 7


def test_a_file_that_changes_while_it_waits_is_not_moved_and_settles_again(loop: Loop) -> None:
    settled(loop, "1.png", "2.png", "3.png")
    (loop.root / "inbox/3.png").write_bytes(b"more")
    for _ in range(2):
        loop.engine.read_all()
        loop.turn(0.01)
    claimed_early = loop.service.in_progress

    loop.turn(QUIET + 1.0)
    loop.turn(QUIET + 31.0)

    assert claimed_early == 0
    assert [entry.name for entry in loop.ledger.unfinished()] == ["3.png"]


def test_a_read_document_is_answered_and_archived(loop: Loop) -> None:
    settled(loop, "a.png")
    loop.engine.read_all()
    loop.turn(0.1)
    loop.engine.read_all()
    loop.turn(0.1)

    assert loop.answers() == {"a.png.json"}
    assert (loop.root / "archive/a.png").exists()
    assert loop.service.in_progress == 0


def test_a_freed_place_is_used_at_once(loop: Loop) -> None:
    settled(loop, "a.png")
    for _ in range(2):
        loop.engine.read_all()
        loop.turn(0.1)

    assert loop.service.next_turn(loop.now) == 0.0


def test_a_draining_daemon_takes_nothing_new(loop: Loop) -> None:
    loop.drop("a.png")
    loop.turn()
    loop.service.draining = True
    loop.turn(QUIET + 0.1)

    assert loop.service.in_progress == 0


def test_what_the_environment_spoils_waits_and_costs_no_attempt(loop: Loop) -> None:
    settled(loop, "a.png")
    (task,) = loop.engine.tasks
    loop.engine.end(task, Deferred("the share is gone"))
    loop.turn(0.1)
    assert loop.engine.tasks == []
    assert [fault.message for fault in loop.service.faults] == ["the share is gone"]

    loop.turn(WAIT)

    assert len(loop.engine.tasks) == 1
    assert [entry.attempts for entry in loop.ledger.unfinished()] == [1]


def test_a_fault_that_only_a_worker_sees_is_believed_three_times(loop: Loop) -> None:
    settled(loop, "a.png")
    for _ in range(MAX_UNCONFIRMED):
        loop.engine.end(loop.engine.tasks[0], Unconfirmed("the file cannot be read now"))
        loop.turn(0.1)
        assert loop.engine.tasks == []
        loop.turn(WAIT)
    assert [entry.attempts for entry in loop.ledger.unfinished()] == [1]

    loop.engine.end(loop.engine.tasks[0], Unconfirmed("the file cannot be read now"))
    loop.turn(0.1)

    assert [entry.attempts for entry in loop.ledger.unfinished()] == [2]
    assert len(loop.engine.tasks) == 1


def test_a_fault_that_the_daemon_sees_too_is_believed_for_ever(
    loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(path: Path) -> str:
        raise OSError(errno.EIO, "Input/output error", str(path))

    settled(loop, "a.png")
    monkeypatch.setattr("daemon.core.fs.sha256_of", unreadable)
    for _ in range(2 * MAX_UNCONFIRMED):
        loop.engine.end(loop.engine.tasks[0], Unconfirmed("the file cannot be read now"))
        loop.turn(0.1)
        loop.turn(WAIT)

    assert [entry.attempts for entry in loop.ledger.unfinished()] == [1]


def test_what_workers_defer_again_and_again_has_been_held_up_since_the_first_time(
    loop: Loop,
) -> None:
    """Else a change of the config would wait for it without an end."""
    settled(loop, "a.png")
    for _ in range(3):
        (task,) = loop.engine.tasks
        loop.engine.end(task, Deferred("the share is gone"))
        loop.turn(0.1)
        loop.turn(WAIT)
    loop.engine.end(loop.engine.tasks[0], Deferred("the share is gone"))
    loop.turn(0.1)

    assert loop.service.is_at_rest(loop.now, failing_seconds=3 * WAIT)


def test_what_was_read_meanwhile_is_not_held_up_any_more(loop: Loop) -> None:
    settled(loop, "a.png")
    loop.engine.end(loop.engine.tasks[0], Deferred("the share is gone"))
    loop.turn(0.1)
    loop.turn(WAIT)
    loop.engine.read_all(pages=3)
    loop.turn(0.1)
    loop.engine.end(loop.engine.tasks[0], Deferred("the share is gone"))
    loop.turn(0.1)

    assert not loop.service.is_at_rest(loop.now, failing_seconds=WAIT)


def test_documents_held_up_do_not_stop_the_others(loop: Loop) -> None:
    names = [f"{number}.png" for number in range(PLACES_PER_SLOT * 2 + 2)]
    settled(loop, *names)
    for _ in range(6):
        for task in list(loop.engine.tasks):
            loop.engine.end(task, Deferred(f"{task.path.name} cannot be read just now"))
        loop.turn(0.1)

    assert loop.service.in_progress == len(names)


def test_the_second_task_of_a_file_taken_away_is_nobodys(loop: Loop) -> None:
    settled(loop, "a.png")
    loop.engine.read_all(pages=8)
    loop.turn(0.1)
    first, second = loop.engine.tasks
    first.path.unlink()
    loop.engine.end(first, Deferred("no such file"))
    loop.turn(0.1)
    loop.engine.end(second, PagesRead("image/png", 8, (), {}))

    loop.turn(0.1)

    assert loop.service.in_progress == 0
    assert loop.ledger.unfinished() == []
