"""From a Config to the rooms of a daemon: each gets values, and none the Config."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from daemon import files
from daemon.bell import Bell
from daemon.config import Config
from daemon.engine.local import LocalEngine
from daemon.engine.worker import Start
from daemon.ground import Grounds
from daemon.inbox.scan import Scanner
from daemon.outbox.outputs import MADE
from daemon.policy import Policy
from daemon.scratch import Scratch

SCRATCH_NAME = "making"


def policy(config: Config) -> Policy:
    """Return what of the config decides over one document."""
    recipe, lexicon = config.recipe, config.model.lexicon
    return Policy(
        recipe=recipe,
        model=config.model.file.stem,
        model_sha256=files.sha256_of(config.model.file),
        lexicon_sha256=files.sha256_of(lexicon) if lexicon else None,
        detector_sha256=files.sha256_of(recipe.network) if recipe.network else None,
        attempts=config.retry.attempts,
        task_pages=config.task_pages,
        point_to_duplicates=config.duplicates == "pointer",
        outputs=config.outputs,
    )


def scanner(config: Config) -> Scanner:
    """Return the eyes on the inbox: its own and our folders inside it are left out."""
    folders = config.folders
    return Scanner(folders.inbox, config.watch.ignore, (folders.archive, folders.failed))


def grounds(config: Config) -> Grounds:
    """Return the folders that must be there, writable and roomy."""
    folders = config.folders
    written = [folders.outbox, folders.state, folders.failed]
    written += [folders.inbox] if config.claim == "rename" else []
    written += [folders.archive] if config.originals == "archive" else []
    return Grounds(folders.inbox, written, folders.logs, config.free_megabytes * 1_000_000)


def scratch(config: Config) -> Scratch | None:
    """Return where workers write what they make, on the state's disk; None where they need not."""
    if not set(config.outputs) & set(MADE):
        return None
    return Scratch(config.folders.state / SCRATCH_NAME)


def engine(
    config: Config, bell: Bell, documents: Iterable[Path], scratch: Scratch | None = None
) -> LocalEngine:
    """Return the pool of workers, which read `documents`; they are started by their first task.

    They may write in `scratch`, and nowhere without it.
    """
    readable = tuple(documents) if config.sandbox == "auto" else None
    return LocalEngine(
        Start(config.recipe, config.threads, readable, scratch.folder if scratch else None),
        config.worker_count,
        config.tasks_per_worker,
        config.allowance,
        bell.ring,
    )
