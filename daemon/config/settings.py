"""The Config: all settings, their defaults, and the values derived from them.

`load` reads it from config.yaml and the environment; `validation` checks relations between values.
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

from daemon.config.backend import Choice, choose
from daemon.config.fields import Fields
from daemon.config.hook import Hook
from daemon.config.messages import errors_in
from daemon.config.sections import (
    DEFAULT_PROFILE,
    Count,
    EngineSettings,
    Folders,
    Logging,
    Metrics,
    Model,
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
from daemon.core.errors import InvalidConfig, Misconfigured
from daemon.core.memory import MemoryLimits, memory_limits
from daemon.core.options import (
    BlankPages,
    CodeChoice,
    Detector,
    Limits,
    Naming,
    Preprocessing,
    Recipe,
    Rendering,
    Segmenter,
    Separation,
    Weights,
)
from daemon.core.ownership import Ownership
from daemon.core.records import OutputKind

ENV_PREFIX = "OCR_DAEMON__"
LEDGER_NAME = "ledger.sqlite3"
FILE_MOVING_CLAIMS = ("rename",)
CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of this container (cgroup v2)


class Config(BaseSettings):
    """All settings of an operator; config.yaml explains every key."""

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
    engine: EngineSettings = EngineSettings()
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
    model: Model = Model()
    codes: tuple[CodeChoice, ...] = ()
    blank_pages: BlankPages = "keep"
    separation: Separation = Separation()
    outputs: tuple[OutputKind, ...] = ()
    deskew_pdf: bool = False
    fields: Fields = {}
    naming: Naming = Naming()
    priority: Priority = 0
    retention: Retention = Retention()
    profiles: tuple[Profile, ...] = ()
    permissions: Permissions = Permissions()
    hooks: tuple[Hook, ...] = ()
    metrics: Metrics = Metrics()
    web: Web = Web()
    logging: Logging = Logging()
    _file: Path | None = PrivateAttr(default=None)

    @property
    def file(self) -> Path | None:
        """The file that this was loaded from, absolute; None for the defaults without a file."""
        return self._file

    @property
    def ledger_file(self) -> Path:
        """The SQLite file of the ledger, in the state folder."""
        return self.folders.state / LEDGER_NAME

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment override the file, whose values arrive as init arguments."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings

    @property
    def weights(self) -> Weights:
        """The file of the recogniser that this processor reads, and how."""
        return self.backend_choice.weights

    @property
    def backend_choice(self) -> Choice:
        """The choice of the recogniser's file and library, with its reason."""
        return choose(self.model)

    @property
    def recipe(self) -> Recipe:
        """The settings that are sent to the workers."""
        return Recipe(
            weights=self.weights,
            limits=self.limits,
            rendering=self.pdf,
            preprocessing=self.preprocess,
            segmenter=self.segmenter,
            detector=self.detector,
            deskew_pdf=self.deskew_pdf,
            fields=self.fields,
            codes=self.codes,
            marks_blank=self.blank_pages != "keep",
        )

    @property
    def recipes(self) -> tuple[Recipe, ...]:
        """The recipes that workers may need: the general one, and that of each profile."""
        return tuple(variant.recipe for variant in self.variants)

    @property
    def variants(self) -> tuple[Config, ...]:
        """This config, and the config under each profile."""
        return (self, *(self.with_profile(number) for number in range(len(self.profiles))))

    def with_profile(self, number: int) -> Config:
        """Return the config under profile `number`; raises Misconfigured if it is invalid."""
        values = {}
        for key, override in self.profiles[number].overrides.items():
            # a section keeps the keys that are not overridden; fields are a list with names
            if isinstance(override, dict) and key != "fields":
                override = self._merged(key, override, number)
            values[key] = override
        return self.model_copy(update=values | {"profiles": ()})

    @property
    def all_hooks(self) -> tuple[Hook, ...]:
        """The hooks of all variants, each once."""
        hooks = (hook for variant in self.variants for hook in variant.hooks)
        return tuple({hook.name: hook for hook in hooks}.values())

    def for_profile(self, profile: str) -> Config:
        """Return the config under a profile by name; raises Misconfigured for an unknown name."""
        if profile == DEFAULT_PROFILE:
            return self
        names = [known.name for known in self.profiles]
        if profile not in names:
            known = ", ".join([DEFAULT_PROFILE, *names])
            raise Misconfigured("--profile", profile, f"there is no such profile; known: {known}")
        return self.with_profile(names.index(profile))

    def _merged(self, key: str, override: dict[str, Any], number: int) -> object:
        section: Any = Config.model_fields[key].annotation
        values = self.model_dump(include={key})[key] | override
        try:
            return TypeAdapter(section).validate_python(values)
        except ValidationError as error:
            within = ("profiles", str(number), *(() if key == "watch" else (key,)))
            raise InvalidConfig(list(errors_in(error, section, within))) from error

    @property
    def worker_count(self) -> int:
        """Number of worker processes: `workers`, or one per core that this process may use."""
        return self.workers or usable_cores(CPU_QUOTA)

    @property
    def moves_files(self) -> bool:
        """Whether a claimed file leaves the inbox."""
        return self.claim in FILE_MOVING_CLAIMS

    @property
    def min_free_bytes(self) -> int:
        """Free bytes of a folder below which no file is claimed."""
        return self.min_free_megabytes * 1_000_000

    @property
    def ownership(self) -> Ownership:
        """Owner and modes of what is published; raises Misconfigured for an unknown name."""
        permissions = self.permissions
        return Ownership.of(
            permissions.user, permissions.group, permissions.file_mode, permissions.folder_mode
        )

    @property
    def memory_limits(self) -> MemoryLimits:
        """Memory limits of each worker: as configured, or what fits this container or machine."""
        return memory_limits(
            self.worker_max_megabytes, self.worker_recycle_megabytes, self.worker_count
        )


def usable_cores(quota: Path) -> int:
    """Return the number of cores in this process's affinity, limited by the container's quota.

    `quota` contains microseconds of CPU time per period, and the period, as cgroup v2's cpu.max;
    "max" or a missing file (no container, cgroup v1) means no quota.
    """
    cores = len(os.sched_getaffinity(0))
    with contextlib.suppress(OSError, ValueError):
        allowed, period = map(int, quota.read_text().split())
        cores = min(cores, max(1, allowed // period))
    return cores
