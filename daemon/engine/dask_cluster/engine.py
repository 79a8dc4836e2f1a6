"""The engine of the supervising process: one Dask task for each of ours, on a worker of its choice.

The engine itself gives each task to a worker with a free slot, and lets Dask run it nowhere else.
So it knows which worker a task dies with, and that is one attempt of the task, whatever the
scheduler's `allowed-failures`; and no task waits in a queue of the scheduler or of a worker.

A thread runs the event loop with the client of Dask. All workers are changed on that thread, those
that the main loop reads too under a lock.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import structlog
from distributed import Client

from daemon.core.counters import Counters
from daemon.core.errors import DaemonError, Deferred, Died
from daemon.core.tasks import Outcome, Result, Task
from daemon.engine.dask_cluster import compatibility, dask_config, messages, worker_functions
from daemon.engine.dask_cluster.messages import (
    HandshakeRefused,
)
from daemon.engine.dask_cluster.remote_task import (
    RemoteTask,
    RemoteWorker,
    TaskRequeued,
    WorkerLost,
)
from daemon.engine.dask_cluster.worker_functions import TOPIC
from daemon.engine.deadline import WALL_FACTOR
from daemon.engine.protocol import ClusterSetup, EngineSetup, SlotState
from daemon.engine.slot import REPORT_SECONDS, WARM_SECONDS

log = structlog.get_logger()

WARM_WAIT_SECONDS: Final = 30.0  # for a first worker, before the daemon is ready without one
RETRY_SECONDS: Final = 1.0  # between two tries to reach the scheduler
POLL_SECONDS: Final = 0.25  # between two looks whether the connection still stands
# Workers are told of by events; between two lists of all of them, which find what was missed.
LIST_SECONDS: Final = 10.0
HANDSHAKE_SECONDS: Final = (
    30.0  # in which a worker must answer; it is asked again with the next list
)
# The last resort for a task of which nothing is heard, after all deadlines of the worker's pool:
# those of a lost worker and of a worker that died have ended before.
SILENCE_SECONDS: Final = 60.0
WARN_SECONDS: Final = 30.0  # between two warnings that there is no worker
CLOSE_SECONDS: Final = 5.0


@dataclass(eq=False, slots=True)
class _Job:
    """A submitted task; `since` is when it was given to a worker, in monotonic seconds."""

    task: Task
    since: float

    @property
    def silence_seconds(self) -> float:
        """How long nothing may be heard of it: the worker may have to load its models first."""
        return self.task.seconds * WALL_FACTOR + WARM_SECONDS + REPORT_SECONDS + SILENCE_SECONDS


class DaskEngine:
    """The engine of a Dask cluster whose workers were started by `ocr-daemon worker`."""

    def __init__(
        self,
        setup: EngineSetup,
        cluster: ClusterSetup,
        notify: Callable[[], None],
        counters: Counters,
    ) -> None:
        """`notify` is called from another thread whenever a task has finished or a slot is new."""
        self._setup = setup
        self._cluster = cluster
        self._notify = notify
        self._counters = counters
        self._lock = threading.Lock()
        self._jobs: list[_Job] = []
        self._outcomes: deque[Outcome] = deque()
        self._workers: dict[str, RemoteWorker] = {}
        self._waiting: deque[_Job] = deque()  # the next three: of the event loop alone
        self._refused: dict[str, str] = {}
        self._client: Any = None
        self._stream: Any = None
        self._listed_at = float("-inf")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._has_loop = threading.Event()
        self._has_worker = threading.Event()
        self._is_closed = False
        self._problem = "no worker has joined"
        self._request = b""
        self._thread = threading.Thread(target=self._run, name="dask", daemon=True)

    # --- what the main loop calls ---------------------------------------------------------------

    @property
    def slots(self) -> int:
        """How many tasks run at once, as the cluster is now."""
        with self._lock:
            return max(self._capacity, len(self._jobs))

    @property
    def free(self) -> int:
        """How many slots wait for a task."""
        with self._lock:
            return max(0, self._capacity - len(self._jobs))

    @property
    def protections(self) -> str:
        """What protects workers from what they read: of each kind of worker that is there."""
        with self._lock:
            kinds = sorted({worker.protections for worker in self._workers.values()})
        return "; ".join(kinds) or "unknown until a worker joins"

    def start(self) -> None:
        """Begin to connect; returns at once."""
        worker = self._setup.worker
        name = f"{socket.gethostname()}-{os.getpid()}"
        self._request = messages.encode(
            compatibility.handshake_request(name, worker.recipes, worker.largest_recipe)
        )
        self._thread.start()
        self._has_loop.wait()

    def warm(self) -> None:
        """Wait for a first worker, for half a minute: a cluster may be empty, and grow later."""
        if not self._has_worker.wait(WARM_WAIT_SECONDS):
            self._warn_of_no_worker()

    def submit(self, task: Task) -> None:
        """Give a task to a free slot."""
        job = _Job(task, time.monotonic())
        with self._lock:
            self._jobs.append(job)
        self._call_soon(self._accept, job)

    def finished(self) -> list[Outcome]:
        """Return what has finished since the last call; never blocks."""
        with self._lock:
            outcomes = list(self._outcomes)
            self._outcomes.clear()
        for outcome in outcomes:
            self._counters.count_task(outcome.result)
        return outcomes

    def states(self, now: float) -> list[tuple[SlotState, float]]:
        """Return what each slot does, and for how many seconds; called from any thread."""
        with self._lock:
            busy: list[tuple[SlotState, float]] = [
                ("overdue" if now - job.since > job.silence_seconds else "reading", now - job.since)
                for job in self._jobs
            ]
            idle = max(0, self._capacity - len(busy))
        free: list[tuple[SlotState, float]] = [("idle", 0.0)] * idle
        return [*busy, *free]

    def close(self) -> None:
        """Leave the cluster, whatever its workers do."""
        self._is_closed = True
        if self._thread.ident is not None:
            self._call_soon(lambda: None)
            self._thread.join(CLOSE_SECONDS)

    @property
    def _capacity(self) -> int:
        return sum(each.slots for each in self._workers.values() if not each.is_closing)

    def _call_soon(self, function: Callable[..., None], *arguments: object) -> None:
        assert self._loop is not None, "start() has waited for it"
        with contextlib.suppress(RuntimeError):  # it is closed
            self._loop.call_soon_threadsafe(function, *arguments)

    # --- the connection -------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            asyncio.run(self._stay_connected())
        except Exception:
            log.exception("cluster.failed")

    async def _stay_connected(self) -> None:
        """Connect to the scheduler, again and again; tasks that were lost with it begin anew."""
        self._loop = asyncio.get_running_loop()
        self._has_loop.set()
        warning = asyncio.create_task(self._warn_while_empty())
        while not self._is_closed:
            try:
                async with self._connected() as client:
                    await self._serve(client)
            except Exception as error:  # whatever Dask raises; tasks wait for the next connection
                is_expected = isinstance(error, OSError | RuntimeError)
                what = "does not answer" if is_expected else f"fails in {type(error).__name__}"
                reason = f"the scheduler {self._cluster.scheduler} {what} ({error})"
                if reason != self._problem:
                    log.warning("cluster.unreachable", reason=reason, exc_info=not is_expected)
                self._problem = reason
            self._forget_all()
            if not self._is_closed:
                await asyncio.sleep(RETRY_SECONDS)
        warning.cancel()

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[Any]:
        client = Client(
            self._cluster.scheduler, security=dask_config.security(self._cluster),
            timeout=dask_config.CONNECT_SECONDS, asynchronous=True, set_as_default=False,
            name="ocr-daemon",
        )  # fmt: skip
        try:
            await client
            assert client.scheduler_comm is not None, "it is connected"
            client.scheduler_comm.interval = dask_config.SEND_SECONDS
            yield client
        finally:
            self._client = None
            with contextlib.suppress(Exception):
                await asyncio.wait_for(client.close(), CLOSE_SECONDS)

    async def _serve(self, client: Any) -> None:  # noqa: ANN401 -- distributed has no types
        """Follow the cluster until the connection breaks.

        Dask's client would connect again, but neither hear of workers nor tell us.
        """
        self._client, self._stream = client, client.scheduler_comm
        self._listed_at = float("-inf")
        self._problem = "no worker has joined"
        log.info("cluster.connected", scheduler=self._cluster.scheduler)
        for topic in ("all", TOPIC):
            client.subscribe_topic(topic, self._note_event)
        while not self._is_closed:
            if not self._is_connected(client):
                log.warning("cluster.disconnected", scheduler=self._cluster.scheduler,
                            tasks=len(self._jobs), reason="its tasks begin anew")  # fmt: skip
                return
            if time.monotonic() - self._listed_at > LIST_SECONDS:
                self._listed_at = time.monotonic()
                asyncio.create_task(self._compare_with_list(client))  # noqa: RUF006 -- it ends soon
            await asyncio.sleep(POLL_SECONDS)

    def _is_connected(self, client: Any) -> bool:  # noqa: ANN401
        """Tell whether the connection still stands that the client began with."""
        is_same = client is self._client and client.scheduler_comm is self._stream
        return is_same and client.status == "running"

    async def _compare_with_list(self, client: Any) -> None:  # noqa: ANN401
        """Find and remove the workers of which no event has told."""
        with contextlib.suppress(OSError, RuntimeError):
            workers = (await client.scheduler.identity())["workers"]
            if client is not self._client:
                return
            for address in [each for each in self._workers if each not in workers]:
                self._remove(address)
            self._refused = {key: why for key, why in self._refused.items() if key in workers}
            new = [each for each in workers if each not in self._workers | self._refused]
            names = [str(workers[each].get("name", each)) for each in new]
            await asyncio.gather(*map(partial(self._handshake, client), new, names))

    async def _note_event(self, event: tuple[float, dict[str, Any]]) -> None:
        _, message = event
        match message:
            case {"action": "add-worker"}:
                self._listed_at = float("-inf")
            case {"action": "closing", "worker": str(address)}:
                self._note_closing(address)
            case {"action": "remove-worker", "worker": str(address)}:
                self._refused.pop(address, None)
                if message.get("expected"):
                    self._note_closing(address)
                self._remove(address)

    async def _handshake(self, client: Any, address: str, name: str) -> None:  # noqa: ANN401
        """Ask a worker whether it reads as we do, and use it if so."""
        self._refused[address] = "it has not answered yet"  # nobody else asks it meanwhile
        try:
            replies = await asyncio.wait_for(
                client.run(
                    worker_functions.handshake, self._request, workers=[address], on_error="return"
                ),
                HANDSHAKE_SECONDS,
            )
            answer = replies[address]
            if isinstance(answer, Exception):
                raise answer
            reply = messages.handshake_reply_decoder.decode(answer)
        except (OSError, TimeoutError, KeyError) as error:  # it is gone, or busy: the next list
            log.info("cluster.worker_silent", worker=name, address=address, reason=repr(error))
            self._refused.pop(address, None)
            return
        except Exception as error:  # whatever a foreign worker raises
            reply = HandshakeRefused((f"the handshake failed ({type(error).__name__}: {error})",))
        if isinstance(reply, HandshakeRefused):
            reason = "; ".join(reply.reasons)
            self._refused[address] = f"{name}: {reason}"
            log.warning("cluster.worker_refused", worker=name, address=address, reason=reason)
            return
        if client is not self._client or self._refused.pop(address, None) is None:
            return  # it has left meanwhile
        worker = RemoteWorker(
            address, name, reply.id, reply.slots, reply.protections,
            self._cluster.shared_files,
        )  # fmt: skip
        with self._lock:
            self._workers[address] = worker
        log.info("cluster.worker_joined", worker=name, address=address, slots=worker.slots)
        self._has_worker.set()
        self._assign()
        self._notify()

    def _note_closing(self, address: str) -> None:
        """Give no more tasks to a worker that was told to end; what it has costs no attempt."""
        if worker := self._workers.get(address):
            worker.is_closing = True

    def _remove(self, address: str) -> None:
        """Give up a worker that is gone, and what it had."""
        with self._lock:
            worker = self._workers.pop(address, None)
        if worker is None:
            return
        worker.is_lost = True
        if not self._workers:
            self._problem = f"{worker.name}, the last worker, has left"
        if worker.is_closing:
            log.info("cluster.worker_ended", worker=worker.name, address=address)
        else:
            tasks = len(worker.running)
            log.warning("cluster.worker_left", worker=worker.name, address=address, tasks=tasks)
        for task in worker.running:
            task.cancel()

    def _forget_all(self) -> None:
        """Forget the workers of a scheduler that is gone; their tasks wait for the next ones."""
        with self._lock:
            workers, self._workers = list(self._workers.values()), {}
        self._refused = {}
        for worker in workers:
            for task in worker.running:
                task.cancel()

    async def _warn_while_empty(self) -> None:
        """Warn now and then while there is no worker to give a task to."""
        while True:
            await asyncio.sleep(WARN_SECONDS)
            if not self._workers:
                self._warn_of_no_worker()

    def _warn_of_no_worker(self) -> None:
        reason = "; ".join(self._refused.values()) or self._problem
        log.warning("cluster.empty", scheduler=self._cluster.scheduler, reason=reason)

    # --- tasks ----------------------------------------------------------------------------------

    def _accept(self, job: _Job) -> None:
        self._waiting.append(job)
        self._assign()

    def _assign(self) -> None:
        """Give waiting tasks to the workers that have most free slots."""
        while self._waiting and self._client is not None and self._is_connected(self._client):
            worker = max(self._workers.values(), key=lambda each: each.free, default=None)
            if worker is None or worker.free <= 0:
                return
            job = self._waiting.popleft()
            job.since = time.monotonic()
            task = asyncio.get_running_loop().create_task(self._do(self._client, worker, job))
            worker.running.add(task)
            task.add_done_callback(worker.running.discard)
            task.add_done_callback(lambda _: self._assign())

    async def _do(self, client: Any, worker: RemoteWorker, job: _Job) -> None:  # noqa: ANN401
        """Do a task on a worker, whatever becomes of the worker and of the scheduler."""
        result: Result | DaemonError
        try:
            async with asyncio.timeout(job.silence_seconds):
                result = await RemoteTask(client, worker, job.task).result()
        except TimeoutError:  # of the block: `RemoteTask` raises none
            result = Deferred(
                f"worker {worker.name} has not answered; the handshake with it is repeated"
            )
            self._remove(worker.address)
        except TaskRequeued:
            self._waiting.appendleft(job)
            return
        except (WorkerLost, asyncio.CancelledError) as error:
            is_cancelled = isinstance(error, asyncio.CancelledError)
            if worker.is_closing or (is_cancelled and not worker.is_lost):
                self._waiting.appendleft(job)
                return
            result = Died("killed", f"worker {worker.name} was lost while it read this")
        except DaemonError as error:
            result = error
        except Exception as error:
            if not self._is_connected(client):  # whatever a client says that loses its scheduler
                self._waiting.appendleft(job)
                return
            log.error("cluster.failed", worker=worker.name, error=repr(error), exc_info=error)
            result = Died("crashed", f"reading it ended in {type(error).__name__}: {error}")
        self._finish(job, result)

    def _finish(self, job: _Job, result: Result | DaemonError) -> None:
        with self._lock:
            self._jobs.remove(job)
            self._outcomes.append(Outcome(job.task, result))
        self._notify()
