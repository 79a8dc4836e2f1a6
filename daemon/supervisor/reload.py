"""Reload of the config: what changes at once, after documents in progress, or at a restart.

A key in `AT_RESTART` keeps its running value. A key in `IMMEDIATE` changes at once. Any other key
is changed by a new daemon in the same process, once documents in progress have been read.
See docs/decisions/0022-reload-in-place.md.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, fields, is_dataclass, replace
from itertools import chain
from typing import Any

import structlog
from pydantic import BaseModel

from daemon.config import validation
from daemon.config.secrets import masked
from daemon.config.settings import Config
from daemon.core import failpoints
from daemon.core.errors import InvalidConfig, Misconfigured
from daemon.core.io_thread import IoThread
from daemon.core.records import Fault
from daemon.core.volumes import VolumeMonitor
from daemon.engine.protocol import EngineSetup
from daemon.supervisor import preflight, wiring
from daemon.supervisor.policy import Policies

log = structlog.get_logger()

# what the process acquires at its start: the lock and the ledger, the log, its own rights; and
# where claims lie, which would not be found any more
AT_RESTART = (
    "folders.inbox", "folders.state", "folders.logs", "claim", "allow_root", "permissions.umask",
    "logging.format", "logging.file_megabytes", "logging.files",
)  # fmt: skip
# what concerns only the next scan, step or document
IMMEDIATE = (
    "watch", "retry", "pages_per_task", "duplicates", "min_free_megabytes", "grace_seconds",
    "retention", "logging.level",
)  # fmt: skip
STALL_SECONDS = 10.0  # a trial that takes longer waits for a share that does not answer

Change = tuple[object, object]
"""A value before and after; secrets are masked."""


@dataclass(frozen=True, slots=True)
class Changes:
    """A config that may replace the running one: `config` has only the live changes.

    The mappings go from a key to its values before and after.
    """

    config: Config
    live: Mapping[str, Change]
    at_restart: Mapping[str, Change]

    @property
    def are_immediate(self) -> bool:
        """Whether only intake, delivery and retention must be rebuilt."""
        return all(_is_below(key, IMMEDIATE) for key in self.live)


@dataclass(frozen=True, slots=True)
class Trial(Changes):
    """Changes that were tried, with all that was read from files, so that the loop opens none."""

    policies: Policies
    engine_setup: EngineSetup


def changes(running: Config, wanted: Config) -> Changes:
    """Return what would change; keys that need a restart keep their running values."""
    different = {
        key: (before, after)
        for key, before, after in _differences(running, wanted)
        if before != after
    }
    config = wanted
    for key, (before, _) in different.items():
        if _is_below(key, AT_RESTART):
            config = _with(config, key.split("."), before)
    masked_changes = {key: _masked_change(key, old, new) for key, (old, new) in different.items()}
    waiting = {key: change for key, change in masked_changes.items() if _is_below(key, AT_RESTART)}
    return Changes(config, {k: v for k, v in masked_changes.items() if k not in waiting}, waiting)


def try_config(running: Config, load: Callable[[], Config], volumes: VolumeMonitor | None) -> Trial:
    """Read the config and check it as a start would; Misconfigured where it is invalid.

    `volumes` are those of the running config: where a folder is away, nothing is tried in it.
    """
    found = changes(running, load())
    until = f"(until a restart: {', '.join(found.at_restart)})"
    errors = chain(
        validation.conflicts(found.config), validation.nested(dict(found.config.folders))
    )
    validation.refuse(
        Misconfigured(error.key, error.value, f"{error.remedy} {until}") for error in errors
    )
    config = found.config
    refuse_absent_folders(config, volumes)
    preflight.prepare(config)
    policies, engine_setup = wiring.policies(config), wiring.engine_setup(config)
    return Trial(config, found.live, found.at_restart, policies, engine_setup)


def refuse_absent_folders(config: Config, volumes: VolumeMonitor | None) -> None:
    """Raise Misconfigured where a folder in use is away and the config goes on using it.

    A new daemon would take the empty mount point for the share, and write there.
    """
    for name, folder in config.folders:
        if volumes is not None and (absence := volumes.mount_problem(folder)):
            raise Misconfigured(f"folders.{name}", folder, absence)


def _masked_change(key: str, before: object, after: object) -> Change:
    """Return both values with secrets masked; say so where only a secret has changed."""
    old, new = masked(key, before), masked(key, after)
    return (old, new) if old != new else (old, f"{new}, a secret has changed")


class Reload:
    """The config in force, and the one that replaces it when an operator asks for it.

    Reading and checking a config touches folders, which may hang: a thread of its own does it.
    """

    def __init__(
        self, config: Config, load: Callable[[], Config], notify: Callable[[], None]
    ) -> None:
        """`notify` is called, from another thread, when a config has been tried."""
        self.running = config
        self.volumes: VolumeMonitor | None = None
        self._load = load
        self._notify = notify
        self._before: Config | None = None
        self._io: IoThread | None = None
        self._trial: Future[Trial] | None = None
        self._tried_against = config
        self._is_requested = False
        self._refusal: Fault | None = None

    @property
    def faults(self) -> list[Fault]:
        """What an operator must know: a refused config, until a good one; a trial that hangs."""
        late = self._io.stalled_seconds if self._io else None
        stall = None
        if late is not None and late > STALL_SECONDS:
            message = "a folder of the new config does not answer; restore it, or restart"
            stall = Fault(message, time.monotonic() - late)
        return [*filter(None, [self._refusal, stall])]

    @property
    def can_fall_back(self) -> bool:
        """Whether the config in force is not committed yet, and there is one before it."""
        return self._before is not None

    def request(self) -> None:
        """Request a reload; requests that come before it has begun count as one."""
        self._is_requested = True

    def poll(self, now: float) -> Trial | None:
        """Return the trial that has finished since the last call; never blocks."""
        found = (
            self._finished_trial(now) if self._trial is not None and self._trial.done() else None
        )
        if self._is_requested and self._trial is None:
            self._is_requested = False
            self._tried_against = self.running
            self._io = self._io or IoThread("reload")
            self._trial = self._io.start(self._try)
            self._trial.add_done_callback(lambda _: self._notify())
        return found

    def is_still_possible(self, found: Changes, now: float) -> bool:
        """Tell whether a config that has waited may take over now; else it is refused."""
        try:
            refuse_absent_folders(found.config, self.volumes)
        except Misconfigured as error:
            self._refuse(error, now)
            return False
        return True

    def apply(self, found: Changes) -> None:
        """Put a config in force."""
        self._before, self.running = self.running, found.config

    def commit(self) -> None:
        """Note that the daemon runs with the config in force, and forget the one before."""
        self._before = None

    def fall_back(self, error: Exception, now: float) -> bool:
        """Return to the config before, because of `error`; False where there is none."""
        if self._before is None:
            return False
        self.running, self._before = self._before, None
        self._refuse(error, now)
        failpoints.reach("reload.fallen_back")
        return True

    def _try(self) -> Trial:
        failpoints.reach("reload.trying")
        found = try_config(self._tried_against, self._load, self.volumes)
        failpoints.reach("reload.tried")
        return found

    def _finished_trial(self, now: float) -> Trial | None:
        trial, self._trial = self._trial, None
        assert trial is not None, "a trial is over"
        if self._tried_against is not self.running:  # which has changed meanwhile: compare again
            self._is_requested = True
            return None
        try:
            found = trial.result()
        except Exception as error:  # whatever is wrong, the daemon goes on as it is
            self._refuse(error, now)
            return None
        self._refusal = None
        if found.at_restart:
            reason = "they keep their running values until the daemon is restarted"
            log.warning(
                "config.needs_restart", changes=change_texts(found.at_restart), reason=reason
            )
        return found

    def _refuse(self, error: Exception, now: float) -> None:
        key, value, remedy = "--config", "", str(error)
        others: list[str] = []
        if isinstance(error, Misconfigured):
            key, remedy = error.key, error.remedy
            value = str(masked(key, str(error.value)))
        if isinstance(error, InvalidConfig):
            others = [
                f"{each.key} = {masked(each.key, str(each.value))}: {each.remedy}"
                for each in error.errors[1:]
            ]
        log.error("config.refused", key=key, value=value, remedy=remedy, others=others)
        more = f", and {len(others)} more" if others else ""
        message = f"the config was refused ({key} = {value}: {remedy}{more}); the old one is used"
        self._refusal = Fault(f"{message}; correct it and send SIGHUP again", now)


def change_texts(differences: Mapping[str, Change]) -> dict[str, str]:
    """Return key -> "before -> after" for the log; of profiles, which of them were changed."""
    return {
        key: (key == "profiles" and _names_changed(before, after))
        or f"{_text(before)} -> {_text(after)}"
        for key, (before, after) in differences.items()
    }


def _names_changed(before: object, after: object) -> str:
    """Return what has become of the entries of a list by their names; "" for another list.

    Profiles are long, and most of them are as before.
    """
    old, new = _by_name(before), _by_name(after)
    if old is None or new is None:
        return ""
    changed = [name for name in old.keys() & new.keys() if old[name] != new[name]]
    words = {"added": new.keys() - old.keys(), "removed": old.keys() - new.keys()}
    parts = [f"{', '.join(sorted(names))} {word}" for word, names in words.items() if names]
    parts += [f"{name} changed ({_keys_changed(old[name], new[name])})" for name in sorted(changed)]
    return "; ".join(parts) or "their order has changed"


def _by_name(entries: object) -> dict[str, dict[str, object]] | None:
    if not isinstance(entries, list) or not all(
        isinstance(each, dict) and "name" in each for each in entries
    ):
        return None
    return {str(each["name"]): each for each in entries}


def _keys_changed(before: Mapping[str, object], after: Mapping[str, object]) -> str:
    keys = sorted(before.keys() | after.keys())
    return ", ".join(key for key in keys if before.get(key) != after.get(key))


def _text(value: object) -> str:
    """Return a value as people write it: sections and lists as JSON."""
    if isinstance(value, list | dict):
        return json.dumps(_without_unset(value), ensure_ascii=False)
    return str(value)


def _without_unset(value: object) -> object:
    """Return a section or list without the keys that are not set, at any depth."""
    if isinstance(value, dict):
        return {key: _without_unset(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_unset(item) for item in value]
    return value


def _differences(before: Any, after: Any, key: str = "") -> Iterator[tuple[str, Any, Any]]:  # noqa: ANN401
    """Return the key of each value with its two values; sections are walked into."""
    names = _names(before)
    if not names or type(before) is not type(after):
        yield key, before, after
        return
    for name in names:
        inner = f"{key}.{name}" if key else name
        yield from _differences(getattr(before, name), getattr(after, name), inner)


def _names(section: Any) -> list[str]:  # noqa: ANN401
    if isinstance(section, BaseModel):
        return list(type(section).model_fields)
    return [field.name for field in fields(section)] if is_dataclass(section) else []


def _with(section: Any, path: list[str], value: object) -> Any:  # noqa: ANN401
    """Return a section with another value at the end of a path."""
    name, *inner_path = path
    inner = _with(getattr(section, name), inner_path, value) if inner_path else value
    if isinstance(section, BaseModel):
        return section.model_copy(update={name: inner})
    return replace(section, **{name: inner})


def _is_below(key: str, keys: tuple[str, ...]) -> bool:
    return any(key == each or key.startswith(f"{each}.") for each in keys)
