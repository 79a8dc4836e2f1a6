"""Checks before the start: folders, permissions, limits, weights, free space.

`ocr-daemon check` prints the findings and writes nothing. `ocr-daemon run` creates missing folders,
tries to write in them, and refuses to start on a fatal finding.
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
from importlib.util import find_spec
from pathlib import Path

from daemon.config.backend import sibling
from daemon.config.sections import Metrics
from daemon.config.settings import Config
from daemon.config.validation import is_loopback
from daemon.core import fs, lexicon, private
from daemon.core.errors import Misconfigured
from daemon.core.ownership import INHERITED
from daemon.core.shipped import LEXICON, shipped_digest, shipped_model
from daemon.core.volumes import mount_of
from daemon.inbox.scan import WORK_FOLDER
from daemon.inbox.watch import delivers_events
from daemon.supervisor import state_folder, web_process

LOW_SPACE_BYTES = 500 * 1024**2
_FULL = (errno.ENOSPC, errno.EDQUOT)
STALE_PROBE_SECONDS = 60.0  # after which a probe file is left over from a start that was killed
INOTIFY_LIMITS = Path("/proc/sys/fs/inotify")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing an operator should know; a fatal one keeps the daemon from starting."""

    is_fatal: bool
    key: str
    value: object
    remedy: str


def prepare(config: Config) -> None:
    """Create missing folders and try them; Misconfigured for the first fatal finding.

    An OSError where a disk is full: no config is at fault, and the next start may succeed.
    """
    _refuse(_findings(config, may_write=True))


def findings(config: Config) -> Iterator[Finding]:
    """Return what `prepare` would find, as far as it can be found without writing anything."""
    yield from _findings(config, may_write=False)


def refuse_bad_weights(config: Config) -> None:
    """Raise Misconfigured when networks or lexicon are missing or altered."""
    _refuse((*_networks(config), *_lexicon(config)))


def refuse_bad_engine(config: Config) -> None:
    """Raise Misconfigured when a cluster is named that could not be joined from this machine."""
    _refuse(_engine(config))


def _refuse(found: Iterable[Finding]) -> None:
    for finding in found:
        if finding.is_fatal:
            raise Misconfigured(finding.key, finding.value, finding.remedy)


def _findings(config: Config, *, may_write: bool) -> Iterator[Finding]:
    folders = config.folders
    yield from _root(config)
    written = {"outbox": folders.outbox, "failed": folders.failed}
    written |= {"state": folders.state, "logs": folders.logs}
    if config.moves_files:
        written = {"inbox": folders.inbox} | written
    else:
        yield from _readable(folders.inbox)
    if config.originals == "archive":
        written |= {"archive": folders.archive}
    for name, folder in written.items():
        yield from _tried(name, folder) if may_write else _permitted(name, folder)
    yield from _state_open_to_others(config)
    if config.originals == "archive":
        yield from _other_filesystem(config, may_write=may_write)
    yield from _ownership_tried(config) if may_write else _ownership_permitted(config)
    if config.engine.kind == "dask":
        yield from _engine(config)
    yield from _networks(config)
    yield from _lexicon(config)
    yield from _watching(config)
    yield from _folders_with_inbox(config)
    for hook in config.all_hooks:
        for key, value, remedy in hook.missing_resources():
            yield Finding(True, f"hooks.{hook.name}.{key}", value, remedy)
    yield from _open_metrics(config.metrics)
    yield from _web(config)


def _folders_with_inbox(config: Config) -> Iterator[Finding]:
    """Warn of folders of a profile that begin with the inbox: they are paths inside it."""
    inbox = config.folders.inbox
    for number, profile in enumerate(config.profiles):
        for index, folder in enumerate(profile.folders):
            first, _, inside = folder.partition("/")
            if first == inbox.name and inside and not (inbox / first).exists():
                yield Finding(
                    False, f"profiles.{number}.folders.{index}", folder,
                    f"folders are paths inside the inbox, and {inbox / folder} is not there; "
                    f"did you mean {inside}?",
                )  # fmt: skip


def _open_metrics(metrics: Metrics) -> Iterator[Finding]:
    """Warn where other machines can reach the metrics, which have no password."""
    if metrics.enabled and not is_loopback(metrics.address):
        yield Finding(
            False, "metrics.address", metrics.address,
            f"everybody who can reach port {metrics.port} can read the metrics, and in /healthz "
            "the names of files in faults; restrict access by a firewall or a separate network",
        )  # fmt: skip


def _root(config: Config) -> Iterator[Finding]:
    if os.geteuid() == 0 and not config.allow_root:
        yield Finding(
            True, "allow_root", False,
            "the daemon does not run as root by default: a file that takes over a decoder would "
            "have root's rights; run it as a user who owns its folders, or set allow_root: true "
            "(OCR_DAEMON__ALLOW_ROOT=true)",
        )  # fmt: skip


# --- folders ------------------------------------------------------------------------------------


def _readable(inbox: Path) -> Iterator[Finding]:
    if not os.access(inbox, os.R_OK | os.X_OK):
        yield Finding(True, "folders.inbox", inbox, "cannot be listed; mount it, allow reading it")


def _tried(name: str, folder: Path) -> Iterator[Finding]:
    """Create a folder where it is missing, and try to write and rename in it."""
    try:
        # never the parents of an inbox: a share that is not mounted must not look like an empty one
        mode = private.FOLDER_MODE if name == "state" else 0o777
        folder.mkdir(mode, parents=name != "inbox", exist_ok=True)
        _write_and_rename(folder)
    except OSError as error:
        if error.errno in _FULL:
            raise OSError(error.errno, error.strerror, str(folder)) from error
        yield _not_writable(name, folder, error.strerror or str(error))
        return
    yield from _low_space(name, folder)


def _permitted(name: str, folder: Path) -> Iterator[Finding]:
    """Check the rights on a folder, or on the folder in which it would be created."""
    existing = next((each for each in (folder, *folder.parents) if os.path.lexists(each)), folder)
    if not existing.is_dir():
        yield _not_writable(name, folder, f"{existing} is not a folder")
    elif not os.access(existing, os.W_OK | os.X_OK):
        yield _not_writable(name, folder, f"no permission to write in {existing}")
    elif name == "inbox" and existing not in (folder, folder.parent):
        yield _not_writable(name, folder, f"{folder.parent} does not exist")
    else:
        yield from _low_space(name, existing)


def _state_open_to_others(config: Config) -> Iterator[Finding]:
    """Warn where others can read the state folder, and a start could not change that."""
    state, uid = config.folders.state, os.geteuid()
    if state_folder.holds_other_folders(config):
        remedy = (
            "is not made private, since another folder of the config lies in it; give the state a "
            "folder of its own: it holds the texts of the search index and images of pages"
        )
        yield Finding(False, "folders.state", state, remedy)
        return
    with contextlib.suppress(OSError):
        if uid not in (0, state.stat().st_uid) and state_folder.open_to_others(config):
            remedy = (
                f"others have rights on it, and uid {uid} does not own it and cannot take them "
                "away; let its owner run chmod -R go= on it, or give it to this uid"
            )
            yield Finding(False, "folders.state", state, remedy)


def _not_writable(name: str, folder: Path, reason: str) -> Finding:
    remedy = f"{reason}; give uid {os.geteuid()} a folder in which it can write and rename"
    return Finding(True, f"folders.{name}", folder, remedy)


def _low_space(name: str, folder: Path) -> Iterator[Finding]:
    free = shutil.disk_usage(folder).free
    if free < LOW_SPACE_BYTES:
        remedy = f"only {free // 1024**2} MiB are free; free some space"
        yield Finding(False, f"folders.{name}", folder, remedy)


def _write_and_rename(folder: Path) -> None:
    """Do once what the daemon does all day: write a file in a subfolder, rename it.

    The work folder is used where it exists, else a folder of this probe's own: a daemon that starts
    beside us may have just created the work folder, which must not be removed then.
    """
    _remove_stale_probes(folder)
    shared = folder / WORK_FOLDER
    own = folder / f".probe-{uuid.uuid4().hex}.tmp"
    try:
        _write_and_rename_once(shared, folder)
    except FileNotFoundError:  # there is none, or another daemon has just removed it as empty
        own.mkdir()
        try:
            _write_and_rename_once(own, folder)
        finally:
            own.rmdir()


def _write_and_rename_once(nested: Path, folder: Path) -> None:
    draft, final = (where / f".probe-{uuid.uuid4().hex}.tmp" for where in (nested, folder))
    try:
        fs.write_durable(draft, b"ocr-daemon check")
        fs.rename_no_clobber(draft, final)
    finally:
        draft.unlink(missing_ok=True)
        final.unlink(missing_ok=True)


def _remove_stale_probes(folder: Path) -> None:
    """Remove the probes of a start that was killed; never what another daemon has just made."""
    for where in (folder, folder / WORK_FOLDER):
        for probe in where.glob(".probe-*.tmp"):
            with contextlib.suppress(OSError):
                if time.time() - probe.stat().st_mtime > STALE_PROBE_SECONDS:
                    shutil.rmtree(probe) if probe.is_dir() else probe.unlink()


def _ownership_tried(config: Config) -> Iterator[Finding]:
    """Try owner and modes on a file and a folder of the outbox."""
    ownership = config.ownership
    if ownership == INHERITED:
        return
    probe = config.folders.outbox / f".probe-{uuid.uuid4().hex}.tmp"
    refusal: OSError | None = None
    try:
        probe.mkdir()
        ownership.apply_to_folder(probe)
        fs.write_durable(probe / "file", b"", ownership)
    except OSError as error:
        if probe.is_dir():  # else the outbox itself is at fault, which is a finding already
            refusal = error
    finally:
        shutil.rmtree(probe, ignore_errors=True)
    if refusal is not None:  # after the probe is removed: the caller may stop at this finding
        yield _not_permitted_to_give(config, refusal.strerror)


def _ownership_permitted(config: Config) -> Iterator[Finding]:
    """Check by the rules of chown(2) whether files can be given to the configured owner."""
    ownership = config.ownership
    groups = {-1, os.getegid(), *os.getgroups()}
    is_permitted = ownership.user in (-1, os.geteuid()) and ownership.group in groups
    if os.geteuid() != 0 and not is_permitted:
        yield _not_permitted_to_give(config, os.strerror(errno.EPERM))


def _not_permitted_to_give(config: Config, reason: str | None) -> Finding:
    wanted = config.permissions
    return Finding(
        True, "permissions", f"user {wanted.user}, group {wanted.group}",
        f"uid {os.geteuid()} cannot give files to this owner ({reason}): only root can give them "
        "to another user, and their owner to a group that the owner is in",
    )  # fmt: skip


def _other_filesystem(config: Config, *, may_write: bool) -> Iterator[Finding]:
    inbox, archive = config.folders.inbox, config.folders.archive
    if may_write:
        is_other = _is_rename_refused(inbox, archive)
    else:
        is_other = mount_of(inbox)[0] != mount_of(archive)[0]
    if is_other:
        yield Finding(
            False, "folders.archive", archive,
            "is on another filesystem (or mount) than the inbox: originals are copied instead of "
            "renamed; put both on one filesystem to save the copying",
        )  # fmt: skip


def _is_rename_refused(inbox: Path, archive: Path) -> bool:
    draft = inbox / f".probe-{uuid.uuid4().hex}.tmp"
    probe = archive / draft.name
    try:
        draft.touch()
        draft.rename(probe)
    except OSError as error:
        return error.errno == errno.EXDEV
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
            probe.unlink(missing_ok=True)
    return False


# --- networks, web, watching --------------------------------------------------------------------


def _networks(config: Config) -> Iterator[Finding]:
    yield from _recogniser(config)
    network = next((each.network for each in config.recipes if each.network), None)
    if network is not None:
        yield from _checksum("detector", network, config.detector.sha256)
    elif any(each.segmenter == "auto" for each in config.recipes):
        remedy = (
            "lines are found by their ink alone: text in pictures is neither read nor reported; "
            "name the network of the shipped config.yaml, or set segmenter: opencv to accept that"
        )
        yield Finding(False, "detector.file", None, remedy)


def _recogniser(config: Config) -> Iterator[Finding]:
    """Compare the chosen file of the recogniser; where only the other one is there, say so."""
    model, weights = config.model, config.weights
    if weights.backend == "torchscript" and find_spec("torch") is None:
        remedy = "torch is not installed; install the extra [torch], or use auto"
        yield Finding(True, "model.backend", model.backend, remedy)
        return
    suffix = weights.file.suffix.removeprefix(".")
    digest_key = f"sha256.{suffix}" if isinstance(model.sha256, dict) else "sha256"
    other, file = sibling(weights.file)
    alternative = ""
    if weights.file != model.file and file.exists():
        alternative = f", or set model.backend: {other}, which reads {file}"
    yield from _checksum("model", weights.file, weights.sha256, digest_key, alternative)


def _checksum(
    section: str,
    file: Path,
    sha256: str | None,
    digest_key: str = "sha256",
    alternative: str = "",
) -> Iterator[Finding]:
    """Compare the file of a network with the digest that it should have.

    `alternative` is what else an operator can do where the file is missing.
    """
    try:
        digest = fs.sha256_of(file)
    except OSError as error:
        remedy = f"{error.strerror}; name a file that exists and can be read{alternative}"
        yield Finding(True, f"{section}.file", file, remedy)
        return
    key = f"{section}.{digest_key}"
    if sha256 is None:
        yield Finding(False, key, None, f"is not checked; the file has {digest}")
    elif digest != sha256.lower():
        remedy = f"{file.name} has {digest}; restore the file or correct the digest"
        yield Finding(True, key, sha256, remedy)


def _lexicon(config: Config) -> Iterator[Finding]:
    try:
        if config.model.lexicon:
            lexicon.read(config.model.lexicon)
    except Misconfigured as error:
        yield Finding(True, error.key, error.value, error.remedy)
        return
    shipped = shipped_model(LEXICON)
    if config.model.lexicon == shipped and fs.sha256_of(shipped) != shipped_digest(LEXICON):
        remedy = "is not the list of this version; install ocr-daemon again"
        yield Finding(True, "model.lexicon", shipped, remedy)


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
    """Warn where one more watch on each folder of the inbox would exceed the kernel's limits."""
    folders = sum(1 for _ in os.walk(config.folders.inbox))
    wanted = {"max_user_watches": folders, "max_user_instances": 1}
    for name, number in wanted.items():
        with contextlib.suppress(OSError, ValueError):
            limit = int((INOTIFY_LIMITS / name).read_text())
            if number > limit // 2:
                yield Finding(
                    False, "watch.mode", config.watch.mode,
                    f"{number} of at most {limit} are needed (fs.inotify.{name}); raise it with "
                    "sysctl, or the daemon falls back to scanning",
                )  # fmt: skip


def _engine(config: Config) -> Iterator[Finding]:
    """Yield what a cluster needs and this machine does not have."""
    if find_spec("distributed") is None:
        remedy = "needs the extra [dask] (pip install 'ocr-daemon[dask]')"
        yield Finding(True, "engine.kind", "dask", remedy)
    for name, file in config.engine.tls_files.items():
        if file is not None and not os.access(file, os.R_OK):
            remedy = "cannot be read; name a PEM file that the daemon's user may read"
            yield Finding(True, f"engine.{name}", file, remedy)
