"""What a worker process does for each request: a loaded pipeline behind plain functions.

`worker_main` calls them. Heavy libraries are imported inside, after the sandbox was entered.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.core import failpoints, memory
from daemon.core.errors import DaemonError, Deferred, Died, Rejected
from daemon.engine import sandbox

if TYPE_CHECKING:
    from daemon.core.options import Recipe
    from daemon.core.records import PageCount, PagesRead, Stamp
    from daemon.core.tasks import RenderTask
    from daemon.engine.protocol import WorkerSetup
    from daemon.ocr.pipeline import Pipeline

_OOM_SCORE = Path("/proc/self/oom_score_adj")  # proc(5)


@dataclass(slots=True)
class _WorkerState:
    """What this worker process was started with and has loaded."""

    setup: WorkerSetup | None = None
    pipeline: Pipeline | None = None
    protections: sandbox.Protections = sandbox.NONE


_process = _WorkerState()


def prepare(setup: WorkerSetup, parent_pipe: int, report_to: int | None) -> None:
    """Set up a new worker process: its end with the daemon, and its sandbox.

    `parent_pipe` is the reading end of a pipe of which only the daemon holds the other one.
    `report_to` is a socket for what the sandbox refuses, None where that is not logged.
    """
    _process.setup = setup
    with contextlib.suppress(OSError):  # out of memory, a worker is killed before the daemon
        _OOM_SCORE.write_text("1000")
    # libjpeg and libpng write warnings to standard error; what matters is in the result
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    _die_with_daemon(parent_pipe)  # the sandbox refuses what that takes
    if setup.documents is not None:
        refusals = None if report_to is None else socket.socket(fileno=report_to)
        _process.protections = sandbox.enter(setup.readable, setup.writable, refusals)


def warm() -> str:
    """Load the model and return the protections of the sandbox.

    Misconfigured when the weights are missing or altered.
    """
    _pipeline()
    return str(_process.protections)


def count(path: Path, stamp: Stamp, recipe: Recipe) -> PageCount:
    """Open the document and count its pages; arguments and errors as for `read`."""
    with _translated_errors("counting its pages"):
        failpoints.reach("worker.count", path.name)
        return _pipeline().with_recipe(recipe).count_pages(path, stamp)


def read(path: Path, stamp: Stamp, first: int, last: int, recipe: Recipe) -> PagesRead:
    """Read pages `first` to `last` (1-based, inclusive); `recipe` is one of the worker's own.

    Deferred when the file at `path` no longer has `stamp`. Whatever a library raises in this
    process leaves it as Died: the supervising process may not know its class.
    """
    with _translated_errors("reading it"):
        failpoints.reach("worker.read", path.name)
        pages = _pipeline().with_recipe(recipe).read_pages(path, first, last, stamp)
        failpoints.reach("worker.done", path.name)
    return pages


def render(task: RenderTask) -> None:
    """Render an output of a document that has been read; errors as for `read`.

    Rejected where this file has no such output, Deferred also where it cannot be written.
    """
    with _translated_errors(f"rendering its {task.kind}"):
        try:
            failpoints.reach("worker.render", f"{task.path.name}.{task.kind}")
            _render_output(task)
            failpoints.reach("worker.rendered", f"{task.path.name}.{task.kind}")
        except OSError as error:
            raise _write_failure(task, error) from error


def _render_output(task: RenderTask) -> None:
    from daemon.ocr.render.outputs import render

    render(task)


def _write_failure(task: RenderTask, error: OSError) -> DaemonError:
    """Return what it means that a target cannot be written: too large, or no space for now."""
    if error.errno == errno.EFBIG:
        limit = f"{sandbox.MAX_OUTPUT_BYTES >> 30} GiB"
        return Rejected("too_large", f"it would have more than {limit}; split the document")
    folder = task.target.parent.parent
    return Deferred(f"cannot write an output to {folder} ({error.strerror}); free some space")


@contextlib.contextmanager
def _translated_errors(doing: str) -> Iterator[None]:
    """Let only our own errors out: an exception of a library may have no meaning elsewhere."""
    try:
        yield
    except DaemonError:
        raise
    except Exception as error:
        if memory.is_out_of_memory(error):
            raise Died("memory", f"there was not enough memory for {doing} ({error})") from error
        raise Died("crashed", f"{doing} ended in {type(error).__name__}: {error}") from error


def _die_with_daemon(parent_pipe: int) -> None:
    """Let the kernel kill this process when the daemon is gone, even if it hangs or is stopped.

    PR_SET_PDEATHSIG does not help: it is sent when the thread ends that started this process.
    Only the daemon holds the other end of `parent_pipe`, a pipe (fcntl(2): O_ASYNC, F_SETSIG).
    """
    fcntl.fcntl(parent_pipe, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(parent_pipe, fcntl.F_SETSIG, signal.SIGKILL)
    flags = fcntl.fcntl(parent_pipe, fcntl.F_GETFL)
    fcntl.fcntl(parent_pipe, fcntl.F_SETFL, flags | os.O_ASYNC)
    if select.select([parent_pipe], [], [], 0)[0]:  # it was gone already
        os.kill(os.getpid(), signal.SIGKILL)


def _pipeline() -> Pipeline:
    if _process.pipeline is None:
        assert _process.setup is not None, "prepare() runs before any task"
        _process.pipeline = load_pipeline(_process.setup.largest_recipe, _process.setup.threads)
    return _process.pipeline


def load_pipeline(recipe: Recipe, threads: int) -> Pipeline:
    """Load the networks of `recipe` into this process, which then computes with `threads` threads.

    Misconfigured when the weights are missing or altered.
    """
    import cv2

    from daemon.ocr import onnx_session
    from daemon.ocr.pipeline import Pipeline

    cv2.setNumThreads(threads)
    onnx_session.set_num_threads(threads)
    if recipe.weights.backend == "torchscript":
        import torch

        torch.set_num_threads(threads)
    return Pipeline.load(recipe)
