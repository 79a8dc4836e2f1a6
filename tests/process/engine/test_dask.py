"""The Dask engine with a real scheduler and real workers, whose reading is pretended."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from daemon.core.counters import Counters
from daemon.core.errors import Deferred, Died, Rejected
from daemon.core.memory import MemoryLimits
from daemon.core.options import Limits, Recipe
from daemon.core.records import PageCount, PagesRead, Stamp
from daemon.core.tasks import CountPages, Outcome, ReadPages, RenderTask, Task
from daemon.engine.create import create_engine
from daemon.engine.protocol import ClusterSetup, Engine, EngineSetup, TlsFiles, WorkerSetup
from tests.support import certificates, dask_cluster
from tests.support.dask_cluster import Cluster
from tests.support.imports import loaded_by
from tests.support.running_daemon import QUICK_MODEL, until
from tests.torture import pretended

pytest.importorskip("distributed", reason="needs the extra [dask]")

RECIPE = dask_cluster.recipe()
CHUNK = 4 << 20
MODEL_WITHOUT_LEXICON = QUICK_MODEL | {"lexicon": None}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    yield made
    made.end()


@pytest.fixture
def engines(cluster: Cluster) -> Iterator[list[Engine]]:
    made: list[Engine] = []
    yield made
    for engine in made:
        engine.close()


def connected(
    engines: list[Engine],
    cluster: Cluster,
    recipe: Recipe = RECIPE,
    shared: bool | None = None,
    tls: TlsFiles | None = None,
) -> Engine:
    worker = WorkerSetup((recipe,), 1)
    where = ClusterSetup(cluster.address, shared, tls)
    setup = EngineSetup(worker, 1, 0, MemoryLimits(900, 600), where)
    engine = create_engine(setup, lambda: None, Counters())
    engines.append(engine)
    engine.start()
    return engine


def reading(path: Path, last: int = 1, recipe: Recipe = RECIPE) -> ReadPages:
    return ReadPages(path.name, path, Stamp.of(path), 30.0, recipe, 1, last)


def outcomes(engine: Engine, *tasks: Task) -> list[Outcome]:
    for task in tasks:
        engine.submit(task)
    return collected(engine, len(tasks))


def collected(engine: Engine, number: int) -> list[Outcome]:
    found: list[Outcome] = []

    def all_are_there() -> bool:
        found.extend(engine.finished())
        return len(found) == number

    until(all_are_there, 60, what=f"{number} outcomes")
    return found


def text_of(outcome: Outcome) -> list[str]:
    assert isinstance(outcome.result, PagesRead), str(outcome.result)
    return [page.text for page in outcome.result.pages]


@pytest.fixture
def worker(cluster: Cluster) -> str:
    """A worker alone in its cluster; reading poison.png ends a process of its pool."""
    cluster.keep_only("reader", slots=2, FAILPOINTS="worker.read@poison.png=kill")
    return "reader"


@pytest.mark.parametrize("shared", [None, True, False])
def test_pages_are_counted_and_read_by_path_and_by_bytes(
    cluster: Cluster, worker: str, engines: list[Engine], tmp_path: Path, shared: bool | None
) -> None:
    engine = connected(engines, cluster, shared=shared)
    engine.warm()
    path = tmp_path / "two.png"
    path.write_bytes(pretended.content("first", "second"))
    count = CountPages("two", path, Stamp.of(path), 30.0, RECIPE)

    found = {type(each.task): each for each in outcomes(engine, count, reading(path, 2))}

    assert engine.slots == engine.free == 2
    assert isinstance(counted := found[CountPages].result, PageCount)
    assert counted.page_count == 2
    assert text_of(found[ReadPages]) == ["first", "second"]


def test_what_is_longer_than_a_message_is_sent_and_fetched_in_parts(
    cluster: Cluster, worker: str, engines: list[Engine], tmp_path: Path
) -> None:
    engine = connected(engines, cluster, shared=False)
    engine.warm()
    path = tmp_path / "long.png"
    path.write_bytes(pretended.content("page", "x" * (2 * CHUNK)))
    (read,) = outcomes(engine, reading(path))
    target = tmp_path / "claim" / "document.pdf"
    target.parent.mkdir()
    assert isinstance(read.result, PagesRead)
    render = RenderTask(
        "long", path, Stamp.of(path), "searchable_pdf", read.result.pages, target, 30.0, RECIPE
    )

    (rendered,) = outcomes(engine, render)

    assert rendered.result is None
    assert target.read_bytes() == b"made of " + path.read_bytes()


def test_a_file_that_the_worker_does_not_see_is_sent(
    cluster: Cluster,
    worker: str,
    engines: list[Engine],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = connected(engines, cluster, shared=True)
    engine.warm()
    path = tmp_path / "same.png"
    path.write_bytes(pretended.content("ours"))
    monkeypatch.chdir(tmp_path)

    (found,) = outcomes(engine, reading(Path("/proc/self/cwd/same.png")))  # there another folder

    assert text_of(found) == ["ours"]


def test_a_file_above_the_limit_is_refused_without_being_sent(
    cluster: Cluster, worker: str, engines: list[Engine], tmp_path: Path
) -> None:
    """The pretended reader has no limit: it sees the size, and none of the lines."""
    recipe = dask_cluster.recipe(limits=Limits(file_megabytes=1))
    engine = connected(engines, cluster, recipe, shared=False)
    engine.warm()
    path = tmp_path / "large.png"
    path.write_bytes(b"x\n" * 500_001)
    count = CountPages("large", path, Stamp.of(path), 30.0, recipe)

    (found,) = outcomes(engine, count)

    assert isinstance(found.result, PageCount), str(found.result)
    assert found.result.page_count == 1


def test_a_file_that_was_replaced_is_not_read_in_its_name(
    cluster: Cluster, worker: str, engines: list[Engine], tmp_path: Path
) -> None:
    engine = connected(engines, cluster)
    engine.warm()
    path = tmp_path / "replaced.png"
    path.write_bytes(pretended.content("before"))
    task = reading(path)
    path.write_bytes(pretended.content("after it"))

    (found,) = outcomes(engine, task)

    assert isinstance(found.result, Deferred)
    assert "changed or replaced" in str(found.result)


def test_an_error_of_the_worker_arrives_as_it_was(
    cluster: Cluster, worker: str, engines: list[Engine], tmp_path: Path
) -> None:
    engine = connected(engines, cluster)
    engine.warm()
    path = tmp_path / "broken.png"
    path.write_bytes(pretended.BROKEN)

    (found,) = outcomes(engine, reading(path))

    assert isinstance(error := found.result, Rejected)
    assert (error.reason, error.message) == ("corrupt", "the file begins with broken")


def test_a_process_that_dies_in_the_pool_of_a_worker_costs_its_task_alone(
    cluster: Cluster, worker: str, engines: list[Engine], tmp_path: Path
) -> None:
    engine = connected(engines, cluster)
    engine.warm()
    for name in ("poison.png", "honest.png"):
        (tmp_path / name).write_bytes(pretended.content(name))

    found = outcomes(engine, reading(tmp_path / "poison.png"), reading(tmp_path / "honest.png"))
    again = outcomes(engine, reading(tmp_path / "honest.png"))

    by_name = {each.task.path.name: each for each in found}
    assert isinstance(died := by_name["poison.png"].result, Died)
    assert (died.kind, died.signal) == ("killed", 9)
    assert text_of(by_name["honest.png"]) == text_of(again[0]) == ["honest.png"]
    assert engine.slots == 2


def test_a_lost_scheduler_costs_nothing(
    cluster: Cluster, worker: str, engines: list[Engine], tmp_path: Path
) -> None:
    engine = connected(engines, cluster)
    engine.warm()
    paths = [tmp_path / f"{number}.png" for number in range(6)]
    for path in paths:
        path.write_bytes(pretended.content(path.name))

    for path in paths[:2]:
        engine.submit(reading(path))
    cluster.kill_scheduler()
    for path in paths[2:]:
        engine.submit(reading(path))
    cluster.start_scheduler()
    found = collected(engine, len(paths))

    assert sorted(text_of(each)[0] for each in found) == [path.name for path in paths]


def test_a_lost_worker_costs_what_it_had_and_slots_follow(
    cluster: Cluster, engines: list[Engine], tmp_path: Path
) -> None:
    cluster.keep_only("first", FAILPOINTS="worker.read=stop")
    engine = connected(engines, cluster)
    engine.warm()
    path = tmp_path / "a.png"
    path.write_bytes(pretended.content("text"))
    assert engine.slots == 1

    engine.submit(reading(path))
    cluster.worker("second", slots=2)
    until(lambda: engine.slots == 3, what="the second worker is noticed")
    cluster.kill("first")
    (lost,) = collected(engine, 1)
    until(lambda: engine.slots == 2, what="the first worker is forgotten")
    (read,) = outcomes(engine, reading(path))

    assert isinstance(died := lost.result, Died)
    assert (died.kind, died.message) == ("killed", "worker first was lost while it read this")
    assert text_of(read) == ["text"]


def test_a_worker_that_is_told_to_end_finishes_what_it_has_and_takes_no_more(
    cluster: Cluster, engines: list[Engine], tmp_path: Path
) -> None:
    cluster.keep_only("leaving", FAILPOINTS="worker.read=1*stop")
    engine = connected(engines, cluster)
    engine.warm()
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(pretended.content(name))

    engine.submit(reading(tmp_path / "a.png"))
    (reader,) = until(lambda: cluster.stopped("leaving"), what="it reads a.png")
    cluster.workers["leaving"].terminate()
    until(lambda: cluster.events("leaving", "cluster.draining"))
    reader.resume()
    (first,) = collected(engine, 1)
    engine.submit(reading(tmp_path / "b.png"))
    code = cluster.workers.pop("leaving").wait(30)
    cluster.worker("reader", slots=2, FAILPOINTS="worker.read@poison.png=kill")
    found = [first, *collected(engine, 1)]

    assert code == 0
    assert sorted(text_of(each)[0] for each in found) == ["a.png", "b.png"]


@pytest.mark.parametrize(
    ("name", "options", "reason"),
    [
        ("older", {"program": "tests.support.older_worker"}, "ocr-daemon 0.0.1 instead of "),
        ("poorer", {"config": {"model": MODEL_WITHOUT_LEXICON}}, "model.lexicon is none instead"),
    ],
)
def test_a_worker_that_would_read_otherwise_is_refused_by_name_in_both_logs(
    cluster: Cluster, engines: list[Engine], name: str, options: dict[str, Any], reason: str
) -> None:
    cluster.worker(name, **options)

    with capture_logs() as logged:
        connected(engines, cluster)
        ours = until(lambda: [e for e in logged if e["event"] == "cluster.worker_refused"])
        joined = [e for e in logged if e["event"] == "cluster.worker_joined"]
    (theirs,) = until(lambda: cluster.events(name, "cluster.worker_refused"))
    cluster.kill(name)

    assert ours[0]["worker"] == theirs["worker"] == name
    assert reason in ours[0]["reason"]
    assert ours[0]["reason"] == theirs["reason"]
    assert name not in [event["worker"] for event in joined]


def test_a_dask_worker_that_is_none_of_ours_is_refused(
    cluster: Cluster, engines: list[Engine]
) -> None:
    command = [sys.executable, "-m", "distributed.cli.dask_worker", cluster.address, "--no-nanny"]
    foreign = subprocess.Popen(
        [*command, "--name", "foreign", "--no-dashboard"], stderr=subprocess.DEVNULL
    )
    try:
        with capture_logs() as logged:
            connected(engines, cluster)
            (event,) = until(
                lambda: [e for e in logged if e.get("worker") == "foreign"], what=str(logged)
            )
    finally:
        foreign.kill()
        foreign.wait()

    assert event["event"] == "cluster.worker_refused"
    assert "not started by `ocr-daemon worker`" in event["reason"]


@pytest.mark.skipif(certificates.IS_MISSING, reason="needs openssl")
def test_with_tls_only_those_with_a_certificate_of_the_authority_take_part(
    engines: list[Engine], tmp_path: Path
) -> None:
    ours = certificates.certified(tmp_path / "ours")
    theirs = certificates.certified(tmp_path / "theirs")
    path = tmp_path / "secret.png"
    path.write_bytes(pretended.content("secret"))
    encrypted = Cluster(tmp_path, tls=[str(ours.ca), str(ours.cert), str(ours.key)])
    keys = {"tls_ca": str(ours.ca), "tls_cert": str(ours.cert), "tls_key": str(ours.key)}
    try:
        encrypted.worker("member", config={"engine": {"scheduler": encrypted.address, **keys}})
        engine = connected(engines, encrypted, tls=ours)
        engine.warm()
        (read,) = outcomes(engine, reading(path))
        with capture_logs() as logged:
            stranger = connected(engines, encrypted, tls=theirs)
            (refusal, *_) = until(lambda: [e for e in logged if "unreachable" in e["event"]])
            slots = stranger.slots
    finally:
        encrypted.end()

    assert text_of(read) == ["secret"]
    assert "certificate" in refusal["reason"].lower()
    assert slots == 0


def test_the_local_engine_imports_nothing_of_dask() -> None:
    loaded = loaded_by("daemon.supervisor.main", "daemon.engine.create", "daemon.cli.app")

    assert not {name for name in loaded if name.partition(".")[0] in ("dask", "distributed")}
