"""config.yaml + environment -> one frozen, validated Config.

Precedence: environment (`OCR_DAEMON__WORKERS=2`, nested with `__`; `LOG_LEVEL` and `NUM_THREADS`
alone work too) over the file over the defaults below. Unknown keys and impossible relations are
refused as `Misconfigured` with key, value and remedy. Relative paths are relative to the file.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any, Literal

from pydantic import PrivateAttr, TypeAdapter, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from daemon.config.hook import Hook
from daemon.config.messages import finding
from daemon.config.sections import (
    DEFAULT_PROFILE,
    Count,
    Folders,
    Logging,
    Metrics,
    NonNegative,
    Permissions,
    Priority,
    Profile,
    Retention,
    Retry,
    Seconds,
    Watch,
    Web,
)
from daemon.core.errors import Misconfigured
from daemon.core.memory import MemoryLimits, memory_limits
from daemon.core.options import (
    Detector,
    Limits,
    Preprocessing,
    Recipe,
    Rendering,
    Segmenter,
    Weights,
)
from daemon.core.ownership import Ownership
from daemon.core.records import OutputKind

ENV_PREFIX = "OCR_DAEMON__"
FILE_MOVING_CLAIMS = ("rename",)
CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of the container this runs in (cgroup v2)


class Config(BaseSettings):
    """Everything an operator can say; every key is explained in config.yaml."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=ENV_PREFIX, env_nested_delimiter="__"
    )

    folders: Folders = Folders()
    workers: NonNegative = 0
    threads: Count = 1
    pages_per_task: Count = 4
    tasks_per_worker: NonNegative = 500
    worker_max_megabytes: NonNegative = 0
    worker_recycle_megabytes: NonNegative = 0
    sandbox: Literal["auto", "off"] = "auto"
    allow_root: bool = False
    claim: Literal["rename", "ledger"] = "rename"
    originals: Literal["archive", "delete", "leave"] = "archive"
    duplicates: Literal["reference", "reprocess"] = "reference"
    grace_seconds: Seconds = 30.0
    lease_seconds: Seconds = 60.0
    min_free_megabytes: NonNegative = 100
    watch: Watch = Watch()
    retry: Retry = Retry()
    limits: Limits = Limits()
    pdf: Rendering = Rendering()
    preprocess: Preprocessing = Preprocessing()
    segmenter: Segmenter = "auto"
    detector: Detector = Detector()
    model: Weights
    outputs: tuple[OutputKind, ...] = ()
    priority: Priority = 0
    retention: Retention = Retention()
    profiles: tuple[Profile, ...] = ()
    permissions: Permissions = Permissions()
    hooks: tuple[Hook, ...] = ()
    metrics: Metrics = Metrics()
    web: Web = Web()
    logging: Logging = Logging()
    _file: Path = PrivateAttr(default=Path("config.yaml"))

    @property
    def file(self) -> Path:
        """The file that this was loaded from, absolute."""
        return self._file

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the environment before the file, which arrives as init arguments."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings

    @property
    def recipe(self) -> Recipe:
        """The values that travel to the workers."""
        return Recipe(
            weights=self.model,
            limits=self.limits,
            rendering=self.pdf,
            preprocessing=self.preprocess,
            segmenter=self.segmenter,
            detector=self.detector,
        )

    @property
    def recipes(self) -> tuple[Recipe, ...]:
        """What workers may be asked to read with: for most files, and under each profile."""
        return tuple(place.recipe for place in self.places)

    @property
    def places(self) -> tuple[Config, ...]:
        """The config as it is for most folders, and for those of each profile."""
        return (self, *(self.under(number) for number in range(len(self.profiles))))

    def under(self, number: int) -> Config:
        """Return the config as it is for the folders of a profile; Misconfigured if none can be."""
        values = {}
        for key, said in self.profiles[number].changes.items():
            if isinstance(said, dict):  # a section keeps what is not named
                said = self._merged(key, said, number)
            values[key] = said
        return self.model_copy(update=values | {"profiles": ()})

    @property
    def every_hook(self) -> tuple[Hook, ...]:
        """Whom answers are told under any profile, each once."""
        return tuple({hook.name: hook for place in self.places for hook in place.hooks}.values())

    def named(self, profile: str) -> Config:
        """Return the config as it is under the profile of a name; Misconfigured for an unknown."""
        if profile == DEFAULT_PROFILE:
            return self
        names = [each.name for each in self.profiles]
        if profile not in names:
            known = ", ".join([DEFAULT_PROFILE, *names])
            raise Misconfigured("--profile", profile, f"there is no such profile; known: {known}")
        return self.under(names.index(profile))

    def _merged(self, key: str, said: dict[str, Any], number: int) -> object:
        section: Any = Config.model_fields[key].annotation
        whole = self.model_dump(include={key})[key] | said
        try:
            return TypeAdapter(section).validate_python(whole)
        except ValidationError as error:
            within = ("profiles", str(number), *(() if key == "watch" else (key,)))
            raise finding(error, section, within) from error

    @property
    def worker_count(self) -> int:
        """Worker processes: as said, or one for each core that this process may use."""
        return self.workers or usable_cores(CPU_QUOTA)

    @property
    def moves_files(self) -> bool:
        """Whether a claimed file leaves the inbox."""
        return self.claim in FILE_MOVING_CLAIMS

    @property
    def free_bytes(self) -> int:
        """The room in a folder below which nothing more is taken."""
        return self.min_free_megabytes * 1_000_000

    @property
    def ownership(self) -> Ownership:
        """Of what is published; Misconfigured for a user or group that this system lacks."""
        said = self.permissions
        return Ownership.of(said.user, said.group, said.file_mode, said.folder_mode)

    @property
    def memory_limits(self) -> MemoryLimits:
        """Memory of each worker: as said, or what fits this container or machine."""
        return memory_limits(
            self.worker_max_megabytes, self.worker_recycle_megabytes, self.worker_count
        )


def usable_cores(quota: Path) -> int:
    """Return the cores of this process's affinity, fewer where the container's quota is less.

    `quota` holds microseconds of processor and of the period they are for, as in cgroup v2's
    cpu.max; "max" or no such file (no container, cgroup v1) is no quota.
    """
    cores = len(os.sched_getaffinity(0))
    with contextlib.suppress(OSError, ValueError):
        allowed, period = map(int, quota.read_text().split())
        cores = min(cores, max(1, allowed // period))
    return cores
