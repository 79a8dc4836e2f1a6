"""One task on one worker: how its file gets there, and its result and output come back.

A task is sent by the path of its file, where the worker sees that; otherwise with the content,
which the worker keeps for the next tasks. What is longer than one message goes in chunks, each a
Dask task of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import structlog
from distributed.client import FutureCancelledError
from distributed.comm.core import CommClosedError
from distributed.scheduler import KilledWorker, NoValidWorkerError

from daemon.core import fs
from daemon.core.errors import Deferred, Died
from daemon.core.records import Stamp
from daemon.core.tasks import RenderTask, Result, Task
from daemon.engine import wire
from daemon.engine.dask_cluster import messages, worker_functions
from daemon.engine.dask_cluster.messages import (
    CHUNK_BYTES,
    TaskDone,
    TaskFailed,
    TaskMessage,
    TaskNotStarted,
)

log = structlog.get_logger()

SENDINGS: Final = 3  # by path, by what was sent before, with the content
MAX_DELIVERED: Final = 1000  # files that a worker is taken to have
BROKEN_SECONDS: Final = 0.25  # in which the engine notices that a connection is broken
T = TypeVar("T")


class WorkerLost(Exception):
    """The worker is not in the cluster any more."""


class TaskRequeued(Exception):
    """The task has not begun, or its scheduler is gone: it is given to a worker anew."""


@dataclass(eq=False, slots=True)
class RemoteWorker:
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
        """How many more tasks it takes."""
        return 0 if self.is_lost or self.is_closing else self.slots - len(self.running)


class RemoteTask:
    """One task on one worker."""

    def __init__(self, client: Any, worker: RemoteWorker, task: Task) -> None:  # noqa: ANN401
        self._client = client
        self._worker = worker
        self._task = task

    async def result(self) -> Result:
        """Return what the worker has made of the task.

        Raises the error of ours that ended it, WorkerLost where the worker is gone, and
        TaskRequeued where nothing has begun.
        """
        reply, output = await self._reply()
        result = wire.decode_reply(reply.reply, 0)
        assert not isinstance(result, str), "no worker is told to load"
        if not self._task.is_answered_by(result):
            raise Died("crashed", "the worker sent an invalid result")
        if isinstance(self._task, RenderTask):
            await self._write_output(self._task.target, reply, output)
        return result

    async def _reply(self) -> tuple[TaskDone, bytes | None]:
        """Send the task: by path, then relying on what was sent before, then with the content."""
        worker, task = self._worker, self._task
        key = _key(task)
        message = TaskMessage(
            worker.id, key, worker.sees_files is not False and key not in worker.delivered
        )
        if message.is_shared and worker.sees_files is None:
            digest = await _in_thread(lambda: _translated(lambda: fs.sha256_of(task.path)))
            message = msgspec.structs.replace(message, sha256=digest)
        request = wire.encode_request(0, task)
        for _ in range(SENDINGS):
            content = None
            if not message.is_shared and key not in worker.delivered:
                message, content = await self._with_content(message)
            reply, output = await self._sent(message, request, content)
            if not isinstance(reply, TaskNotStarted):
                self._note_file_access(message)
                if isinstance(reply, TaskFailed):
                    raise reply.exception(worker.name)
                return reply, output
            if reply.reason == "closing":
                worker.is_closing = True
                raise TaskRequeued
            if reply.reason == "other_worker":
                raise WorkerLost
            worker.delivered.discard(key)
            message = msgspec.structs.replace(message, is_shared=False, sha256=None)
        raise Deferred(f"worker {worker.name} does not keep what is sent; look into its log")

    def _note_file_access(self, message: TaskMessage) -> None:
        """Note how the worker got the file: that it sees ours, or what has been sent to it."""
        worker = self._worker
        if not message.is_shared:
            if len(worker.delivered) >= MAX_DELIVERED:
                worker.delivered.clear()  # it forgets them too, and asks again
            worker.delivered.add(message.document)
        elif worker.sees_files is None:
            worker.sees_files = True
            log.info("cluster.files_shared", worker=worker.name)

    async def _with_content(self, message: TaskMessage) -> tuple[TaskMessage, bytes | None]:
        """Return the message with the content of the file, or with the upload that holds it."""
        task = self._task
        if task.stamp.size > task.recipe.limits.file_megabytes * 1_000_000:
            return message, b""  # it is refused for its size
        parts = _parts(task.path, task.stamp)
        first = await _in_thread(lambda: _translated(lambda: next(parts, b"")))
        if len(first) == task.stamp.size:
            return msgspec.structs.replace(message, document_upload=None), first
        upload, offset, part = uuid.uuid4().hex, 0, first
        while part:
            await self._write_chunk(upload, offset, part)
            offset += len(part)
            part = await _in_thread(lambda: _translated(lambda: next(parts, b"")))
        return msgspec.structs.replace(message, document_upload=upload), None

    async def _sent(
        self, message: TaskMessage, request: bytes, content: bytes | None
    ) -> tuple[messages.TaskReply, bytes | None]:
        if len(request) <= CHUNK_BYTES:
            message = msgspec.structs.replace(message, task=msgspec.Raw(request))
        else:
            upload = uuid.uuid4().hex
            for offset in range(0, len(request), CHUNK_BYTES):
                await self._write_chunk(upload, offset, request[offset : offset + CHUNK_BYTES])
            message = msgspec.structs.replace(message, request_upload=upload)
        reply, output = await self._submit(
            worker_functions.run_task, messages.encode(message), content
        )
        return messages.task_reply_decoder.decode(reply), output

    async def _write_output(self, target: Path, done: TaskDone, first: bytes | None) -> None:
        """Write an output where the supervisor expects it; it may be none at all."""
        if first is None and done.output is None:
            return
        with contextlib.suppress(FileNotFoundError):
            target.unlink()
        part, offset = first, 0
        while done.output is not None and offset < done.size:
            part = await self._submit(
                worker_functions.read_chunk, self._worker.id, done.output, offset
            )
            if not part:
                raise Deferred(f"worker {self._worker.name} has not kept an output; it begins anew")
            await _in_thread(lambda part=part, at=offset: _write(target, at, part))  # type: ignore[misc]
            offset += len(part)
        if done.output is None:
            await _in_thread(lambda: _write(target, 0, part or b""))

    async def _write_chunk(self, upload: str, offset: int, content: bytes) -> None:
        if not await self._submit(
            worker_functions.write_chunk, self._worker.id, upload, offset, content
        ):
            raise WorkerLost

    async def _submit(self, function: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401
        """Return what a function returns on the worker, and nowhere else."""
        future = self._client.submit(
            function, *arguments, key=f"ocr-daemon-{uuid.uuid4().hex}", pure=False, retries=0,
            workers=[self._worker.address], allow_other_workers=False,
        )  # fmt: skip
        try:
            return await future
        except (KilledWorker, NoValidWorkerError) as error:
            raise WorkerLost from error
        except FutureCancelledError as error:  # the scheduler is gone, or told to restart
            raise TaskRequeued from error
        except CommClosedError as error:
            await asyncio.sleep(BROKEN_SECONDS)
            raise TaskRequeued from error
        except OSError as error:
            raise Deferred(f"worker {self._worker.name}: {error}") from error
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
