"""The pool with real worker processes whose reading is pretended: they go astray in many ways."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from daemon.core.counters import Counters
from daemon.core.errors import Deferred, Died, Misconfigured
from daemon.core.memory import MemoryLimits
from daemon.core.options import Recipe, Weights
from daemon.core.records import PagesRead, Stamp
from daemon.core.tasks import ReadPages, Task
from daemon.engine import worker_process
from daemon.engine.deadline import WALL_FACTOR
from daemon.engine.local_pool import LocalEngine
from daemon.engine.protocol import EngineSetup, WorkerSetup
from daemon.engine.slot import REPORT_SECONDS
from daemon.engine.worker_process import WorkerProcess
from tests.process.engine import misbehaving_reader
from tests.support.repository import REPOSITORY
from tests.support.running_daemon import SHIPPED, SHIPPED_ONNX, until
from tests.support.worker_program import command_with

SECONDS = 2.0
RECIPE = Recipe(weights=SHIPPED)
ASTRAY = {
    "nonsense": "crashed",
    "many": "crashed",
    "fewer": "crashed",
    "other": "crashed",
    "attack": "crashed",
    "unknown": "killed",
    "babble": "crashed",
    "nested": "crashed",
    "number": "crashed",
    "half": "killed",
    "endless": "crashed",
    "closed": "killed",
    "exit": "killed",
    "memory": "memory",
    "much": "memory",
}


WORKER = WorkerSetup((Recipe(weights=SHIPPED_ONNX),), 1)


def pool(workers: int = 2, tasks_per_worker: int = 3, scratch: Path | None = None) -> LocalEngine:
    setup = WorkerSetup((RECIPE,), 1, scratch=scratch)
    limits = MemoryLimits(900, 600)
    return LocalEngine(
        EngineSetup(setup, workers, tasks_per_worker, limits), lambda: None, Counters()
    )


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalEngine]:
    monkeypatch.setattr(worker_process, "command", command_with(misbehaving_reader.__name__))
    made = pool()
    made.start()
    made.warm()
    yield made
    made.close()


def task(kind: str, folder: Path = Path("/nowhere")) -> Task:
    return ReadPages(kind, folder / f"{kind}.pdf", Stamp(1, 2, 3), SECONDS, RECIPE, 1, 4)


def outcomes(engine: LocalEngine, *tasks: Task) -> dict[str, object]:
    """Give some tasks and return what became of each."""
    for each in tasks:
        engine.submit(each)
    found: dict[str, object] = {}

    def collected() -> bool:
        found.update({ended.task.claim: ended.result for ended in engine.finished()})
        return len(found) == len(tasks)

    until(collected, 60, what=f"{len(tasks)} outcomes")
    return found


@pytest.mark.parametrize("kind", ASTRAY)
def test_a_worker_gone_astray_costs_one_task_and_its_slot_goes_on(
    engine: LocalEngine, kind: str, tmp_path: Path
) -> None:
    began = time.monotonic()

    found = outcomes(engine, task(kind, tmp_path), task("honest"))
    took = time.monotonic() - began
    after = outcomes(engine, task("honest"))

    assert isinstance(died := found[kind], Died)
    assert died.kind == ASTRAY[kind], str(died)
    assert isinstance(found["honest"], PagesRead)
    assert isinstance(after["honest"], PagesRead)
    assert took < SECONDS + 4.0
    assert not (tmp_path / "footprint").exists()


def reader_of(engine: LocalEngine) -> str | None:
    """Return who reads the next task: of two free slots it is always the first."""
    found = outcomes(engine, task("honest"))["honest"]
    assert isinstance(found, PagesRead), str(found)
    return found.precision


def test_workers_are_renewed_after_their_tasks_and_no_task_is_lost(engine: LocalEngine) -> None:
    readers = [reader_of(engine) for _ in range(7)]

    assert [readers.count(pid) for pid in dict.fromkeys(readers)] == [3, 3, 1]


@pytest.mark.parametrize("kind", ["reach", "weights"])
def test_where_the_environment_is_at_fault_the_file_waits_and_another_worker_looks_again(
    engine: LocalEngine, kind: str
) -> None:
    before = reader_of(engine)

    found = outcomes(engine, task(kind))

    assert isinstance(found[kind], Deferred)
    assert reader_of(engine) != before


def test_a_bug_of_the_memory_guard_does_not_end_it(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.engine.slot.Slot.check_worker", lambda _: 1 / 0)
    outcomes(engine, task("honest"))
    monkeypatch.undo()
    monkeypatch.setattr(worker_process, "command", command_with(misbehaving_reader.__name__))

    found = outcomes(engine, task("exit"))

    assert isinstance(found["exit"], Died)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("spin", "took more than 2 s of processor time"),
        ("slow", "hung for 2 s without using the processor"),
        ("deadlock", "hung for 2 s without using the processor"),
    ],
)
def test_a_worker_that_computes_or_hangs_too_long_is_stopped_and_costs_an_attempt(
    engine: LocalEngine, kind: str, reason: str
) -> None:
    began = time.monotonic()

    found = outcomes(engine, task(kind))[kind]

    assert isinstance(found, Died), str(found)
    assert (found.kind, found.message) == ("timeout", reason)
    assert time.monotonic() - began < 2 * SECONDS * WALL_FACTOR
    assert isinstance(outcomes(engine, task("honest"))["honest"], PagesRead)


@pytest.mark.parametrize(
    ("kind", "reason"), [("stop", "it was stopped"), ("share", "a disk or share")]
)
def test_a_worker_that_others_keep_waiting_costs_no_attempt(
    engine: LocalEngine, kind: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.engine.deadline.WALL_FACTOR", 2.0)
    os.mkfifo(tmp_path / "share.pdf")
    began = time.monotonic()

    found = outcomes(engine, task(kind, tmp_path))[kind]

    assert isinstance(found, Deferred), str(found)
    assert reason in str(found)
    assert time.monotonic() - began >= 2 * SECONDS
    assert isinstance(outcomes(engine, task("honest"))["honest"], PagesRead)


def test_a_worker_that_is_stopped_and_goes_on_finishes_its_task(engine: LocalEngine) -> None:
    engine.submit(task("stop"))
    pid = engine._slots[0]._worker.pid
    until(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    time.sleep(1.5 * SECONDS)

    psutil.Process(pid).resume()
    ended: list = []
    until(lambda: ended.extend(engine.finished()) or ended)

    assert isinstance(ended[0].result, PagesRead)


def test_other_programs_on_the_core_do_not_use_up_the_time_of_a_task(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("deadline", "slot"):  # however busy this machine is besides
        monkeypatch.setattr(f"daemon.engine.{module}.WALL_FACTOR", 30.0)
    core = min(os.sched_getaffinity(0))
    program = f"import os; os.sched_setaffinity(0, {{{core}}})\nwhile True: pass"
    others = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(4)]
    try:
        time.sleep(0.5)  # they have begun
        began = time.monotonic()

        found = outcomes(engine, task("busy"))["busy"]

        took = time.monotonic() - began
    finally:
        for other in others:
            other.kill()
            other.wait()
    assert isinstance(found, PagesRead), str(found)
    assert took > SECONDS > misbehaving_reader.BUSY_SECONDS


def test_what_workers_do_is_told_while_they_do_it(engine: LocalEngine) -> None:
    engine.submit(task("slow"))
    during = [state for state, _ in engine.states(time.monotonic())]
    until(engine.finished)

    assert during == ["reading", "idle"]
    until(lambda: {state for state, _ in engine.states(time.monotonic())} == {"idle"})


def test_a_task_that_even_the_deadline_did_not_end_is_overdue(engine: LocalEngine) -> None:
    engine.submit(task("slow"))

    later = time.monotonic() + SECONDS * WALL_FACTOR + REPORT_SECONDS + 1

    assert [state for state, _ in engine.states(later)] == ["overdue", "idle"]


@contextmanager
def lonely(monkeypatch: pytest.MonkeyPatch, folder: Path, install: str) -> Iterator[LocalEngine]:
    """One worker that loads its networks in the given way."""
    command = command_with(misbehaving_reader.__name__, install)
    monkeypatch.setattr(worker_process, "command", command)
    made = pool(workers=1, tasks_per_worker=0, scratch=folder)
    made.start()
    yield made
    made.close()


def test_a_worker_that_is_killed_while_it_loads_is_replaced(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with lonely(monkeypatch, tmp_path, "install_dying_twice") as engine:
        engine.warm()

        assert engine.protections == "something"


def test_workers_that_all_die_of_loading_are_misconfigured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with (
        lonely(monkeypatch, tmp_path, "install_dying") as engine,
        pytest.raises(Misconfigured, match="could not load the model"),
    ):
        engine.warm()


@pytest.mark.parametrize(
    ("weights", "library"),
    [(SHIPPED_ONNX, "onnxruntime"), (SHIPPED, "torch")],
    ids=["onnxruntime", "torchscript"],
)
def test_a_worker_loads_only_the_library_of_the_backend(weights: Weights, library: str) -> None:
    process = WorkerProcess(WorkerSetup((Recipe(weights=weights),), 1))

    process.warm().result(60)
    mapped = Path(f"/proc/{process.pid}/maps").read_text()
    process.close()
    process.join(10)

    assert [name for name in ("torch", "onnxruntime") if f"/{name}/" in mapped] == [library]


def test_a_reply_that_nobody_asked_for_is_not_taken_for_that_of_the_next_document(
    engine: LocalEngine,
) -> None:
    first = outcomes(engine, task("early"))["early"]

    second = outcomes(engine, task("honest"))["honest"]

    assert isinstance(first, PagesRead)
    assert isinstance(second, Died), str(second)
    assert isinstance(outcomes(engine, task("honest"))["honest"], PagesRead)


def test_half_a_surrogate_pair_in_a_text_is_a_question_mark(engine: LocalEngine) -> None:
    found = outcomes(engine, task("surrogate"))["surrogate"]

    assert isinstance(found, PagesRead), str(found)
    assert {page.text for page in found.pages} == {"a?"}


def test_a_worker_ends_with_a_daemon_that_is_killed(tmp_path: Path) -> None:
    program = (
        "import os, signal\n"
        "from daemon.engine.worker_process import WorkerProcess\n"
        "from tests.process.engine.test_local_pool import WORKER\n"
        "process = WorkerProcess(WORKER)\n"
        "process.warm().result(60)\n"
        "os.kill(process.pid, signal.SIGSTOP)\n"
        "print(process.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=REPOSITORY
    )
    pid = int(run.stdout)

    until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie")
