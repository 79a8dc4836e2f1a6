"""The engine of the supervising process: one Dask task for each of ours, on a worker of its choice.

The engine itself gives each task to a worker with a free slot, and lets Dask run it nowhere else.
So it knows which worker a task dies with, and that is one attempt of the task, whatever the
scheduler's `allowed-failures`; and no task waits in a queue of the scheduler or of a worker.

A thread runs the event loop with the client of Dask. All members are changed on that thread, those
that the main loop reads too under a lock.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import socket
import threading
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import structlog

from daemon.core import fs
from daemon.core.counters import Counters
from daemon.core.errors import DaemonError, Deferred, Died
from daemon.core.records import Stamp
from daemon.core.tasks import Outcome, RenderTask, Result, Task
from daemon.engine import wire
from daemon.engine.dask_cluster import calls, connection, identity, messages
from daemon.engine.dask_cluster.calls import TOPIC
from daemon.engine.dask_cluster.messages import (
    CHUNK_BYTES,
    Again,
    Done,
    Failed,
    Order,
    Refused,
)
from daemon.engine.deadline import WALL_FACTOR
from daemon.engine.protocol import ClusterSetup, EngineSetup, SlotState
from daemon.engine.slot import REPORT_SECONDS, WARM_SECONDS

from distributed import Client  # isort: skip -- after `connection`
from distributed.client import FutureCancelledError  # isort: skip
from distributed.comm.core import CommClosedError  # isort: skip

log = structlog.get_logger()

WARM_WAIT_SECONDS: Final = 30.0  # for a first worker, before the daemon is ready without one
AWAY_SECONDS: Final = 1.0  # between two tries to reach the scheduler
POLL_SECONDS: Final = 0.25  # between two looks whether the connection still stands
# Workers are told of by events; between two lists of all of them, which find what was missed.
LIST_SECONDS: Final = 10.0
GREET_SECONDS: Final = 30.0  # in which a worker must answer; it is asked again with the next list
# The last resort for a task of which nothing is heard, after all deadlines of the worker's pool:
# those of a lost worker and of a worker that died have ended before.
SILENCE_SECONDS: Final = 60.0
SENDINGS: Final = 3  # by path, by what was sent before, with the content
MAX_DELIVERED: Final = 1000  # files that a worker is taken to have
WARN_SECONDS: Final = 30.0  # between two warnings that there is no worker
CLOSE_SECONDS: Final = 5.0
T = TypeVar("T")


class _Lost(Exception):
    """The worker is not in the cluster any more."""


class _Requeue(Exception):
    """The task has not begun, or its scheduler is gone: it is given to a worker anew."""


@dataclass(eq=False, slots=True)
class _Job:
    """A submitted task; `since` is when it was given to a worker, in monotonic seconds."""

    task: Task
    since: float

    @property
    def silence_seconds(self) -> float:
        """How long nothing may be heard of it: the worker may have to load its models first."""
        return self.task.seconds * WALL_FACTOR + WARM_SECONDS + REPORT_SECONDS + SILENCE_SECONDS


@dataclass(eq=False, slots=True)
class _Member:
    """A worker that reads as we do.

    `sees_files` is None until it has shown that it sees one of our files. `delivered` are the keys
    of files that were sent to it.
    """

    address: str
    name: str
    id: str
    slots: int
    protections: str
    sees_files: bool | None
    is_lost: bool = False
    is_closing: bool = False
    running: set[asyncio.Task[None]] = field(default_factory=set)
    delivered: set[str] = field(default_factory=set)

    @property
    def free(self) -> int:
        return 0 if self.is_lost or self.is_closing else self.slots - len(self.running)


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
        self._members: dict[str, _Member] = {}
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
        self._hello = b""
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
            kinds = sorted({member.protections for member in self._members.values()})
        return "; ".join(kinds) or "unknown until a worker joins"

    def start(self) -> None:
        """Begin to connect; returns at once."""
        worker = self._setup.worker
        name = f"{socket.gethostname()}-{os.getpid()}"
        self._hello = messages.encode(identity.hello(name, worker.recipes, worker.largest_recipe))
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
        return sum(each.slots for each in self._members.values() if not each.is_closing)

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
                await asyncio.sleep(AWAY_SECONDS)
        warning.cancel()

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[Any]:
        client = Client(
            self._cluster.scheduler, security=connection.security(self._cluster),
            timeout=connection.CONNECT_SECONDS, asynchronous=True, set_as_default=False,
            name="ocr-daemon",
        )  # fmt: skip
        try:
            await client
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
        """Greet and remove the workers of which no event has told."""
        with contextlib.suppress(OSError, RuntimeError):
            workers = (await client.scheduler.identity())["workers"]
            if client is not self._client:
                return
            for address in [each for each in self._members if each not in workers]:
                self._remove(address)
            self._refused = {key: why for key, why in self._refused.items() if key in workers}
            new = [each for each in workers if each not in self._members | self._refused]
            names = [str(workers[each].get("name", each)) for each in new]
            await asyncio.gather(*map(partial(self._greet, client), new, names))

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

    async def _greet(self, client: Any, address: str, name: str) -> None:  # noqa: ANN401
        """Ask a worker whether it reads as we do, and use it if so."""
        self._refused[address] = "it has not answered yet"  # nobody else asks it meanwhile
        try:
            replies = await asyncio.wait_for(
                client.run(calls.greet, self._hello, workers=[address], on_error="return"),
                GREET_SECONDS,
            )
            answer = replies[address]
            if isinstance(answer, Exception):
                raise answer
            greeting = messages.greeting_decoder.decode(answer)
        except (OSError, TimeoutError, KeyError) as error:  # it is gone, or busy: the next list
            log.info("cluster.worker_silent", worker=name, address=address, reason=repr(error))
            self._refused.pop(address, None)
            return
        except Exception as error:  # whatever a foreign worker raises
            greeting = Refused((f"it cannot be greeted ({type(error).__name__}: {error})",))
        if isinstance(greeting, Refused):
            reason = "; ".join(greeting.reasons)
            self._refused[address] = f"{name}: {reason}"
            log.warning("cluster.worker_refused", worker=name, address=address, reason=reason)
            return
        if client is not self._client or self._refused.pop(address, None) is None:
            return  # it has left meanwhile
        member = _Member(
            address, name, greeting.id, greeting.slots, greeting.protections,
            self._cluster.shared_files,
        )  # fmt: skip
        with self._lock:
            self._members[address] = member
        log.info("cluster.worker_joined", worker=name, address=address, slots=member.slots)
        self._has_worker.set()
        self._assign()
        self._notify()

    def _note_closing(self, address: str) -> None:
        """Give no more tasks to a worker that was told to end; what it has costs no attempt."""
        if member := self._members.get(address):
            member.is_closing = True

    def _remove(self, address: str) -> None:
        """Give up a worker that is gone, and what it had."""
        with self._lock:
            member = self._members.pop(address, None)
        if member is None:
            return
        member.is_lost = True
        if not self._members:
            self._problem = f"{member.name}, the last worker, has left"
        if member.is_closing:
            log.info("cluster.worker_ended", worker=member.name, address=address)
        else:
            tasks = len(member.running)
            log.warning("cluster.worker_left", worker=member.name, address=address, tasks=tasks)
        for task in member.running:
            task.cancel()

    def _forget_all(self) -> None:
        """Forget the workers of a scheduler that is gone; their tasks wait for the next ones."""
        with self._lock:
            members, self._members = list(self._members.values()), {}
        self._refused = {}
        for member in members:
            for task in member.running:
                task.cancel()

    async def _warn_while_empty(self) -> None:
        """Warn now and then while there is no worker to give a task to."""
        while True:
            await asyncio.sleep(WARN_SECONDS)
            if not self._members:
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
            member = max(self._members.values(), key=lambda each: each.free, default=None)
            if member is None or member.free <= 0:
                return
            job = self._waiting.popleft()
            job.since = time.monotonic()
            task = asyncio.get_running_loop().create_task(self._do(self._client, member, job))
            member.running.add(task)
            task.add_done_callback(member.running.discard)
            task.add_done_callback(lambda _: self._assign())

    async def _do(self, client: Any, member: _Member, job: _Job) -> None:  # noqa: ANN401
        """Do a task on a worker, whatever becomes of the worker and of the scheduler."""
        result: Result | DaemonError
        try:
            async with asyncio.timeout(job.silence_seconds):
                result = await _Call(client, member, job.task).result()
        except TimeoutError:  # of the block: `_Call` raises none
            result = Deferred(f"worker {member.name} has not answered; it is greeted anew")
            self._remove(member.address)
        except _Requeue:
            self._waiting.appendleft(job)
            return
        except (_Lost, asyncio.CancelledError) as error:
            is_cancelled = isinstance(error, asyncio.CancelledError)
            if member.is_closing or (is_cancelled and not member.is_lost):
                self._waiting.appendleft(job)
                return
            result = Died("killed", f"worker {member.name} was lost while it read this")
        except DaemonError as error:
            result = error
        except Exception as error:
            if not self._is_connected(client):  # whatever a client says that loses its scheduler
                self._waiting.appendleft(job)
                return
            log.error("cluster.failed", worker=member.name, error=repr(error), exc_info=error)
            result = Died("crashed", f"reading it ended in {type(error).__name__}: {error}")
        self._finish(job, result)

    def _finish(self, job: _Job, result: Result | DaemonError) -> None:
        with self._lock:
            self._jobs.remove(job)
            self._outcomes.append(Outcome(job.task, result))
        self._notify()


class _Call:
    """One task on one worker."""

    def __init__(self, client: Any, member: _Member, task: Task) -> None:  # noqa: ANN401
        self._client = client
        self._member = member
        self._task = task

    async def result(self) -> Result:
        """Return what the worker has made of the task.

        Raises the error of ours that ended it, _Lost where the worker is gone, and _Requeue where
        nothing has begun.
        """
        answer, output = await self._answered()
        result = wire.decode_reply(answer.reply, 0)
        assert not isinstance(result, str), "no worker is told to load"
        if not self._task.is_answered_by(result):
            raise Died("crashed", "the worker sent an invalid result")
        if isinstance(self._task, RenderTask):
            await self._write_output(self._task.target, answer, output)
        return result

    async def _answered(self) -> tuple[Done, bytes | None]:
        """Send the order: by path, then relying on what was sent before, then with the content."""
        member, task = self._member, self._task
        key = _key(task)
        order = Order(
            member.id, key, member.sees_files is not False and key not in member.delivered
        )
        if order.is_shared and member.sees_files is None:
            digest = await _in_thread(lambda: _translated(lambda: fs.sha256_of(task.path)))
            order = msgspec.structs.replace(order, sha256=digest)
        request = wire.encode_request(0, task)
        for _ in range(SENDINGS):
            content = None
            if not order.is_shared and key not in member.delivered:
                order, content = await self._with_content(order)
            answer, output = await self._order(order, request, content)
            if not isinstance(answer, Again):
                self._note_sight(order)
                if isinstance(answer, Failed):
                    raise answer.exception(member.name)
                return answer, output
            if answer.reason == "closing":
                member.is_closing = True
                raise _Requeue
            if answer.reason == "other_worker":
                raise _Lost
            member.delivered.discard(key)
            order = msgspec.structs.replace(order, is_shared=False, sha256=None)
        raise Deferred(f"worker {member.name} does not keep what is sent; look into its log")

    def _note_sight(self, order: Order) -> None:
        """Note how the worker got the file: that it sees ours, or what has been sent to it."""
        member = self._member
        if not order.is_shared:
            if len(member.delivered) >= MAX_DELIVERED:
                member.delivered.clear()  # it forgets them too, and asks again
            member.delivered.add(order.document)
        elif member.sees_files is None:
            member.sees_files = True
            log.info("cluster.files_shared", worker=member.name)

    async def _with_content(self, order: Order) -> tuple[Order, bytes | None]:
        """Return the order with the content of the file, or with the parcel that holds it."""
        task = self._task
        if task.stamp.size > task.recipe.limits.file_megabytes * 1_000_000:
            return order, b""  # it is refused for its size
        parts = _parts(task.path, task.stamp)
        first = await _in_thread(lambda: _translated(lambda: next(parts, b"")))
        if len(first) == task.stamp.size:
            return msgspec.structs.replace(order, content_parcel=None), first
        parcel, offset, part = uuid.uuid4().hex, 0, first
        while part:
            await self._store(parcel, offset, part)
            offset += len(part)
            part = await _in_thread(lambda: _translated(lambda: next(parts, b"")))
        return msgspec.structs.replace(order, content_parcel=parcel), None

    async def _order(
        self, order: Order, request: bytes, content: bytes | None
    ) -> tuple[messages.Answer, bytes | None]:
        if len(request) <= CHUNK_BYTES:
            order = msgspec.structs.replace(order, task=msgspec.Raw(request))
        else:
            parcel = uuid.uuid4().hex
            for offset in range(0, len(request), CHUNK_BYTES):
                await self._store(parcel, offset, request[offset : offset + CHUNK_BYTES])
            order = msgspec.structs.replace(order, task_parcel=parcel)
        answer, output = await self._submit(calls.perform, messages.encode(order), content)
        return messages.answer_decoder.decode(answer), output

    async def _write_output(self, target: Path, done: Done, first: bytes | None) -> None:
        """Write an output where the supervisor expects it; it may be none at all."""
        if first is None and done.output is None:
            return
        with contextlib.suppress(FileNotFoundError):
            target.unlink()
        part, offset = first, 0
        while done.output is not None and offset < done.size:
            part = await self._submit(calls.fetch, self._member.id, done.output, offset)
            if not part:
                raise Deferred(f"worker {self._member.name} has not kept an output; it begins anew")
            await _in_thread(lambda part=part, at=offset: _write(target, at, part))  # type: ignore[misc]
            offset += len(part)
        if done.output is None:
            await _in_thread(lambda: _write(target, 0, part or b""))

    async def _store(self, parcel: str, offset: int, content: bytes) -> None:
        if not await self._submit(calls.store, self._member.id, parcel, offset, content):
            raise _Lost

    async def _submit(self, function: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401
        """Return what a function returns on the worker, and nowhere else."""
        from distributed.scheduler import KilledWorker, NoValidWorkerError

        future = self._client.submit(
            function, *arguments, key=f"ocr-daemon-{uuid.uuid4().hex}", pure=False, retries=0,
            workers=[self._member.address], allow_other_workers=False,
        )  # fmt: skip
        try:
            return await future
        except (KilledWorker, NoValidWorkerError) as error:
            raise _Lost from error
        except FutureCancelledError as error:  # the scheduler is gone, or told to restart
            raise _Requeue from error
        except CommClosedError as error:
            await asyncio.sleep(POLL_SECONDS)  # in which a broken connection is noticed
            raise _Requeue from error
        except OSError as error:
            raise Deferred(f"worker {self._member.name}: {error}") from error
        finally:
            future.release()


def _key(task: Task) -> str:
    """Return a key for the file of a task, in this state."""
    state = f"{task.claim}\0{task.stamp}\0".encode() + os.fsencode(task.path)
    return hashlib.sha256(state).hexdigest()


def _parts(path: Path, stamp: Stamp) -> Iterator[bytes]:
    """Yield the content of a file, which must have `stamp` before and after."""
    with fs.open_regular(path) as file:
        for _ in range(2):
            if Stamp.from_status(os.fstat(file.fileno())) != stamp:
                raise Deferred("the file was changed or replaced after it was claimed")
            while part := file.read(CHUNK_BYTES):
                yield part


def _translated(read: Callable[[], T]) -> T:
    """Read a file here, before it is sent; what fails is a fault of this machine."""
    try:
        return read()
    except OSError as error:
        raise Deferred(f"the file cannot be read ({error.strerror})") from error


def _write(target: Path, offset: int, content: bytes) -> None:
    try:
        with target.open("r+b" if offset else "wb") as file:
            file.seek(offset)
            file.write(content)
    except OSError as error:
        folder = target.parent.parent
        reason = f"cannot write an output to {folder} ({error.strerror}); free some space"
        raise Deferred(reason) from error


async def _in_thread(function: Callable[[], T]) -> T:
    """Return what a call returns that may block on a share; its thread keeps no process alive."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: Exception | None) -> None:
        if future.cancelled():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        try:
            outcome: tuple[T | None, Exception | None] = (function(), None)
        except Exception as error:
            outcome = None, error
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, *outcome)

    threading.Thread(target=run, name="dask-file", daemon=True).start()
    return await future
