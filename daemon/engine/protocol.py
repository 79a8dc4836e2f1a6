"""What the supervisor needs of an engine: the place where tasks run.

There are two: the local pool (`local_pool.py`) and a Dask cluster (`dask_cluster/engine.py`).
Another one implements `Engine` in a file of its own and is chosen in `create_engine`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from daemon.core.memory import MemoryLimits
from daemon.core.options import Recipe
from daemon.core.tasks import Outcome, Task

SlotState = Literal["loading", "idle", "reading", "overdue", "dead"]


@dataclass(frozen=True, slots=True)
class WorkerSetup:
    """What a worker process is started with: its recipes, threads and accessible folders.

    The recipes share their weights and the detector network where one is used; each task names the
    recipe it is read by. `documents` are the folders and files that the worker may read, None for
    everything: it then runs without a sandbox. `scratch` is the folder for rendered outputs, None
    where no output is ever rendered. With `logs_refusals` the system calls that the sandbox
    refuses are logged.
    """

    recipes: tuple[Recipe, ...]
    threads: int
    documents: tuple[Path, ...] | None = None
    scratch: Path | None = None
    logs_refusals: bool = False

    @property
    def readable(self) -> tuple[Path, ...]:
        """Where the worker must read, besides the libraries."""
        weights = self.largest_recipe.weights
        networks = (weights.file, weights.lexicon, self.largest_recipe.network)
        paths = (*networks, self.scratch, *(self.documents or ()))
        return tuple(path for path in paths if path is not None)

    @property
    def writable(self) -> tuple[Path, ...]:
        """Where the worker may write."""
        return () if self.scratch is None else (self.scratch,)

    @property
    def largest_recipe(self) -> Recipe:
        """The recipe whose networks serve all the others: one with a detector network, if any."""
        return next((each for each in self.recipes if each.network), self.recipes[0])


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files for mutual TLS: certificate of the authority, own certificate and private key."""

    ca: Path
    cert: Path
    key: Path


@dataclass(frozen=True, slots=True)
class ClusterSetup:
    """A Dask cluster: the address of its scheduler, such as tls://scheduler:8786.

    `shared_files` tells whether workers see files under the paths that they have here, None if that
    has to be found out. Without `tls` nothing is encrypted, and no peer is
    authenticated.
    """

    scheduler: str
    shared_files: bool | None = None
    tls: TlsFiles | None = None


@dataclass(frozen=True, slots=True)
class EngineSetup:
    """What an engine is made of: engines with equal setups read alike.

    `tasks_per_worker` is how many tasks a worker does before it is recycled, 0 for no limit. With a
    `cluster` the workers are there, and have numbers and limits of their own.
    """

    worker: WorkerSetup
    workers: int
    tasks_per_worker: int
    memory_limits: MemoryLimits
    cluster: ClusterSetup | None = None


class Engine(Protocol):
    """A bounded pool: a task is accepted only while a slot is free."""

    @property
    def slots(self) -> int:
        """How many tasks run at once."""

    @property
    def free(self) -> int:
        """How many slots wait for a task."""

    @property
    def protections(self) -> str:
        """What protects the daemon from its workers, known once they are warm."""

    def start(self) -> None:
        """Begin to start the workers and to load their models; returns at once."""

    def warm(self) -> None:
        """Wait until every worker has loaded its models; Misconfigured where that fails."""

    def submit(self, task: Task) -> None:
        """Give a task to a free slot."""

    def finished(self) -> list[Outcome]:
        """Return what has finished since the last call; never blocks."""

    def states(self, now: float) -> Sequence[tuple[SlotState, float]]:
        """Return what each slot does, and for how many seconds; called from any thread."""

    def close(self) -> None:
        """End the workers, whatever they do."""
