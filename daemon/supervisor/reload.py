"""What a changed config changes: live at once, live by building the rooms anew, or at a restart.

A key is live unless it stands in `AT_RESTART`, and its rooms are built anew (after what is in work
has been read to its end) unless it stands in `AT_ONCE`. docs/decisions/0022-reload-in-place.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import structlog
from pydantic import BaseModel

from daemon.config import validation
from daemon.config.secrets import masked
from daemon.config.settings import Config
from daemon.core.errors import Misconfigured
from daemon.core.io_thread import IoThread
from daemon.core.records import Fault
from daemon.core.volumes import VolumeMonitor
from daemon.supervisor import preflight, wiring
from daemon.supervisor.policy import Policies

log = structlog.get_logger()

# what the process has got hold of at its start: the lock and the ledger, the log, its own rights;
# and what says where claims lie, which would be lost sight of
AT_RESTART = (
    "folders.inbox", "folders.state", "folders.logs", "claim", "allow_root", "permissions.umask",
    "logging.file_megabytes", "logging.files",
)  # fmt: skip
# what only decides over the next look, step or document
AT_ONCE = (
    "watch", "retry", "pages_per_task", "duplicates", "min_free_megabytes", "grace_seconds",
    "retention", "logging.level",
)  # fmt: skip
STALL_SECONDS = 10.0  # a trial that takes longer waits for a share

Change = tuple[object, object]
"""A value before and after; what is secret is masked already."""


@dataclass(frozen=True, slots=True)
class Changes:
    """A config that may take the place of the running one: `config` has the live changes alone.

    The mappings go from a key to its values before and after.
    """

    config: Config
    live: Mapping[str, Change]
    at_restart: Mapping[str, Change]

    @property
    def are_at_once(self) -> bool:
        """Whether no room but intake, delivery and retention need be built anew."""
        return all(_is_below(key, AT_ONCE) for key in self.live)


@dataclass(frozen=True, slots=True)
class Trial(Changes):
    """Changes that were tried, with all that was read from files for it: the loop opens none."""

    policies: Policies
    pool_setup: wiring.PoolSetup


def changes(running: Config, wanted: Config) -> Changes:
    """Return what would change; what needs a restart keeps its running value."""
    different = {
        key: (before, after)
        for key, before, after in _differences(running, wanted)
        if before != after
    }
    config = wanted
    for key, (before, _) in different.items():
        if _is_below(key, AT_RESTART):
            config = _with(config, key.split("."), before)
    told = {key: _told(key, old, new) for key, (old, new) in different.items()}
    waiting = {key: change for key, change in told.items() if _is_below(key, AT_RESTART)}
    return Changes(config, {k: v for k, v in told.items() if k not in waiting}, waiting)


def tried(running: Config, load: Callable[[], Config], volumes: VolumeMonitor | None) -> Trial:
    """Read the config anew and try it as a start would; Misconfigured where it cannot be meant.

    `volumes` are those of the running config: where they miss a folder, nothing is tried in it.
    """
    found = changes(running, load())
    try:
        validation.refuse_impossible(found.config)
        validation.refuse_nested(dict(found.config.folders))
    except Misconfigured as error:
        remedy = f"{error.remedy} (until a restart: {', '.join(found.at_restart)})"
        raise Misconfigured(error.key, error.value, remedy) from error
    config = found.config
    refuse_away(config, volumes)
    preflight.refuse_fatal(config)
    policies, pool_setup = wiring.policies(config), wiring.readers(config)
    return Trial(config, found.live, found.at_restart, policies, pool_setup)


def refuse_away(config: Config, volumes: VolumeMonitor | None) -> None:
    """Raise Misconfigured where a folder in use is away, and the config goes on using it.

    Rooms that were built now would take the empty mount point for the share, and write there.
    """
    for name, folder in config.folders:
        if volumes is not None and (absence := volumes.mount_problem(folder)):
            raise Misconfigured(f"folders.{name}", folder, absence)


def _told(key: str, before: object, after: object) -> Change:
    """Return both values as they may be told; where no difference shows then, that there is one."""
    told = (masked(key, before), masked(key, after))
    return told if told[0] != told[1] else (told[0], f"{told[1]}, changed in what is not told")


class Reload:
    """The config in force, and the one that takes its place when an operator asks for it.

    Reading and trying a config touches folders, which may hang: it is done aside.
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
        self._tried_beside = config
        self._asked = False
        self._refusal: Fault | None = None

    @property
    def faults(self) -> list[Fault]:
        """What an operator must know: a refused config, until a good one; a trial that hangs."""
        late = self._io.stalled_seconds if self._io else None
        stall = None
        if late is not None and late > STALL_SECONDS:
            why = "a folder of the new config does not answer; restore it, or restart"
            stall = Fault(why, time.monotonic() - late)
        return [*filter(None, [self._refusal, stall])]

    @property
    def has_way_back(self) -> bool:
        """Whether the config in force has not proved itself yet, and there is one before it."""
        return self._before is not None

    def ask(self) -> None:
        """Ask for the config to be read anew; asking again before it is, is asking once."""
        self._asked = True

    def arrived(self, now: float) -> Trial | None:
        """Return the changes of a config that was tried since the last call; never blocks."""
        found = self._taken(now) if self._trial is not None and self._trial.done() else None
        if self._asked and self._trial is None:
            self._asked = False
            self._tried_beside = self.running
            self._io = self._io or IoThread("reload")
            self._trial = self._io.start(self._try)
            self._trial.add_done_callback(lambda _: self._notify())
        return found

    def stands(self, found: Changes, now: float) -> bool:
        """Tell whether rooms may be built by a config that has waited; else it is refused."""
        try:
            refuse_away(found.config, self.volumes)
        except Misconfigured as error:
            self._refuse(error, now)
            return False
        return True

    def take(self, found: Changes) -> None:
        """Put a config in force."""
        self._before, self.running = self.running, found.config

    def hold(self) -> None:
        """Note that the config in force has proved itself: there is no way back."""
        self._before = None

    def fall_back(self, error: Exception, now: float) -> bool:
        """Go back to the config before, because of `error`; False where there is none."""
        if self._before is None:
            return False
        self.running, self._before = self._before, None
        self._refuse(error, now)
        return True

    def _try(self) -> Trial:
        return tried(self._tried_beside, self._load, self.volumes)

    def _taken(self, now: float) -> Trial | None:
        trial, self._trial = self._trial, None
        assert trial is not None, "a trial is over"
        if self._tried_beside is not self.running:  # which has changed meanwhile: see what differs
            self._asked = True
            return None
        try:
            found = trial.result()
        except Exception as error:  # whatever is wrong with it, the daemon goes on as it is
            self._refuse(error, now)
            return None
        self._refusal = None
        if found.at_restart:
            why = "they keep their running values until the daemon is restarted"
            log.warning("config.needs_restart", changes=told(found.at_restart), reason=why)
        return found

    def _refuse(self, error: Exception, now: float) -> None:
        key, value, remedy = "--config", "", str(error)
        if isinstance(error, Misconfigured):
            key, remedy = error.key, error.remedy
            value = str(masked(key, str(error.value)))
        log.error("config.refused", key=key, value=value, remedy=remedy)
        why = f"the config was refused ({key} = {value}: {remedy}) and the one before is in force"
        self._refusal = Fault(f"{why}; correct it and send SIGHUP again", now)


def told(differences: Mapping[str, Change]) -> dict[str, str]:
    """Return key -> "before -> after", for the log."""
    return {key: f"{before} -> {after}" for key, (before, after) in differences.items()}


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
    name, *rest = path
    inner = _with(getattr(section, name), rest, value) if rest else value
    if isinstance(section, BaseModel):
        return section.model_copy(update={name: inner})
    return replace(section, **{name: inner})


def _is_below(key: str, keys: tuple[str, ...]) -> bool:
    return any(key == each or key.startswith(f"{each}.") for each in keys)
