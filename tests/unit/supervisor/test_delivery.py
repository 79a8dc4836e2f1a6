"""The steps of a delivery after a crash: real ledger, real folders, no worker."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from daemon.config.hook import Hook
from daemon.core.errors import Deferred
from daemon.core.folder_rules import FolderRules
from daemon.core.options import Recipe, Weights
from daemon.core.records import Block as Paragraph
from daemon.core.records import Box, Document, DocumentState, Failure, PageText, TextLine, Word
from daemon.inbox.claims.by_rename import RenameClaims
from daemon.ledger.deliveries import Deliveries
from daemon.ledger.ledger import Ledger
from daemon.outbox.publish import Outbox
from daemon.outbox.sidecar import Provenance
from daemon.supervisor.delivery import Delivery
from daemon.supervisor.document import DocumentInFlight
from daemon.supervisor.policy import Policy
from tests.support.whole_outputs import sidecar

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
        "refers_to_duplicates": True,
    }  # fmt: skip
    return Policy(**(values | changes))  # type: ignore[arg-type]


class Home:
    """One start of the daemon over the folders of a test."""

    def __init__(self, root: Path, **changes: object) -> None:
        self.root = root
        (root / "inbox").mkdir(exist_ok=True)
        self.ledger = Ledger(root / "ledger.sqlite3")
        self.claims = RenameClaims(root / "inbox", "one", root / "archive", root / "failed")
        (root / "outbox").mkdir(exist_ok=True)
        self.outbox = Outbox(root / "outbox")
        self.delivery = Delivery(
            self.claims, self.ledger, self.outbox, FolderRules(policy(**changes))
        )

    def record(self, content: bytes = b"bytes"):
        (self.root / "inbox/a.png").write_bytes(content)
        work = self.delivery.new_document(self.claims.take("a.png"))
        self.delivery.record(work)
        return work

    def status(self, place: str = "a.png.json") -> str:
        answer = self.outbox.read(place)
        assert answer is not None
        return str(answer["status"])


def finish(room: Home, work: DocumentInFlight) -> None:
    """Take the steps that are left, as the main loop does."""
    if work.state != DocumentState.ANSWERED:
        room.delivery.publish(work)
    if not work.is_over:
        room.delivery.close(work)


def deliver(room: Home, document: Document) -> None:
    work = room.record()
    work.document = document
    finish(room, work)


def test_a_retry_killed_before_its_answer_is_read_again_and_not_taken_for_the_failure(
    tmp_path: Path,
) -> None:
    deliver(Home(tmp_path), FAILED)
    before = Home(tmp_path)
    work = before.record()
    before.ledger.mark_answering(work.claim.id, "done", "a.png.json")  # and here it is killed

    after = Home(tmp_path)
    (claim,) = after.claims.held([], 0.0)
    resumed = after.delivery.new_document(claim, is_recovered=True)
    after.delivery.record(resumed)

    assert resumed.has_pending
    resumed.document = DONE
    finish(after, resumed)
    assert after.status() == "done"
    assert (tmp_path / "archive/a.png").exists()


def test_a_kill_after_the_answer_only_archives(tmp_path: Path) -> None:
    before = Home(tmp_path)
    work = before.record()
    before.delivery._publish(work, DONE)  # and here it is killed

    after = Home(tmp_path)
    (claim,) = after.claims.held([], 0.0)
    resumed = after.delivery.new_document(claim, is_recovered=True)
    after.delivery.record(resumed)

    assert resumed.state == DocumentState.ANSWERED
    finish(after, resumed)
    assert [path.name for path in (tmp_path / "outbox").glob("*.json")] == ["a.png.json"]
    assert (tmp_path / "archive/a.png").exists()
    assert after.ledger.unfinished() == []


def notifications(room: Home) -> list[tuple[str, str]]:
    """Return what the ledger has of letters: hook and state."""
    return room.ledger._run("SELECT hook, state FROM deliveries")


TELL = (Hook(name="tell", command=("tell",)),)


def test_an_answer_that_is_marked_again_after_a_kill_is_not_told_again(tmp_path: Path) -> None:
    before = Home(tmp_path, hooks=TELL)
    work = before.record()
    before.delivery._publish(work, DONE)
    with closing(Deliveries(tmp_path / "ledger.sqlite3")) as deliveries:
        (notification,) = deliveries.undelivered()
        deliveries.mark_delivered(notification)  # and here it is killed, its original not let go of

    after = Home(tmp_path, hooks=TELL)
    (claim,) = after.claims.held([], 0.0)
    resumed = after.delivery.new_document(claim, is_recovered=True)
    after.delivery.record(resumed)

    assert resumed.state == DocumentState.ANSWERED
    assert notifications(after) == [("tell", "delivered")]


def test_an_answer_that_was_named_and_not_marked_is_told_after_the_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Home(tmp_path, hooks=TELL)
    work = before.record()
    monkeypatch.setattr(before.ledger, "mark_answered", lambda *_: None)  # and here it is killed
    before.delivery._publish(work, DONE)
    assert notifications(before) == []

    after = Home(tmp_path, hooks=TELL)
    (claim,) = after.claims.held([], 0.0)
    after.delivery.record(after.delivery.new_document(claim, is_recovered=True))

    assert notifications(after) == [("tell", "waiting")]


def test_marking_an_answer_and_writing_its_letter_is_one_thing(tmp_path: Path) -> None:
    room = Home(tmp_path, hooks=TELL)
    work = room.record()
    room.ledger._db.execute("DROP TABLE deliveries")
    with pytest.raises(Deferred, match="deliveries"):
        room.delivery._publish(work, DONE)

    (entry,) = room.ledger.unfinished()

    assert entry.state == "answering"


def test_an_answer_that_cannot_be_said_fails_the_document_and_not_the_daemon(
    tmp_path: Path,
) -> None:
    room = Home(tmp_path)

    deliver(room, Document("done", "image/png", (page(Box(-3, 0, 9, 9)),), {}, 1))

    assert room.status() == "failed"
    assert (tmp_path / "failed/a.png").read_bytes() == b"bytes"


def test_a_file_taken_away_while_it_was_read_is_forgotten(tmp_path: Path) -> None:
    room = Home(tmp_path)
    work = room.record()
    work.document = DONE
    work.claim.path.unlink()

    finish(room, work)

    assert room.ledger.unfinished() == []
    assert not (tmp_path / "outbox").exists() or not list((tmp_path / "outbox").glob("*.json"))


@pytest.mark.parametrize(
    ("changes", "to_be_read"),
    [({}, False), ({"model_sha256": "ef" * 32}, True), ({"refers_to_duplicates": False}, True)],
)
def test_the_same_bytes_are_a_duplicate_only_under_the_same_model(
    tmp_path: Path, changes: dict[str, object], to_be_read: bool
) -> None:
    deliver(Home(tmp_path), DONE)

    work = Home(tmp_path, **changes).record()

    assert work.has_pending == to_be_read


def test_other_words_to_spell_with_make_another_profile():
    assert policy().profile != policy(lexicon_sha256="ef" * 32).profile
    assert policy().profile != policy(detector_sha256="ef" * 32).profile


def test_an_answer_that_was_collected_before_a_kill_is_not_given_again(tmp_path: Path) -> None:
    before = Home(tmp_path)
    work = before.record()
    work.document = DONE
    before.delivery._publish(work, DONE)
    (tmp_path / "outbox/a.png.json").unlink()  # by whoever it was for
    after = Home(tmp_path)
    (claim,) = after.claims.held([], 0.0)
    resumed = after.delivery.new_document(claim, is_recovered=True)

    after.delivery.record(resumed)
    finish(after, resumed)

    assert resumed.is_over
    assert list((tmp_path / "outbox").rglob("*.json")) == []
    assert (tmp_path / "archive/a.png").exists()


def test_who_wants_another_output_of_the_same_bytes_gets_it() -> None:
    assert policy(outputs=("text",)).profile != policy(outputs=("text", "hocr")).profile
    assert policy(outputs=()).profile == policy().profile


def by(document: Document) -> Provenance:
    return policy().provenance(document, "2026-01-01T00:00:00Z", 1.0)


def fenced_out(room: Home):
    """Return the work of a daemon that failed to publish and has lost its claim since."""
    work = room.record()
    work.document, work.state = DONE, DocumentState.ANSWERING
    work.claim.path.rename(room.root / "taken-over.png")
    return work


def succeed(room: Home, work, monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], object]):
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
    room = Home(tmp_path)
    work = fenced_out(room)

    succeed(room, work, monkeypatch, lambda: finish(room, work))

    assert work.is_over
    assert {path.name for path in (tmp_path / "outbox").glob("a.*")} == {
        "a.png.json", "a.png.txt",
    }  # fmt: skip


def test_a_restart_leaves_the_outputs_of_a_claim_that_was_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Home(tmp_path)
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
        deliver(Home(tmp_path), document)

    (answer,) = [each for each in events if each["event"] == f"document.{document.status}"]
    assert answer["log_level"] == level
