"""A worker process: the warm pipeline behind three functions that travel by name.

Imported by the supervising process too (for the names), so everything heavy is imported inside.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import multiprocessing
import os
import select
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.core import failpoints, memory
from daemon.core.errors import DaemonError, Deferred, Died, Rejected
from daemon.engine import sandbox

if TYPE_CHECKING:
    from daemon.core.options import Recipe
    from daemon.core.records import PagesRead, Stamp
    from daemon.core.tasks import RenderTask
    from daemon.ocr.pipeline import Pipeline

_BLAME = Path("/proc/self/oom_score_adj")  # proc(5)


@dataclass(frozen=True, slots=True)
class WorkerSetup:
    """What a worker process is started with: the ways to read, and how many threads.

    The recipes share their weights and the network that finds lines where one does; each task says
    by which it is read. `documents` are the folders and files that it may read from, None for
    everything: it then works without a sandbox. `scratch` is where it may write what it is told to
    make, None where nothing is ever made.
    """

    recipes: tuple[Recipe, ...]
    threads: int
    documents: tuple[Path, ...] | None = None
    scratch: Path | None = None

    @property
    def readable(self) -> tuple[Path, ...]:
        """Where it must read, besides the libraries."""
        weights = self.widest.weights
        networks = (weights.file, weights.lexicon, self.widest.network)
        wanted = (*networks, self.scratch, *(self.documents or ()))
        return tuple(path for path in wanted if path is not None)

    @property
    def writable(self) -> tuple[Path, ...]:
        """Where it may write."""
        return () if self.scratch is None else (self.scratch,)

    @property
    def widest(self) -> Recipe:
        """The recipe whose networks serve all the others: one that finds lines by one, if any."""
        return next((each for each in self.recipes if each.network), self.recipes[0])


@dataclass(slots=True)
class _Process:
    """What this worker process was started with and has loaded."""

    start: WorkerSetup | None = None
    pipeline: Pipeline | None = None
    protections: sandbox.Protections = sandbox.NONE


_process = _Process()


def preloaded(recipe: Recipe) -> list[str]:
    """Return the modules that the fork server imports once for all workers, which share them."""
    backend = "torch" if recipe.weights.backend == "torchscript" else "onnxruntime"
    return ["daemon.ocr.pipeline", backend]


def prepare(start: WorkerSetup) -> None:
    """Set a fresh worker process up; cheap, since a failing initialiser would restart for ever."""
    _process.start = start
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a reload asked of the whole group is not for us
    with contextlib.suppress(OSError):  # where memory runs out, a worker goes before the daemon
        _BLAME.write_text("1000")
    # libjpeg and libpng complain of damaged data to standard error; what matters comes as a result
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    if start.documents is not None:
        _process.protections = sandbox.enter(start.readable, start.writable)
    _die_with_the_daemon()


def warm() -> str:
    """Load the model and return what the sandbox protects from.

    Misconfigured when the weights are not what they say.
    """
    _pipeline()
    return str(_process.protections)


def read(path: Path, stamp: Stamp, first: int, last: int, recipe: Recipe) -> PagesRead:
    """Read pages `first` to `last` (1-based, inclusive); an empty range only opens and counts.

    The recipe is one of those that this worker was started with.

    Deferred when the file at `path` does not bear `stamp` any more. Whatever a library of this
    process raises leaves it as Died: its class may not be known to the supervising process.
    """
    with _told("read", "reading"):
        failpoints.reach("worker.read", path.name)
        read = _pipeline().with_recipe(recipe).read_pages(path, first, last, stamp)
        failpoints.reach("worker.done", path.name)
    return read


def make(render_task: RenderTask) -> None:
    """Make an output of a document that has been read; errors as from `read`.

    Rejected where it cannot be made of this file, Deferred also where it cannot be written.
    """
    with _told("make", "making"):
        try:
            failpoints.reach("worker.make", f"{render_task.path.name}.{render_task.kind}")
            _make(render_task)
            failpoints.reach("worker.made", f"{render_task.path.name}.{render_task.kind}")
        except OSError as error:
            raise _unwritten(render_task, error) from error


def _unwritten(render_task: RenderTask, error: OSError) -> DaemonError:
    """Return what a target that refuses to be written means: too much, or no room as yet."""
    if error.errno == errno.EFBIG:
        most = f"{sandbox.MOST_BYTES >> 30} GiB"
        return Rejected("too_large", f"it would have more than {most}; split the document")
    where = render_task.target.parent.parent
    return Deferred(f"{where} refuses an output ({error.strerror}); make room")


def _make(render_task: RenderTask) -> None:
    from daemon.ocr.render import outputs

    outputs.render(render_task)


@contextlib.contextmanager
def _told(do: str, doing: str) -> Iterator[None]:
    """Let only our own errors out: what a library raises may have no meaning elsewhere."""
    try:
        yield
    except DaemonError:
        raise
    except Exception as error:
        if memory.is_short(error):
            raise Died("memory", f"there was not enough memory to {do} it ({error})") from error
        raise Died("crashed", f"{doing} it ended in {type(error).__name__}: {error}") from error


def _die_with_the_daemon() -> None:
    """Have the kernel kill this process when the daemon is gone, though it hang or stand still.

    A worker that went on would read for nobody, and one that hangs for ever. PR_SET_PDEATHSIG would
    not do: the parent is the fork server, which lives as long as any worker does. The daemon alone
    holds the other end of the sentinel, a pipe (fcntl(2): O_ASYNC, F_SETSIG).
    """
    parent = multiprocessing.parent_process()
    assert parent is not None, "workers are started by multiprocessing"
    fcntl.fcntl(parent.sentinel, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(parent.sentinel, fcntl.F_SETSIG, signal.SIGKILL)
    flags = fcntl.fcntl(parent.sentinel, fcntl.F_GETFL)
    fcntl.fcntl(parent.sentinel, fcntl.F_SETFL, flags | os.O_ASYNC)
    if select.select([parent.sentinel], [], [], 0)[0]:  # it was gone before we asked
        os.kill(os.getpid(), signal.SIGKILL)


def _pipeline() -> Pipeline:
    if _process.pipeline is None:
        assert _process.start is not None, "prepare() runs before any task"
        _process.pipeline = _load(_process.start.widest, _process.start.threads)
    return _process.pipeline


def _load(recipe: Recipe, threads: int) -> Pipeline:
    import cv2

    from daemon.ocr.pipeline import Pipeline

    cv2.setNumThreads(threads)
    if recipe.weights.backend == "torchscript":
        import torch

        torch.set_num_threads(threads)
    return Pipeline.load(recipe)
