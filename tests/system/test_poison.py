"""Files that hang, kill, exhaust or deceive their worker: each costs its own slot and no more."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.support.running_daemon import MODEL, Workspace, until
from tests.support.samples import pdf_of_images, png, text_page

SLOTS = 2
LIMITS = {"page_seconds": 20.0}  # a busy machine must not make a time-out of another death
HASTE = {"page_seconds": 2.5}
POISONS = {  # what it does, and the class of the error that it must get
    "hang": "timeout",  # and ignores SIGTERM
    "segv": "killed",
    "kill": "killed",
    "exit": "killed",  # with code 0 and without a word
    "eat": "memory",
    "short": "memory",  # of memory: the allocation itself fails
    "bug": "crashed",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answers by the file's stem, the files in failed/, and whether the daemon lived on."""

    answers: dict[str, dict]
    failed: set[str]
    lives: bool


def scan(title: str) -> bytes:
    return png(text_page([title]))


def workspace(tmp_path, **config) -> Workspace:
    settings = {"workers": SLOTS, "limits": LIMITS, "worker_max_megabytes": 900}
    return Workspace(tmp_path, model=MODEL, retry={"attempts": 2}, **(settings | config))


def events(workspace: Workspace, name: str) -> list[dict]:
    return [event for event in workspace.events() if event["event"] == name]


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """One daemon reads a file of each poison but the one that hangs, with good ones between."""
    poisoned = workspace(tmp_path_factory.mktemp("poisoned"))
    poisons = [poison for poison in POISONS if poison != "hang"]
    rules = ";".join(f"worker.read@{poison}.png={poison}" for poison in poisons)
    good = [f"good {poison}" for poison in poisons]
    with poisoned.running(FAILPOINTS=rules) as daemon:
        for poison, beside in zip(poisons, good, strict=True):
            poisoned.drop(f"{poison}.png", scan(f"The {poison}"))
            poisoned.drop(f"{beside}.png", scan(f"The {beside}"))
        answers = {name: poisoned.answer(f"{name}.png.json") for name in (*poisons, *good)}
        for name in ("after", "beside"):  # both slots work on
            poisoned.drop(f"{name}.png", scan(f"On both slots, {name}"))
            answers[name] = poisoned.answer(f"{name}.png.json")
        lives = daemon.process.poll() is None
    return Outcome(answers, poisoned.files_in(poisoned.failed), lives)


@pytest.mark.parametrize("poison", [poison for poison in POISONS if poison != "hang"])
def test_a_poisonous_file_fails_by_name(outcome: Outcome, poison: str) -> None:
    bad = outcome.answers[poison]

    assert (bad["status"], bad["error"]["class"]) == ("failed", POISONS[poison])
    assert {f"{poison}.png", f"{poison}.png.error.json"} <= outcome.failed


def test_the_others_are_answered_and_nothing_else_has_failed(outcome: Outcome) -> None:
    others = {name: each["status"] for name, each in outcome.answers.items() if name not in POISONS}

    assert set(others.values()) == {"done"}
    assert len(others) == len(POISONS) + 1
    assert len(outcome.failed) == 2 * (len(POISONS) - 1)
    assert outcome.lives


def test_a_file_that_hangs_fails_by_name_while_the_others_are_answered(tmp_path) -> None:
    poisoned = workspace(tmp_path, limits=HASTE)
    with poisoned.running(FAILPOINTS="worker.read@bad.png=hang") as daemon:
        for name in ("bad.png", "good.png", "fine.png"):
            poisoned.drop(name, scan(f"The {name}"))
        good = [poisoned.answer(f"{name}.png.json")["status"] for name in ("good", "fine")]
        bad = poisoned.answer("bad.png.json")
        poisoned.drop("after.png", scan("And after it"))
        poisoned.drop("beside.png", scan("On both slots"))
        after = [poisoned.answer(f"{name}.png.json")["status"] for name in ("after", "beside")]

        assert daemon.process.poll() is None
    assert good + after == ["done"] * 4
    assert (bad["status"], bad["error"]["class"]) == ("failed", POISONS["hang"])
    assert poisoned.files_in(poisoned.failed) == {"bad.png", "bad.png.error.json"}


def test_a_page_of_each_poison_is_marked_and_the_others_are_published(tmp_path) -> None:
    poisoned = workspace(tmp_path, limits=HASTE, worker_max_megabytes=700)
    kinds = ["hang", "segv", "exit", "eat", "bug"]
    rules = ";".join(f"worker.page@{n}={kind}" for n, kind in enumerate(kinds, start=2))
    content = pdf_of_images([text_page([f"Page {n}"]) for n in range(1, 10)])
    with poisoned.running(FAILPOINTS=rules):
        poisoned.drop("bad.pdf", content)
        poisoned.drop("good.png", scan("Beside them"))
        good = poisoned.answer("good.png.json")
        is_first = not (poisoned.outbox / "bad.pdf.json").exists()
        bad = poisoned.answer("bad.pdf.json")

    unread = {
        page["number"]: page["error"]["class"] for page in bad["pages"] if page["status"] != "done"
    }
    read = {page["number"]: page["text"] for page in bad["pages"] if page["status"] == "done"}
    assert (good["status"], is_first) == ("done", True)
    assert (bad["status"], bad["error"]["page"]) == ("partial", 2)
    assert unread == {n: POISONS[kind] for n, kind in enumerate(kinds, start=2)}
    assert read == {n: f"Page {n}" for n in (1, 7, 8, 9)}


def test_good_files_are_answered_while_a_poison_is_still_being_worked_on(tmp_path) -> None:
    poisoned = workspace(tmp_path, limits={"page_seconds": 15.0})
    with poisoned.running(FAILPOINTS="worker.read@bad.png=hang") as daemon:
        poisoned.drop("bad.png", scan("It hangs"))
        until(lambda: list(poisoned.inbox.rglob("work/*/*/bad.png")), what="claimed")
        for number in range(6):
            poisoned.drop(f"{number}.png", scan(f"Good {number}"))
        until(lambda: len(poisoned.answers()) == 6, 10, what="six answers beside the poison")

        assert "bad.png.json" not in poisoned.answers()
        daemon.process.kill()


def test_all_workers_killed_at_once_are_replaced(tmp_path) -> None:
    bereft = workspace(tmp_path, limits={"page_seconds": 15.0})
    with bereft.running(FAILPOINTS="worker.read@bad.png=hang") as daemon:
        bereft.drop("bad.png", scan("It hangs"))
        until(lambda: list(bereft.inbox.rglob("work/*/*/bad.png")), what="claimed")
        for worker in daemon.workers():
            worker.kill()
        bereft.drop("good.png", scan("After it"))

        assert bereft.answer("good.png.json")["status"] == "done"
        assert daemon.process.poll() is None
        daemon.process.kill()  # the poison, hanging again, would hold up its stop


def test_a_worker_is_renewed_after_its_tasks_and_nothing_is_lost(tmp_path) -> None:
    short_lived = workspace(tmp_path, workers=1, tasks_per_worker=4)
    with short_lived.running() as daemon:
        seen = set()
        for number in range(6):
            short_lived.drop(f"{number}.png", scan(f"Scan {number}"))
            assert short_lived.answer(f"{number}.png.json")["status"] == "done"
            seen |= {worker.pid for worker in daemon.workers()}

    assert len(seen) >= 3  # twelve tasks: to count, and to read, each of six files
    assert {event["tasks"] for event in events(short_lived, "worker.recycled")} == {4}


def test_a_worker_that_leaks_is_renewed_before_it_is_stopped(tmp_path) -> None:
    leaking = workspace(
        tmp_path, workers=1, worker_max_megabytes=1200, worker_recycle_megabytes=600
    )
    with leaking.running(FAILPOINTS="worker.done=leak"):
        for number in range(10):
            leaking.drop(f"{number}.png", scan(f"Scan {number}"))
        until(lambda: len(leaking.answers()) == 10, what="all answered")

    answers = leaking.answers().values()
    assert {(a["status"], a["processing"]["attempt"]) for a in answers} == {("done", 1)}
    reasons = {event["reason"].split(" MB")[0].rsplit(" ", 1)[0]
               for event in events(leaking, "worker.recycled")}  # fmt: skip
    assert reasons == {"it has kept"}
