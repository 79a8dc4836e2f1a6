"""What the daemon finds around it before it starts: folders, permissions, limits, weights, space.

`ocr-daemon check` prints these findings; `ocr-daemon run` refuses to start on a fatal one.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from daemon.config.sections import Metrics
from daemon.config.settings import Config
from daemon.config.validation import is_loopback
from daemon.core import fs, lexicon
from daemon.core.errors import Misconfigured
from daemon.core.ownership import INHERITED
from daemon.core.volumes import mount_of
from daemon.inbox.scan import WORK_FOLDER
from daemon.inbox.watch import delivers_events
from daemon.supervisor import web_process

LOW_SPACE_BYTES = 500 * 1024**2
PROBE_SECONDS = 60.0  # after which a probe of ours belongs to a start that did not end
INOTIFY_LIMITS = Path("/proc/sys/fs/inotify")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing worth knowing: a fatal one keeps the daemon from starting."""

    is_fatal: bool
    key: str
    value: object
    remedy: str


def refuse_fatal(config: Config) -> None:
    """Raise Misconfigured for the first fatal finding; to run as root is one, unless told to."""
    _refuse((*_root(config, is_fatal=True), *findings(config)))


def refuse_bad_weights(config: Config) -> None:
    """Raise Misconfigured when networks or lexicon are missing or not what they should be."""
    _refuse((*_networks(config), *_lexicon(config)))


def _refuse(found: Iterable[Finding]) -> None:
    for finding in found:
        if finding.is_fatal:
            raise Misconfigured(finding.key, finding.value, finding.remedy)


def findings(config: Config) -> Iterator[Finding]:
    """Look at everything; makes the folders that are missing, leaves nothing else behind."""
    folders = config.folders
    yield from _root(config, is_fatal=False)
    if config.claim == "ledger":
        yield from _readable(folders.inbox)
    else:
        yield from _usable("inbox", folders.inbox)
    yield from _usable("outbox", folders.outbox)
    yield from _usable("failed", folders.failed)
    yield from _usable("state", folders.state)
    yield from _usable("logs", folders.logs)
    if config.originals == "archive":
        yield from _usable("archive", folders.archive)
        yield from _other_filesystem(config)
    yield from _ownable(config)
    yield from _networks(config)
    yield from _lexicon(config)
    yield from _watching(config)
    for hook in config.all_hooks:
        for key, value, remedy in hook.missing_resources():
            yield Finding(True, f"hooks.{hook.name}.{key}", value, remedy)
    yield from _overheard(config.metrics)
    yield from _web(config)


def _overheard(metrics: Metrics) -> Iterator[Finding]:
    """Say so where other machines may ask how the daemon is: there is no password."""
    if metrics.enabled and not is_loopback(metrics.address):
        yield Finding(
            False, "metrics.address", metrics.address,
            f"whoever reaches port {metrics.port} may read how the daemon is, and the names of "
            "files that hold it up; let a firewall or a network of its own decide who does",
        )  # fmt: skip


def _root(config: Config, *, is_fatal: bool) -> Iterator[Finding]:
    if os.geteuid() == 0 and not config.allow_root:
        yield Finding(
            is_fatal, "allow_root", False,
            "as root the daemon does not run unless told to: a file that takes over a decoder "
            "would be root too; run it as a user who owns its folders, or set allow_root: true",
        )  # fmt: skip


def _readable(inbox: Path) -> Iterator[Finding]:
    if not os.access(inbox, os.R_OK | os.X_OK):
        yield Finding(True, "folders.inbox", inbox, "cannot be listed; mount it, allow reading it")


def _usable(name: str, folder: Path) -> Iterator[Finding]:
    key = f"folders.{name}"
    try:
        # never the parents of an inbox: a share that is not mounted must not look like an empty one
        folder.mkdir(parents=name != "inbox", exist_ok=True)
        _write_and_rename(folder)
    except OSError as error:
        why = error.strerror or str(error)
        yield Finding(
            True, key, folder, f"{why}; give uid {os.geteuid()} a folder it can write and rename in"
        )
        return
    free = shutil.disk_usage(folder).free
    if free < LOW_SPACE_BYTES:
        yield Finding(False, key, folder, f"only {free // 1024**2} MiB are free; make room")


def _write_and_rename(folder: Path) -> None:
    """Do once what the daemon does all day: a file in a subfolder, renamed within the folder."""
    nested = folder / WORK_FOLDER
    was_there = nested.is_dir()
    nested.mkdir(exist_ok=True)
    _sweep_probes(folder)
    draft, final = (where / f".probe-{uuid.uuid4().hex}.tmp" for where in (nested, folder))
    try:
        fs.write_durable(draft, b"ocr-daemon check")
        fs.rename_no_clobber(draft, final)
    finally:
        draft.unlink(missing_ok=True)
        final.unlink(missing_ok=True)
        if not was_there:
            with contextlib.suppress(OSError):
                nested.rmdir()


def _ownable(config: Config) -> Iterator[Finding]:
    """Try owner and modes on a file and a folder of the outbox."""
    said, ownership = config.permissions, config.ownership
    if ownership == INHERITED:
        return
    probe = config.folders.outbox / f".probe-{uuid.uuid4().hex}.tmp"
    try:
        probe.mkdir()
        ownership.apply_to_folder(probe)
        fs.write_durable(probe / "file", b"", ownership)
    except OSError as error:
        if probe.is_dir():  # else the outbox itself is at fault, which is said already
            yield Finding(
                True, "permissions", f"user {said.user}, group {said.group}",
                f"uid {os.geteuid()} cannot give files away like this ({error.strerror}): only "
                "root can to another user, and its owner to a group that the owner is in",
            )  # fmt: skip
    finally:
        shutil.rmtree(probe, ignore_errors=True)


def _sweep_probes(folder: Path) -> None:
    """Remove what a start that was killed has left; never what another daemon has just made."""
    for where in (folder, folder / WORK_FOLDER):
        for probe in where.glob(".probe-*.tmp"):
            with contextlib.suppress(OSError):
                if time.time() - probe.stat().st_mtime > PROBE_SECONDS:
                    shutil.rmtree(probe) if probe.is_dir() else probe.unlink()


def _other_filesystem(config: Config) -> Iterator[Finding]:
    inbox, archive = config.folders.inbox, config.folders.archive
    draft = inbox / f".probe-{uuid.uuid4().hex}.tmp"
    probe = archive / draft.name
    try:
        draft.touch()
        draft.rename(probe)
    except OSError as error:
        if error.errno == errno.EXDEV:
            yield Finding(
                False, "folders.archive", archive,
                "lies on another filesystem (or mount) than the inbox: originals are copied "
                "instead of renamed; put both on one to save the copying",
            )  # fmt: skip
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
            probe.unlink(missing_ok=True)


def _networks(config: Config) -> Iterator[Finding]:
    yield from _pinned("model", config.model.file, config.model.sha256)
    network = next((each.network for each in config.recipes if each.network), None)
    if network is not None:
        yield from _pinned("detector", network, config.detector.sha256)


def _pinned(section: str, file: Path, sha256: str | None) -> Iterator[Finding]:
    """Say what is wrong with a network's file and the digest that it should have."""
    try:
        digest = fs.sha256_of(file)
    except OSError as error:
        remedy = f"{error.strerror}; name a file that exists and can be read"
        yield Finding(True, f"{section}.file", file, remedy)
        return
    if sha256 is None:
        yield Finding(False, f"{section}.sha256", None, f"is not checked; the file has {digest}")
    elif digest != sha256.lower():
        remedy = f"{file.name} has {digest}; restore the file or correct the digest"
        yield Finding(True, f"{section}.sha256", sha256, remedy)


def _lexicon(config: Config) -> Iterator[Finding]:
    try:
        if config.model.lexicon:
            lexicon.read(config.model.lexicon)
    except Misconfigured as error:
        yield Finding(True, error.key, error.value, error.remedy)


def _web(config: Config) -> Iterator[Finding]:
    try:
        if config.web.enabled:
            web_process.refuse_missing()
    except Misconfigured as error:
        yield Finding(True, error.key, error.value, error.remedy)


def _watching(config: Config) -> Iterator[Finding]:
    watch, inbox = config.watch, config.folders.inbox
    if watch.mode == "scan":
        return
    if not delivers_events(inbox):
        found_by = {
            "auto": f"it is scanned every {watch.poll_seconds:g} s",
            "events": f"files are found by the rescan every {watch.rescan_seconds:g} s; use auto",
        }
        yield Finding(
            False, "watch.mode", watch.mode,
            f"the inbox is on {mount_of(inbox)[1] or 'an unknown filesystem'}, which sends no "
            f"events for what other machines write; {found_by[watch.mode]}",
        )  # fmt: skip
    if watch.mode == "events" or delivers_events(inbox):
        yield from _inotify(config)


def _inotify(config: Config) -> Iterator[Finding]:
    """Say so where one more watch on each folder of the inbox would pass the kernel's limits."""
    folders = sum(1 for _ in os.walk(config.folders.inbox))
    wanted = {"max_user_watches": folders, "max_user_instances": 1}
    for name, number in wanted.items():
        with contextlib.suppress(OSError, ValueError):
            limit = int((INOTIFY_LIMITS / name).read_text())
            if number > limit // 2:
                yield Finding(
                    False, "watch.mode", config.watch.mode,
                    f"{number} of at most {limit} are wanted (fs.inotify.{name}); raise it with "
                    "sysctl, or the daemon falls back to scanning",
                )  # fmt: skip
