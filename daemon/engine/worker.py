"""A worker process: the warm pipeline behind two functions that travel by name.

Imported by the supervising process too (for the names), so everything heavy is imported inside.
"""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import select
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from daemon import failpoints

if TYPE_CHECKING:
    from daemon.ocr.pipeline import Pipeline
    from daemon.recipe import Recipe
    from daemon.records import PagesRead


@dataclass(slots=True)
class _Process:
    """What this worker process was started with and has loaded."""

    recipe: Recipe | None = None
    threads: int = 1
    pipeline: Pipeline | None = None


_process = _Process()


def preloaded(recipe: Recipe) -> list[str]:
    """Return the modules that the fork server imports once for all workers, which share them."""
    backend = "torch" if recipe.weights.backend == "torchscript" else "onnxruntime"
    return ["daemon.ocr.pipeline", backend]


def prepare(recipe: Recipe, threads: int) -> None:
    """Set a fresh worker process up; cheap, since a failing initialiser would restart for ever."""
    _process.recipe = recipe
    _process.threads = threads
    # libjpeg and libpng complain of damaged data to standard error; what matters comes as a result
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    _die_with_the_daemon()


def warm() -> str:
    """Load the model and return its name; Misconfigured when the weights are not what they say."""
    return _pipeline().recognizer.name


def read(path: Path, first: int, last: int) -> PagesRead:
    """Read pages `first` to `last` (1-based, inclusive); an empty range only opens and counts."""
    failpoints.reach("worker.read", path.name)
    read = _pipeline().read_pages(path, first, last)
    failpoints.reach("worker.done", path.name)
    return read


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
        assert _process.recipe is not None, "prepare() runs before any task"
        _process.pipeline = _load(_process.recipe, _process.threads)
    return _process.pipeline


def _load(recipe: Recipe, threads: int) -> Pipeline:
    import cv2

    from daemon.ocr.pipeline import Pipeline

    cv2.setNumThreads(threads)
    if recipe.weights.backend == "torchscript":
        import torch

        torch.set_num_threads(threads)
    return Pipeline.load(recipe)
