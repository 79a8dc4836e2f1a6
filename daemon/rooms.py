"""From a Config to the rooms of a daemon: each gets values, and none the Config."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

from daemon import files
from daemon.bell import Bell
from daemon.claims import Claims
from daemon.config import Config
from daemon.engine.local import LocalEngine
from daemon.engine.memory import Allowance
from daemon.engine.worker import Start
from daemon.ground import Grounds
from daemon.inbox.completeness import missing_end
from daemon.inbox.intake import Intake
from daemon.inbox.scan import Scanner
from daemon.inbox.settle import Settle
from daemon.inbox.watch import Watch
from daemon.policy import Policy
from daemon.retention import Cupboard


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
    )


def scanner(config: Config) -> Scanner:
    """Return the eyes on the inbox: its own and our folders inside it are left out."""
    folders = config.folders
    return Scanner(folders.inbox, config.watch.ignore, (folders.archive, folders.failed))


def intake(config: Config, claims: Claims, ground: Grounds, moved: Callable[[], None]) -> Intake:
    """Return what says which files may be claimed; `moved` is called when something moves."""
    watch, inbox = config.watch, config.folders.inbox
    settle = Settle(
        inbox, watch.quiet_seconds, watch.incomplete_seconds, missing_end,
        must_move=config.claim == "rename",
    )  # fmt: skip
    return Intake(
        scanner(config), settle, Watch(inbox, watch.mode, moved), watch.rescan_seconds,
        watch.poll_seconds, claims.unread, ground.hindrance,
    )  # fmt: skip


def grounds(config: Config) -> Grounds:
    """Return the folders that must be there, writable and roomy."""
    folders = config.folders
    written = [folders.outbox, folders.state, folders.failed]
    written += [folders.inbox] if config.claim == "rename" else []
    written += [folders.archive] if config.originals == "archive" else []
    return Grounds(folders.inbox, written, folders.logs, config.free_megabytes * 1_000_000)


def cupboards(config: Config) -> list[Cupboard]:
    """Return the folders whose originals are kept for a while only; none where all is kept."""
    folders = {"archive": config.folders.archive, "failed": config.folders.failed}
    if config.retention.keeps_all:
        return []
    names: tuple[Literal["archive", "failed"], ...] = ("archive", "failed")
    return [
        Cupboard(which, folders[which], lambda _: config.retention, set(folders.values()))
        for which in names
        if folders[which].is_dir()
    ]


Hiring = tuple[Start, int, int, Allowance]


def hiring(config: Config, documents: Iterable[Path]) -> Hiring:
    """Return all that an engine is made of: where it is equal, so are the workers."""
    readable = tuple(documents) if config.sandbox == "auto" else None
    start = Start(config.recipe, config.threads, readable)
    return start, config.worker_count, config.tasks_per_worker, config.allowance


def engine(config: Config, bell: Bell, documents: Iterable[Path]) -> LocalEngine:
    """Return the pool of workers, which read `documents`; they are started by their first task."""
    return LocalEngine(*hiring(config, documents), bell.ring)
