"""From a Config to the rooms of a daemon: each gets values, and none the Config."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from daemon.config.sections import DEFAULT_PROFILE, Retention
from daemon.config.settings import Config
from daemon.core import fs
from daemon.core.counters import Counters
from daemon.core.folder_rules import UPLOADED, ByFolder
from daemon.core.memory import MemoryLimits
from daemon.core.scratch import Scratch
from daemon.core.volumes import VolumeMonitor
from daemon.core.wakeup import WakeupPipe
from daemon.engine.local_pool import LocalEngine
from daemon.engine.worker import WorkerSetup
from daemon.inbox.claims.by_ledger import LedgerClaims
from daemon.inbox.claims.by_rename import RenameClaims
from daemon.inbox.claims.protocol import Claims
from daemon.inbox.completeness import missing_end
from daemon.inbox.intake import Intake
from daemon.inbox.scan import Scanner
from daemon.inbox.stability import StabilityTracker
from daemon.inbox.watch import InboxWatcher
from daemon.ledger.ledger import Ledger
from daemon.monitoring.health import Health
from daemon.outbox.hooks.dispatcher import HookDispatcher
from daemon.supervisor.ledger_recovery import ledger_path
from daemon.supervisor.outputs import MADE
from daemon.supervisor.policy import Policies, Policy

if TYPE_CHECKING:
    from daemon.inbox.retention import FolderName, RetentionFolder, RetentionSweeper

SCRATCH_NAME = "making"
T = TypeVar("T")


def by_folder(
    config: Config,
    value: Callable[[Config, str], T],
    before: Iterable[tuple[Sequence[str], T]] = (),
) -> ByFolder[T]:
    """Return for each folder what `value` makes of the config as it is there, and the profile.

    What `before` says of some folders goes before all profiles.
    """
    rules = [
        (profile.folders, value(config.under(number), profile.name))
        for number, profile in enumerate(config.profiles)
    ]
    return ByFolder(value(config, DEFAULT_PROFILE), [*before, *rules])


def policies(config: Config) -> Policies:
    """Return what of the config decides over each document."""
    digest = cache(fs.sha256_of)  # the files of networks are the same for all
    return by_folder(config, lambda under, name: policy(under, name, digest))


def policy(config: Config, profile: str, digest: Callable[[Path], str] = fs.sha256_of) -> Policy:
    """Return what of the config, as it is under a profile, decides over one document."""
    recipe, lexicon = replace(config.recipe, name=profile), config.model.lexicon
    return Policy(
        recipe=recipe,
        model=config.model.file.stem,
        model_sha256=digest(config.model.file),
        lexicon_sha256=digest(lexicon) if lexicon else None,
        detector_sha256=digest(recipe.network) if recipe.network else None,
        attempts=config.retry.attempts,
        pages_per_task=config.pages_per_task,
        point_to_duplicates=config.duplicates == "reference",
        hooks=config.hooks,
        outputs=config.outputs,
    )


def priorities(config: Config) -> ByFolder[int]:
    """Return how soon the files of each folder are taken."""
    return by_folder(config, lambda under, _: under.priority)


def retentions(config: Config) -> ByFolder[Retention]:
    """Return how long the originals of each folder are kept."""
    return by_folder(config, lambda under, _: under.retention)


def quiet_seconds(config: Config) -> ByFolder[float]:
    """Return how long a file of each folder must be still; an upload is whole when it appears."""
    uploads = [((UPLOADED,), 0.0)] if config.web.enabled else []
    return by_folder(config, lambda under, _: under.watch.quiet_seconds, uploads)


def settle(config: Config) -> StabilityTracker:
    """Return what says which files are still and whole."""
    return StabilityTracker(
        config.folders.inbox,
        quiet_seconds(config),
        config.watch.incomplete_seconds,
        missing_end,
        must_move=config.claim == "rename",
    )


def claims(config: Config, ledger: Ledger, policies: Policies) -> Claims:
    """Return how files are possessed; `ledger` knows which daemon this is."""
    folders, ownership = config.folders, config.ownership
    if config.claim == "ledger":
        return LedgerClaims(
            folders.inbox, folders.failed, ledger.stamps(), ownership,
            lambda claim: ledger.touched(claim, policies.of(claim.name).profile),
        )  # fmt: skip
    instance = ledger.fact("instance", uuid.uuid4().hex)
    archive = folders.archive if config.originals == "archive" else None
    lease = config.lease_seconds
    return RenameClaims(folders.inbox, instance, archive, folders.failed, lease, ownership)


def intake(
    config: Config,
    claims: Claims,
    volumes: VolumeMonitor,
    moved: Callable[[], None],
    counters: Counters,
) -> Intake:
    """Return what says which files may be claimed; `moved` is called when something moves."""
    watch = config.watch
    return Intake(
        scanner(config),
        settle(config),
        InboxWatcher(config.folders.inbox, watch.mode, moved),
        watch.rescan_seconds,
        watch.poll_seconds,
        claims.unread,
        volumes.hindrance,
        priorities(config),
        counters,
    )


def scanner(config: Config) -> Scanner:
    """Return the eyes on the inbox: its own and our folders inside it are left out."""
    folders = config.folders
    return Scanner(folders.inbox, config.watch.ignore, (folders.archive, folders.failed))


def volumes(config: Config) -> VolumeMonitor:
    """Return the folders that must be there, writable and roomy."""
    folders = config.folders
    written = [folders.outbox, folders.state, folders.failed]
    written += [folders.inbox] if config.claim == "rename" else []
    written += [folders.archive] if config.originals == "archive" else []
    return VolumeMonitor(folders.inbox, written, folders.logs, config.free_bytes)


def hook_dispatcher(config: Config) -> HookDispatcher:
    """Return what tells hooks of answers, not started."""
    return HookDispatcher(config.every_hook, ledger_path(config), config.folders.outbox)


def scratch(config: Config) -> Scratch | None:
    """Return where workers write what they make, on the state's disk; None where they need not."""
    if not any(set(place.outputs) & set(MADE) for place in config.places):
        return None
    return Scratch(config.folders.state / SCRATCH_NAME)


def retention_folders(config: Config) -> list[RetentionFolder]:
    """Return the folders whose originals are kept for a while only; none where all is kept."""
    kept = retentions(config)
    if all(retention.keeps_all for retention in kept.values):
        return []
    from daemon.inbox.retention import (
        RetentionFolder,  # half a megabyte, where something is ever removed
    )

    folders: dict[FolderName, Path]
    folders = {"archive": config.folders.archive, "failed": config.folders.failed}
    return [
        RetentionFolder(which, folder, kept.of, set(folders.values()))
        for which, folder in folders.items()
        if folder.is_dir()
    ]


def retention_sweeper(config: Config) -> RetentionSweeper | None:
    """Begin to remove originals; None where the config keeps all."""
    folders = retention_folders(config)
    if not folders:
        return None
    from daemon.inbox.retention import RetentionSweeper

    return RetentionSweeper(folders, ledger_path(config))


PoolSetup = tuple[WorkerSetup, int, int, MemoryLimits]


def pool_setup(
    config: Config, documents: Iterable[Path], scratch: Scratch | None = None
) -> PoolSetup:
    """Return all that an engine is made of: where it is equal, so are the workers."""
    readable = tuple(documents) if config.sandbox == "auto" else None
    writable = scratch.folder if scratch else None
    start = WorkerSetup(config.recipes, config.threads, readable, writable)
    return start, config.worker_count, config.tasks_per_worker, config.memory_limits


def readers(config: Config) -> PoolSetup:
    """Return all that the engine of a running daemon is made of."""
    return pool_setup(config, [config.folders.inbox], scratch(config))


def engine(hired: PoolSetup, wakeup: WakeupPipe, counters: Counters | None = None) -> LocalEngine:
    """Return the pool of workers; they are started by their first task."""
    return LocalEngine(*hired, wakeup.notify, counters or Counters())


@contextlib.contextmanager
def monitoring_server(config: Config, health: Health, counters: Counters) -> Iterator[None]:
    """Say over HTTP how the daemon is until the block ends, where the config has it enabled."""
    if not config.metrics.enabled:
        yield
        return
    from daemon.monitoring.http_server import (
        MonitoringServer,  # what it needs is not loaded where it is off
    )
    from daemon.monitoring.metrics import Exposition, Facts

    facts = Facts(
        model=config.model.file.stem,
        model_sha256=fs.sha256_of(config.model.file),
        backend=config.model.backend,
        precision=config.model.precision,
        segmenter=config.segmenter,
        folders={path: name for name, path in config.folders},
        ledger_file=ledger_path(config),
    )
    exposition = Exposition(counters, health, facts)
    with contextlib.closing(
        MonitoringServer(config.metrics.address, config.metrics.port, health, exposition)
    ):
        yield
