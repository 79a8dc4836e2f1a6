"""What a Dask worker holds: a local pool, whose guards stay as they are, and what it may read.

Dask's threads call `handshake`, `run_task`, `write_chunk` and `read_chunk`. Each call of `run_task`
waits for a slot of the pool: the deadline, the memory guard, the sandbox and the recycling are
those of the pool.
"""

from __future__ import annotations

import hashlib
import os
import threading
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec
import structlog

from daemon.core import fs
from daemon.core.counters import Counters
from daemon.core.errors import DaemonError, Deferred
from daemon.core.records import PageCount, PagesRead, Stamp
from daemon.core.tasks import Outcome, RenderTask, Task
from daemon.engine import wire
from daemon.engine.dask_cluster import compatibility, messages
from daemon.engine.dask_cluster.messages import (
    CHUNK_BYTES,
    HandshakeAccepted,
    HandshakeRefused,
    TaskDone,
    TaskFailed,
    TaskMessage,
    TaskNotStarted,
    TaskReply,
)
from daemon.engine.dask_cluster.spool import MissingError, Spool
from daemon.engine.local_pool import LocalEngine
from daemon.engine.protocol import EngineSetup

log = structlog.get_logger()

COLLECT_SECONDS: Final = 1.0  # between two looks at a pool that has notified nobody
_COPY_BYTES: Final = 1 << 20


class Pool:
    """A local pool that any thread may use: it waits for a free slot, and for the outcome."""

    def __init__(self, setup: EngineSetup) -> None:
        self._changed = threading.Event()
        self._condition = threading.Condition()
        self._outcomes: dict[int, Outcome] = {}
        self._is_closed = False
        self.engine = LocalEngine(setup, self._changed.set, Counters())

    def start(self) -> None:
        """Start the workers and wait until they have loaded; Misconfigured where that fails."""
        self.engine.start()
        self.engine.warm()
        threading.Thread(target=self._collect, name="pool-outcomes", daemon=True).start()

    def run(self, task: Task) -> Outcome:
        """Return the outcome of a task."""
        with self._condition:
            self._condition.wait_for(lambda: self.engine.free)
            self.engine.submit(task)
            self._condition.wait_for(lambda: id(task) in self._outcomes)
            return self._outcomes.pop(id(task))

    def close(self) -> None:
        """End the workers, whatever they do."""
        self._is_closed = True
        self.engine.close()

    def _collect(self) -> None:
        while not self._is_closed:
            self._changed.wait(COLLECT_SECONDS)
            self._changed.clear()
            with self._condition:
                finished = self.engine.finished()
                self._outcomes |= {id(outcome.task): outcome for outcome in finished}
                self._condition.notify_all()  # a slot may be free without an outcome


class TaskRunner:
    """The worker's part of the engine; `name` is what both logs call it."""

    def __init__(self, name: str, setup: EngineSetup, folder: Path) -> None:
        """`setup` is that of this worker: its networks, its number of slots, its limits.

        `folder` is empty and its own.
        """
        self.name = name
        self.id = uuid.uuid4().hex
        self.is_closing = False
        self.slots = setup.workers
        self._own = setup.worker.largest_recipe
        self._versions = compatibility.versions(self._own)
        self._settings = compatibility.settings(self._own)
        self.spool = Spool(folder)
        self._running = 0
        self._lock = threading.Lock()
        reads = None if setup.worker.documents is None else (self.spool.documents,)
        worker = replace(setup.worker, documents=reads, scratch=self.spool.outputs)
        self._pool = Pool(replace(setup, worker=worker, cluster=None))

    @property
    def running(self) -> int:
        """How many tasks it does at this moment."""
        return self._running

    def start(self) -> None:
        """Start the local pool and wait until it has loaded; Misconfigured where that fails."""
        self._pool.start()

    def close(self) -> None:
        """End the local pool."""
        self._pool.close()

    def handshake(self, request: bytes) -> bytes:
        """Tell a daemon whether this worker reads as it does."""
        theirs = messages.handshake_decoder.decode(request)
        reasons = compatibility.differences(theirs, self._versions, self._settings)
        if reasons:
            log.warning("cluster.worker_refused", worker=self.name, daemon=theirs.daemon,
                        reason="; ".join(reasons))  # fmt: skip
            return messages.encode(HandshakeRefused(tuple(reasons)))
        log.info("cluster.worker_accepted", worker=self.name, daemon=theirs.daemon)
        protections = self._pool.engine.protections
        return messages.encode(HandshakeAccepted(self.id, self.slots, protections))

    def write_chunk(self, worker: str, upload: str, offset: int, content: bytes) -> bool:
        """Write a chunk of an upload; return False where another process was meant."""
        if worker != self.id:
            return False
        self.spool.write_upload(upload, offset, content)
        return True

    def read_chunk(self, worker: str, output: str, offset: int) -> bytes | None:
        """Return a chunk of an output, and remove it with its last one; None if it is not here."""
        if worker != self.id:
            return None
        try:
            content = self.spool.output(output, offset, CHUNK_BYTES)
        except OSError:
            return None
        if len(content) < CHUNK_BYTES:
            self.spool.discard_output(output)
        return content

    def run_task(self, content: bytes, document: bytes | None) -> tuple[bytes, bytes | None]:
        """Run the task of a message, and return the reply, with the output if it is one chunk.

        `document` is the content of the file, where it is sent with the message.
        """
        message = messages.task_decoder.decode(content)
        output: bytes | None = None
        reply: TaskReply
        with self._lock:
            is_refused = self.is_closing or message.worker != self.id
            self._running += not is_refused
        if is_refused:
            reason = TaskNotStarted("closing" if message.worker == self.id else "other_worker")
            return messages.encode(reason), None
        try:
            reply, output = self._reply_to(message, document)
        except MissingError:
            reply = TaskNotStarted("missing")
        except DaemonError as error:
            reply = TaskFailed.of(error)
        except OSError as error:
            reply = TaskFailed.of(Deferred(f"it cannot copy the file ({error.strerror})"))
        finally:
            with self._lock:
                self._running -= 1
        return messages.encode(reply), output

    def _reply_to(
        self, message: TaskMessage, document: bytes | None
    ) -> tuple[TaskReply, bytes | None]:
        if message.request_upload is not None:
            request = self.spool.read_upload(message.request_upload)
        else:
            request = bytes(message.task)
        decoded = wire.decode_request(request)
        assert not isinstance(decoded, wire.Load), "the pool is loaded already"
        task = decoded.task
        recipe = compatibility.localized(task.recipe, self._own)

        def fill(target: Path) -> None:
            if message.is_shared:
                _copy_shared(task, message.sha256, target)
            elif message.document_upload is not None:
                self.spool.take_upload(message.document_upload, target)
            elif document is not None:
                target.write_bytes(document)
            else:
                raise MissingError(message.document)
            _imitate(task.stamp, target)

        with self.spool.document(message.document, task.path.name, fill) as path:
            ours = replace(task, path=path, stamp=Stamp.of(path), recipe=recipe)
            if not isinstance(ours, RenderTask):
                return _done(self._pool.run(ours)), None
            name = f"{uuid.uuid4().hex}{ours.target.suffix}"
            done = _done(self._pool.run(replace(ours, target=self.spool.outputs / name)))
        return self._with_output(done, name)

    def _with_output(self, done: TaskDone, name: str) -> tuple[TaskDone, bytes | None]:
        """Return the reply with the output that the pool has written: itself, or its name."""
        try:
            first = self.spool.output(name, 0, CHUNK_BYTES)
            size = (self.spool.outputs / name).lstat().st_size
        except OSError:  # the worker process wrote none, or no file
            return done, None
        if size > len(first):
            return msgspec.structs.replace(done, output=name, size=size), None
        self.spool.discard_output(name)
        return done, first


def _done(outcome: Outcome) -> TaskDone:
    """Return the reply for a task that has been done; raises the error that ended it."""
    reply: wire.Reply
    match outcome.result:
        case DaemonError() as error:
            raise error
        case PageCount() as counted:
            reply = wire.Counted(0, counted)
        case PagesRead() as read:
            reply = wire.PagesDone(0, read)
        case _:
            reply = wire.Rendered(0)
    return TaskDone(msgspec.Raw(wire.encode_reply(reply)))


def _copy_shared(task: Task, sha256: str | None, target: Path) -> None:
    """Copy the file of a task, which must be the one that was claimed; MissingError otherwise."""
    digest = hashlib.sha256()
    try:
        with fs.open_regular(task.path) as file, target.open("wb") as copy:
            if Stamp.from_status(os.fstat(file.fileno())) != task.stamp:
                raise MissingError(task.path)
            if task.stamp.size > _limit(task):
                return  # it is refused for its size
            while block := file.read(_COPY_BYTES):
                copy.write(block)
                if sha256 is not None:
                    digest.update(block)
            if Stamp.from_status(os.fstat(file.fileno())) != task.stamp:  # it was changed meanwhile
                raise MissingError(task.path)
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        raise MissingError(task.path) from error
    if sha256 not in (None, digest.hexdigest()):
        raise MissingError(task.path)


def _imitate(stamp: Stamp, target: Path) -> None:
    """Give a copy the size and the time of its file: outputs have that time.

    A file above the limit is not copied, and refused for the size that it has here too.
    """
    os.truncate(target, stamp.size)
    os.utime(target, ns=(stamp.modified_ns, stamp.modified_ns))


def _limit(task: Task) -> int:
    return task.recipe.limits.file_megabytes * 1_000_000
