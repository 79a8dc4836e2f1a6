"""The functions that Dask calls in a worker, by their names: they find the `TaskRunner` there.

Dask pickles only their names and plain bytes. This module must be importable wherever a daemon
reaches a worker; its parameters change only with the version of the package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from daemon.engine.dask_cluster.task_runner import TaskRunner

PLUGIN: Final = "ocr-daemon"
TOPIC: Final = "ocr-daemon"  # of the events by which a worker tells daemons that it is about to end


def handshake(request: bytes, dask_worker: Any = None) -> bytes:  # noqa: ANN401 -- Dask passes it
    """Tell a daemon whether this worker reads as it does; see `TaskRunner.handshake`."""
    return _runner(dask_worker).handshake(request)


def run_task(message: bytes, document: bytes | None) -> tuple[bytes, bytes | None]:
    """Run a task; see `TaskRunner.run_task`."""
    return _runner(_this_worker()).run_task(message, document)


def write_chunk(worker: str, upload: str, offset: int, content: bytes) -> bool:
    """Write a chunk of an upload; see `TaskRunner.write_chunk`."""
    return _runner(_this_worker()).write_chunk(worker, upload, offset, content)


def read_chunk(worker: str, output: str, offset: int) -> bytes | None:
    """Return a chunk of an output; see `TaskRunner.read_chunk`."""
    return _runner(_this_worker()).read_chunk(worker, output, offset)


def _this_worker() -> Any:  # noqa: ANN401
    from distributed import get_worker

    return get_worker()


def _runner(worker: Any) -> TaskRunner:  # noqa: ANN401
    plugin = worker.plugins.get(PLUGIN)
    if plugin is None:
        raise LookupError("it was not started by `ocr-daemon worker`")
    runner: TaskRunner = plugin.runner
    return runner
