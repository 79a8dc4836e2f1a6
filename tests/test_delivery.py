"""The order of letting go where a crash has left a trace: real ledger, real folders, no worker."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from daemon.config.hook import Hook
from daemon.core.errors import Deferred
from daemon.core.folder_rules import ByFolder
from daemon.core.options import Recipe, Weights
from daemon.core.records import Block as Paragraph
from daemon.core.records import Box, Document, Failure, PageText, TextLine, Word
from daemon.inbox.claims.by_rename import RenameClaims
from daemon.ledger.deliveries import Deliveries
from daemon.ledger.ledger import Ledger
from daemon.outbox.publish import Outbox
from daemon.outbox.sidecar import Provenance, sidecar
from daemon.supervisor.delivery import Delivery
from daemon.supervisor.policy import Policy

FAILURE = Failure("corrupt", "It is broken.", attempt=1)
FAILED = Document("failed", None, (), {}, 1, FAILURE)


WHOLE = Box(0, 0, 9, 9)


def page(box: Box = WHOLE) -> PageText:
    word = Word("text", 0.9, box)
    return PageText(
        number=1, width=10, height=10, dpi=None, rotation=0, skew=0.0, text_source="ocr",
        status="done", text="text", confidence=0.9,
        blocks=(Paragraph((TextLine("text", 0.9, box, (word,)),)),),
    )  # fmt: skip


DONE = Document("done", "image/png", (page(),), {}, 1)


def policy(**changes: object) -> Policy:
    values = {
        "recipe": Recipe(weights=Weights(file=Path("crnn.pt"))), "model": "crnn",
        "model_sha256": "cd" * 32, "lexicon_sha256": None, "detector_sha256": None,
        "attempts": 3, "pages_per_task": 4,
        "point_to_duplicates": True,
    }  # fmt: skip
    return Policy(**(values | changes))  # type: ignore[arg-type]


class DiskUsage:
    """One start of the daemon over the folders of a test."""

    def __init__(self, root: Path, **changes: object) -> None:
        self.root = root
        (root / "inbox").mkdir(exist_ok=True)
        self.ledger = Ledger(root / "ledger.sqlite3")
        self.claims = RenameClaims(root / "inbox", "one", root / "archive", root / "failed")
        (root / "outbox").mkdir(exist_ok=True)
        self.outbox = Outbox(root / "outbox")
        self.delivery = Delivery(self.claims, self.ledger, self.outbox, ByFolder(policy(**changes)))

    def begin(self, content: bytes = b"bytes"):
        (self.root / "inbox/a.png").write_bytes(content)
        work = self.delivery.work_on(self.claims.take("a.png"))
        self.delivery.begin(work)
        return work

    def status(self, place: str = "a.png.json") -> str:
        answer = self.outbox.read(place)
        assert answer is not None
        return str(answer["status"])


def deliver(room: DiskUsage, document: Document) -> None:
    work = room.begin()
    work.document = document
    room.delivery.deliver(work)


def test_a_retry_killed_before_its_answer_is_read_again_and_not_taken_for_the_failure(
    tmp_path: Path,
) -> None:
    deliver(DiskUsage(tmp_path), FAILED)
    before = DiskUsage(tmp_path)
    work = before.begin()
    before.ledger.answering(work.claim.id, "done", "a.png.json")  # and here it is killed

    after = DiskUsage(tmp_path)
    (claim,) = after.claims.held([], 0.0)
    resumed = after.delivery.work_on(claim, may_be_answered=True)
    after.delivery.begin(resumed)

    assert resumed.is_to_be_read
    resumed.document = DONE
    after.delivery.deliver(resumed)
    assert after.status() == "done"
    assert (tmp_path / "archive/a.png").exists()


def test_a_kill_after_the_answer_only_archives(tmp_path: Path) -> None:
    before = DiskUsage(tmp_path)
    work = before.begin()
    before.delivery._publish(work, DONE)  # and here it is killed

    after = DiskUsage(tmp_path)
    (claim,) = after.claims.held([], 0.0)
    resumed = after.delivery.work_on(claim, may_be_answered=True)
    after.delivery.begin(resumed)

    assert resumed.answered
    after.delivery.deliver(resumed)
    assert [path.name for path in (tmp_path / "outbox").glob("*.json")] == ["a.png.json"]
    assert (tmp_path / "archive/a.png").exists()
    assert after.ledger.unfinished() == []


def notifications(room: DiskUsage) -> list[tuple[str, str]]:
    """Return what the ledger has of letters: hook and state."""
    return room.ledger._run("SELECT hook, state FROM deliveries")


TELL = (Hook(name="tell", command=("tell",)),)


def test_an_answer_that_is_marked_again_after_a_kill_is_not_told_again(tmp_path: Path) -> None:
    before = DiskUsage(tmp_path, hooks=TELL)
    work = before.begin()
    before.delivery._publish(work, DONE)
    with closing(Deliveries(tmp_path / "ledger.sqlite3")) as deliveries:
        (notification,) = deliveries.open()
        deliveries.delivered(notification)  # and here it is killed, its original not let go of

    after = DiskUsage(tmp_path, hooks=TELL)
    (claim,) = after.claims.held([], 0.0)
    resumed = after.delivery.work_on(claim, may_be_answered=True)
    after.delivery.begin(resumed)

    assert resumed.answered
    assert notifications(after) == [("tell", "delivered")]


def test_an_answer_that_was_named_and_not_marked_is_told_after_the_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = DiskUsage(tmp_path, hooks=TELL)
    work = before.begin()
    monkeypatch.setattr(before.ledger, "answered", lambda *_: None)  # and here it is killed
    before.delivery._publish(work, DONE)
    assert notifications(before) == []

    after = DiskUsage(tmp_path, hooks=TELL)
    (claim,) = after.claims.held([], 0.0)
    after.delivery.begin(after.delivery.work_on(claim, may_be_answered=True))

    assert notifications(after) == [("tell", "waiting")]


def test_marking_an_answer_and_writing_its_letter_is_one_thing(tmp_path: Path) -> None:
    room = DiskUsage(tmp_path, hooks=TELL)
    work = room.begin()
    room.ledger._db.execute("DROP TABLE deliveries")
    with pytest.raises(Deferred, match="deliveries"):
        room.delivery._publish(work, DONE)

    (entry,) = room.ledger.unfinished()

    assert entry.state == "answering"


def test_an_answer_that_cannot_be_said_fails_the_document_and_not_the_daemon(
    tmp_path: Path,
) -> None:
    room = DiskUsage(tmp_path)

    deliver(room, Document("done", "image/png", (page(Box(-3, 0, 9, 9)),), {}, 1))

    assert room.status() == "failed"
    assert (tmp_path / "failed/a.png").read_bytes() == b"bytes"


def test_a_file_taken_away_while_it_was_read_is_forgotten(tmp_path: Path) -> None:
    room = DiskUsage(tmp_path)
    work = room.begin()
    work.document = DONE
    work.claim.path.unlink()

    room.delivery.deliver(work)

    assert room.ledger.unfinished() == []
    assert not (tmp_path / "outbox").exists() or not list((tmp_path / "outbox").glob("*.json"))


@pytest.mark.parametrize(
    ("changes", "to_be_read"),
    [({}, False), ({"model_sha256": "ef" * 32}, True), ({"point_to_duplicates": False}, True)],
)
def test_the_same_bytes_are_a_duplicate_only_under_the_same_model(
    tmp_path: Path, changes: dict[str, object], to_be_read: bool
) -> None:
    deliver(DiskUsage(tmp_path), DONE)

    work = DiskUsage(tmp_path, **changes).begin()

    assert work.is_to_be_read == to_be_read


def test_other_words_to_spell_with_make_another_profile():
    assert policy().profile != policy(lexicon_sha256="ef" * 32).profile
    assert policy().profile != policy(detector_sha256="ef" * 32).profile


def test_an_answer_that_was_collected_before_a_kill_is_not_given_again(tmp_path: Path) -> None:
    before = DiskUsage(tmp_path)
    work = before.begin()
    work.document = DONE
    before.delivery._publish(work, DONE)
    (tmp_path / "outbox/a.png.json").unlink()  # by whoever it was for
    after = DiskUsage(tmp_path)
    (claim,) = after.claims.held([], 0.0)
    resumed = after.delivery.work_on(claim, may_be_answered=True)

    after.delivery.begin(resumed)
    after.delivery.deliver(resumed)

    assert resumed.is_over
    assert list((tmp_path / "outbox").rglob("*.json")) == []
    assert (tmp_path / "archive/a.png").exists()


def test_who_wants_another_output_of_the_same_bytes_gets_it() -> None:
    assert policy(outputs=("text",)).profile != policy(outputs=("text", "hocr")).profile
    assert policy(outputs=()).profile == policy().profile


def by(document: Document) -> Provenance:
    return policy().provenance(document, "2026-01-01T00:00:00Z", 1.0)


def fenced_out(room: DiskUsage):
    """Return the work of a daemon that failed to publish and has lost its claim since."""
    work = room.begin()
    work.document, work.may_be_answered = DONE, True
    work.claim.path.rename(room.root / "taken-over.png")
    return work


def succeed(
    room: DiskUsage, work, monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], object]
):
    """Let the successor publish with an output, and `meanwhile` happen before its sidecar."""
    successor = Outbox(room.root / "outbox")
    output = successor.draft(work.claim.id, "text", ".txt", b"text")
    content = sidecar(work.claim, DONE, by(DONE), [output.output_at("a.png.json")])

    def reach(point: str, label: str = "") -> None:
        del label
        if point == "outputs.synced":
            meanwhile()

    monkeypatch.setattr("daemon.core.failpoints.reach", reach)
    successor.publish("a.png.json", content, work.claim, lambda: True, [output])


def test_a_retry_of_who_has_lost_the_claim_takes_nothing_from_its_successor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = DiskUsage(tmp_path)
    work = fenced_out(room)

    succeed(room, work, monkeypatch, lambda: room.delivery.deliver(work))

    assert work.is_over
    assert {path.name for path in (tmp_path / "outbox").glob("a.*")} == {
        "a.png.json", "a.png.txt",
    }  # fmt: skip


def test_a_restart_leaves_the_outputs_of_a_claim_that_was_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = DiskUsage(tmp_path)
    work = fenced_out(before)
    (entry,) = before.ledger.unfinished()

    succeed(before, work, monkeypatch, lambda: before.delivery.settle_vanished(entry))

    assert (tmp_path / "outbox/a.png.txt").read_bytes() == b"text"


@pytest.mark.parametrize(
    ("document", "level"),
    [
        (DONE, "info"),
        (FAILED, "warning"),
        (Document("partial", "image/png", (page(),), {}, 1, FAILURE), "warning"),
    ],
)
def test_a_document_that_was_not_read_as_a_whole_is_logged_as_a_warning(
    tmp_path: Path, document: Document, level: str
) -> None:
    with capture_logs() as events:
        deliver(DiskUsage(tmp_path), document)

    (answer,) = [each for each in events if each["event"] == f"document.{document.status}"]
    assert answer["log_level"] == level
