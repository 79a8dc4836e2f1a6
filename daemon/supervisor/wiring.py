"""Builds the parts of a daemon from a Config: each part gets values, and none the Config."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from daemon.config.sections import DEFAULT_PROFILE, Retention
from daemon.config.settings import Config
from daemon.core import fs
from daemon.core.clock import CautiousClock
from daemon.core.counters import Counters
from daemon.core.folder_rules import FolderRules
from daemon.core.scratch import Scratch
from daemon.core.volumes import VolumeMonitor
from daemon.engine.protocol import ClusterSetup, EngineSetup, TlsFiles, WorkerSetup
from daemon.inbox.archive import reason_of
from daemon.inbox.claims.modes import CLAIM_MODES
from daemon.inbox.claims.protocol import Claims, ClaimSettings
from daemon.inbox.completeness import missing_end
from daemon.inbox.intake import Intake
from daemon.inbox.originals import Originals
from daemon.inbox.scan import Scanner
from daemon.inbox.stability import StabilityTracker
from daemon.inbox.uploads import UploadRecords
from daemon.inbox.watch import InboxWatcher
from daemon.ledger.ledger import Ledger
from daemon.monitoring.health import Health
from daemon.outbox.hooks.dispatcher import HookDispatcher
from daemon.supervisor.outputs import RENDERED
from daemon.supervisor.policy import Policies, Policy

if TYPE_CHECKING:
    from daemon.inbox.failed import FailedFile
    from daemon.inbox.retention import FolderName, RetentionFolder, RetentionSweeper

SCRATCH_NAME = "rendering"
COPIES_NAME = "rereading"
T = TypeVar("T")


# --- values by folder ---------------------------------------------------------------------------


def by_folder(config: Config, value: Callable[[Config, str], T]) -> FolderRules[T]:
    """Return what `value` makes of the config of each folder, and of the name of its profile."""
    rules = [
        (profile.folders, value(config.with_profile(number), profile.name))
        for number, profile in enumerate(config.profiles)
    ]
    return FolderRules(value(config, DEFAULT_PROFILE), rules)


def policies(config: Config) -> Policies:
    """Return the policy of each folder."""
    digest = cache(fs.sha256_of)  # the files of networks are the same for all
    return by_folder(config, lambda under, name: policy(under, name, digest))


def policy(config: Config, profile: str, digest: Callable[[Path], str] = fs.sha256_of) -> Policy:
    """Return the policy of one profile; `config` is the config under it."""
    recipe, lexicon = replace(config.recipe, name=profile), config.model.lexicon
    return Policy(
        recipe=recipe,
        model=recipe.weights.file.stem,
        model_sha256=digest(recipe.weights.file),
        lexicon_sha256=digest(lexicon) if lexicon else None,
        detector_sha256=digest(recipe.network) if recipe.network else None,
        attempts=config.retry.attempts,
        pages_per_task=config.pages_per_task,
        refers_to_duplicates=config.duplicates == "reference",
        hooks=config.hooks,
        outputs=config.outputs,
        naming=config.naming,
        drops_blank=config.blank_pages == "drop",
        separation=config.separation,
    )


def priorities(config: Config) -> FolderRules[int]:
    """Return the priority of the files in each folder."""
    return by_folder(config, lambda under, _: under.priority)


def retentions(config: Config) -> FolderRules[Retention]:
    """Return how long the originals of each folder are kept."""
    return by_folder(config, lambda under, _: under.retention)


def quiet_seconds(config: Config) -> FolderRules[float]:
    """Return how long a file of each folder must be unchanged."""
    return by_folder(config, lambda under, _: under.watch.quiet_seconds)


# --- inbox --------------------------------------------------------------------------------------


def claims(config: Config, ledger: Ledger, policies: Policies) -> Claims:
    """Return the claims of the daemon that owns `ledger`."""
    folders = config.folders
    settings = ClaimSettings(
        inbox=folders.inbox,
        archive=folders.archive if config.originals == "archive" else None,
        failed=folders.failed,
        lease_seconds=config.lease_seconds,
        ownership=config.ownership,
        is_answered=lambda claim: ledger.update_stamp(claim, policies.of(claim.name).profile),
    )
    return CLAIM_MODES[config.claim].open(settings, ledger)


def intake(
    config: Config,
    claims: Claims,
    volumes: VolumeMonitor,
    notify: Callable[[], None],
    counters: Counters,
) -> Intake:
    """Return the intake; `notify` is called when something changes in the inbox."""
    watch, records = config.watch, uploads(config)
    return Intake(
        scanner(config),
        stability_tracker(config, records),
        InboxWatcher(config.folders.inbox, watch.mode, notify),
        watch.rescan_seconds,
        watch.poll_seconds,
        claims.unread,
        volumes.problem,
        priorities(config),
        counters,
        records,
    )


def uploads(config: Config) -> UploadRecords | None:
    """Return the records of the files that a web process puts into the inbox, if one may."""
    return UploadRecords(config.folders.inbox) if config.moves_files else None


def stability_tracker(config: Config, uploads: UploadRecords | None = None) -> StabilityTracker:
    """Return the tracker that tells which files are unchanged and complete: uploads at once."""
    return StabilityTracker(
        config.folders.inbox,
        quiet_seconds(config),
        config.watch.incomplete_seconds,
        missing_end,
        must_move=config.moves_files,
        appears_complete=lambda name, stamp: bool(uploads and uploads.of(name, stamp)),
    )


def scanner(config: Config) -> Scanner:
    """Return the scanner of the inbox, which leaves out our folders inside it."""
    folders = config.folders
    return Scanner(folders.inbox, config.watch.ignore, (folders.archive, folders.failed))


def volumes(config: Config) -> VolumeMonitor:
    """Return the monitor of the folders that must be there, writable and not full."""
    folders = config.folders
    written = [folders.outbox, folders.state, folders.failed]
    written += [folders.inbox] if config.moves_files else []
    written += [folders.archive] if config.originals == "archive" else []
    return VolumeMonitor(folders.inbox, written, folders.logs, config.min_free_bytes)


def retention_folders(config: Config) -> list[RetentionFolder]:
    """Return the folders whose originals are kept for a limited time; none without a limit."""
    limits = retentions(config)
    if all(retention.keeps_everything for retention in limits.values):
        return []
    from daemon.inbox.retention import RetentionFolder  # half a megabyte, only where it is used

    folders: dict[FolderName, Path]
    folders = {"archive": config.folders.archive, "failed": config.folders.failed}
    return [
        RetentionFolder(which, folder, limits.of, set(folders.values()))
        for which, folder in folders.items()
        if folder.is_dir()
    ]


def retention_sweeper(config: Config, clock: CautiousClock) -> RetentionSweeper | None:
    """Start to remove originals; None where the config keeps all."""
    folders = retention_folders(config)
    if not folders:
        return None
    from daemon.inbox.retention import RetentionSweeper

    return RetentionSweeper(folders, config.ledger_file, clock)


def failed_files(config: Config) -> Iterator[FailedFile]:
    """Return the files that could not be read, where they are kept now."""
    from daemon.inbox import failed  # for commands only

    folders = config.folders
    if config.moves_files:
        yield from failed.failed_files(folders.failed, {folders.archive})
    elif config.ledger_file.exists():
        with contextlib.closing(Ledger(config.ledger_file, read_only=True)) as ledger:
            entries = ledger.failed_in_place()
        for entry in entries:
            reason = reason_of(fs.unobstructed(folders.failed, entry.name))
            if os.path.lexists(folders.inbox / entry.name):
                yield failed.failed_file(folders.inbox, entry.name, reason)


# --- engine -------------------------------------------------------------------------------------


def engine_setup(config: Config) -> EngineSetup:
    """Return the setup of the engine of a running daemon."""
    documents = [config.folders.inbox, copies(config).folder]
    return engine_setup_for(config, documents, scratch(config))


def engine_setup_for(
    config: Config, documents: Iterable[Path], scratch: Scratch | None = None
) -> EngineSetup:
    """Return the setup of an engine that reads `documents` (files and folders)."""
    readable = tuple(documents) if config.sandbox == "auto" else None
    writable = scratch.folder if scratch else None
    is_debugged = config.logging.level == "DEBUG"
    worker = WorkerSetup(config.recipes, config.threads, readable, writable, is_debugged)
    limits = config.memory_limits
    cluster = cluster_setup(config) if config.engine.kind == "dask" else None
    return EngineSetup(worker, config.worker_count, config.tasks_per_worker, limits, cluster)


def cluster_setup(config: Config) -> ClusterSetup:
    """Return the Dask cluster of a config that names its scheduler."""
    engine = config.engine
    assert engine.scheduler is not None, "validated"
    ca, cert, key = engine.tls_files.values()
    files = TlsFiles(ca, cert, key) if ca and cert and key else None
    shared = None if engine.shared_files == "auto" else engine.shared_files
    return ClusterSetup(engine.scheduler, shared, files)


def copies(config: Config) -> Scratch:
    """Return where the originals of documents that are read again are copied to."""
    return Scratch(config.folders.state / COPIES_NAME)


def originals(config: Config) -> Originals:
    """Return where the originals of answered documents are found."""
    folders = config.folders
    return Originals([folders.archive, folders.failed, folders.inbox])


def scratch(config: Config) -> Scratch | None:
    """Return where workers render outputs, on the disk of the state folder; None if they do not.

    A client of the web process may ask for any output.
    """
    if not config.web.enabled and not any(
        set(each.outputs) & set(RENDERED) for each in config.variants
    ):
        return None
    return Scratch(config.folders.state / SCRATCH_NAME)


# --- beside the main loop -----------------------------------------------------------------------


def hook_dispatcher(config: Config) -> HookDispatcher:
    """Return the dispatcher that notifies hooks of results, not started."""
    return HookDispatcher(config.all_hooks, config.ledger_file, config.folders.outbox)


@contextlib.contextmanager
def monitoring_server(config: Config, health: Health, counters: Counters) -> Iterator[None]:
    """Serve metrics and health over HTTP until the block ends, where the config enables it."""
    if not config.metrics.enabled:
        yield
        return
    from daemon.monitoring.http_server import MonitoringServer  # loaded only where it is enabled
    from daemon.monitoring.metrics import Exposition, Facts

    weights = config.weights
    facts = Facts(
        model=weights.file.stem,
        model_sha256=fs.sha256_of(weights.file),
        backend=weights.backend,
        precision=weights.precision,
        segmenter=config.segmenter,
        folders={path: name for name, path in config.folders},
        ledger_file=config.ledger_file,
    )
    exposition = Exposition(counters, health, facts)
    with contextlib.closing(
        MonitoringServer(
            config.metrics.address, config.metrics.port, health, exposition, config.metrics.hosts
        )
    ):
        yield
