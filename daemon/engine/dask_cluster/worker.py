"""A Dask worker of ours: it joins the cluster, and joins it again when the scheduler is back.

Its local pool outlives the connection: Dask ends a worker that has lost its scheduler, and this
process starts the next one around the same pool.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog
from distributed import Worker
from distributed.diagnostics.plugin import WorkerPlugin

from daemon.core.temporary import temporary_folder
from daemon.engine.dask_cluster import dask_config
from daemon.engine.dask_cluster.task_runner import TaskRunner
from daemon.engine.dask_cluster.worker_functions import PLUGIN, TOPIC
from daemon.engine.protocol import ClusterSetup, EngineSetup

log = structlog.get_logger()

RETRY_SECONDS: Final = 1.0  # between two tries to join
SWEEP_SECONDS: Final = 10.0  # between two looks for copies that nobody uses
FETCH_SECONDS: Final = 5.0  # that a worker which ends waits until its results have been fetched
POLL_SECONDS: Final = 0.1


class RunnerPlugin(WorkerPlugin):
    """Lets the functions of `worker_functions` find the task runner."""

    name = PLUGIN

    def __init__(self, runner: TaskRunner) -> None:
        self.runner = runner


class _Worker(Worker):
    """Ends at once: Dask would wait half a minute for the tasks of a scheduler that is gone."""

    async def close(  # type: ignore[override]
        self,
        timeout: float = 30,
        executor_wait: bool = False,
        nanny: bool = True,
        reason: str = "worker-close",
    ) -> str | None:
        """Close it; `executor_wait` is left out of account."""
        del executor_wait
        return await super().close(timeout, False, nanny, reason)


def serve(
    setup: EngineSetup, cluster: ClusterSetup, name: str | None, grace_seconds: float
) -> None:
    """Serve daemons until SIGTERM or SIGINT; tasks in progress then have `grace_seconds`.

    `name` is that of the worker in all logs, None for host and process. Misconfigured where the
    models cannot be loaded.
    """
    with temporary_folder() as folder:
        spool = folder / "spool"
        spool.mkdir(mode=0o700)
        runner = TaskRunner(name or f"{socket.gethostname()}-{os.getpid()}", setup, spool)
        try:
            runner.start()
            asyncio.run(_serve(runner, cluster, folder / "dask", grace_seconds))
        finally:
            runner.close()


async def _serve(
    runner: TaskRunner, cluster: ClusterSetup, folder: Path, grace_seconds: float
) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    failures = _JoinFailures(cluster.scheduler)
    sweeping = asyncio.create_task(_sweep(runner))
    try:
        while not stopped.is_set():
            worker = await _joined(runner, cluster, folder, stopped, failures)
            if worker is None:
                continue
            failures.reason = ""
            log.info("cluster.joined", worker=runner.name, scheduler=cluster.scheduler,
                     address=worker.address, slots=runner.slots)  # fmt: skip
            await _first(worker.finished(), stopped.wait())  # type: ignore[no-untyped-call]
            if not stopped.is_set():
                log.warning("cluster.left", worker=runner.name, reason="the scheduler is gone")
            else:
                await _drain(runner, worker, grace_seconds)
            await worker.close()
    finally:
        sweeping.cancel()
    log.info("cluster.stopped", worker=runner.name)


@dataclass(slots=True)
class _JoinFailures:
    """Logs why the cluster cannot be joined, each time that the reason changes."""

    scheduler: str
    reason: str = ""

    def note(self, error: Exception) -> None:
        """Log why it cannot be joined, if that is news."""
        reason = str(error.__cause__ or error) or type(error).__name__
        if reason != self.reason:
            log.warning("cluster.unreachable", scheduler=self.scheduler, reason=reason)
        self.reason = reason


async def _joined(
    runner: TaskRunner,
    cluster: ClusterSetup,
    folder: Path,
    stopped: asyncio.Event,
    failures: _JoinFailures,
) -> _Worker | None:
    """Return a worker that the scheduler knows; None where that fails, after a pause."""
    worker = _Worker(
        cluster.scheduler, nthreads=runner.slots, name=runner.name, plugins=(RunnerPlugin(runner),),
        security=dask_config.security(cluster), local_directory=str(folder), dashboard=False,
        memory_limit=0,  # the guard of the pool measures what reads; this process keeps nothing
        death_timeout=dask_config.CONNECT_SECONDS,
    )  # fmt: skip
    started = asyncio.ensure_future(worker.start())  # type: ignore[no-untyped-call]
    try:
        await _first(asyncio.shield(started), stopped.wait())
        if started.done():
            started.result()
            worker.batched_stream.interval = dask_config.SEND_SECONDS
            return worker
        started.cancel()
    except Exception as error:  # whatever Dask raises: nobody answers, or the name is still taken
        failures.note(error)
    with contextlib.suppress(Exception):
        await worker.close()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stopped.wait(), RETRY_SECONDS)
    return None


async def _drain(runner: TaskRunner, worker: Any, grace_seconds: float) -> None:  # noqa: ANN401
    """Take no further task, and wait for those in progress and until their results are fetched."""
    runner.is_closing = True
    worker.log_event(TOPIC, {"action": "closing", "worker": worker.address})
    log.info("cluster.draining", worker=runner.name, in_progress=runner.running)
    ends = time.monotonic() + grace_seconds
    while runner.running and time.monotonic() < ends:
        await asyncio.sleep(POLL_SECONDS)
    ends = time.monotonic() + FETCH_SECONDS
    while worker.data and time.monotonic() < ends:
        await asyncio.sleep(POLL_SECONDS)


async def _sweep(runner: TaskRunner) -> None:
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        with contextlib.suppress(OSError):
            await asyncio.to_thread(runner.spool.sweep, time.monotonic())


async def _first(*awaitables: Any) -> None:  # noqa: ANN401
    """Wait until one of them is done; the others are cancelled."""
    tasks = [asyncio.ensure_future(each) for each in awaitables]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
