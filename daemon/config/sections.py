"""The sections of config.yaml; those that are sent to the workers are in `core/options.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from daemon.config.fields import Fields
from daemon.config.hook import Hook
from daemon.config.secrets import is_secret
from daemon.core.options import BlankPages, CodeChoice, LogFormat, Segmenter
from daemon.core.records import OutputKind
from daemon.core.shipped import LEXICON, RECOGNISER, SHIPPED, shipped_digest, shipped_model

DEFAULT_PROFILE = "default"  # of files that match no profile; reserved

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegativeSeconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
NonNegative = Annotated[int, Field(ge=0)]
Days = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Octal = Annotated[str, Field(pattern=r"^[0-7]{3,4}$")]
Priority = Annotated[int, Field(ge=-1000, le=1000)]
ProfileName = Annotated[str, Field(pattern=r"^\w[\w.-]*$", max_length=64)]
Overrides = dict[str, Any]
"""Some keys of a section; `Config.with_profile` validates them as part of the section."""


class Section(BaseModel):
    """A group of keys; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Folders(Section):
    """The daemon's folders, created at start if missing (the parent of the inbox must exist)."""

    inbox: Path = Path("inbox")
    outbox: Path = Path("outbox")
    archive: Path = Path("archive")
    failed: Path = Path("failed")
    logs: Path = Path("logs")
    state: Path = Path("state")


class Model(Section):
    """The recogniser and its decoding."""

    file: Path = SHIPPED
    sha256: dict[str, str] | str | None = None
    backend: Literal["auto", "onnxruntime", "torchscript"] = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    batch_size: Annotated[int, Field(ge=1, le=256)] = 16
    beam: Annotated[int, Field(ge=1, le=64)] = 1
    lexicon: Path | None = SHIPPED

    def resolved(self, base: Path) -> Model:
        """Return the section with its paths relative to `base`, and the files of this version."""
        file, sha256, lexicon = (base / self.file).absolute(), self.sha256, self.lexicon
        if self.file == SHIPPED:
            file = shipped_model(RECOGNISER)
            names = {suffix: f"{RECOGNISER}.{suffix}" for suffix in ("onnx", "pt")}
            sha256 = sha256 or {suffix: shipped_digest(name) for suffix, name in names.items()}
        if lexicon == SHIPPED:
            lexicon = shipped_model(LEXICON)
        elif lexicon is not None:
            lexicon = (base / lexicon).absolute()
        return self.model_copy(update={"file": file, "sha256": sha256, "lexicon": lexicon})


class Watch(Section):
    """When a file counts as complete and is claimed."""

    mode: Literal["auto", "events", "scan"] = "auto"
    quiet_seconds: NonNegativeSeconds = 5.0
    incomplete_seconds: Seconds = 60.0
    rescan_seconds: Seconds = 30.0
    poll_seconds: Seconds = 2.0
    ignore: tuple[str, ...] = (
        ".*", "*.part", "*.tmp", "*.partial", "*.crdownload", "*.filepart", "*.pd~", "~$*",
        "@eaDir", "#recycle", "Thumbs.db", "desktop.ini", "*.error.json",
    )  # fmt: skip


class Retry(Section):
    """Retries after the death of a worker or a fault of the environment."""

    attempts: Count = 3
    wait_seconds: Seconds = 30.0


class Retention(Section):
    """Maximum age and size of the answered originals in archive/ and failed/; None is unlimited.

    Days count from the answer; megabytes are millions of bytes.
    """

    archive_days: Days | None = None
    archive_megabytes: Count | None = None
    failed_days: Days | None = None
    failed_megabytes: Count | None = None

    @property
    def keeps_everything(self) -> bool:
        """Whether no limit is set."""
        return self == Retention()


class EngineSettings(Section):
    """Where pages are read: by processes of this machine, or by workers of a Dask cluster.

    The files are PEM, for mutual TLS: certificate of the authority, own certificate and key.
    """

    kind: Literal["local", "dask"] = "local"
    scheduler: Annotated[str, Field(pattern=r"^(tcp|tls)://[^/\s]+:[0-9]+$")] | None = None
    shared_files: Literal["auto"] | bool = "auto"
    tls_ca: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None

    @property
    def tls_files(self) -> dict[str, Path | None]:
        """The files by their keys."""
        return {"tls_ca": self.tls_ca, "tls_cert": self.tls_cert, "tls_key": self.tls_key}

    def resolved(self, base: Path) -> EngineSettings:
        """Return the section with its paths relative to `base`."""
        files = {key: file and (base / file).absolute() for key, file in self.tls_files.items()}
        return self.model_copy(update=files)


class Profile(Section):
    """Settings for some folders of the inbox that override the general ones.

    A key that is left out keeps its general value, also within a section.
    """

    name: ProfileName
    folders: Annotated[tuple[str, ...], Field(min_length=1)]
    quiet_seconds: NonNegativeSeconds | None = None
    codes: tuple[CodeChoice, ...] | None = None
    blank_pages: BlankPages | None = None
    separation: Overrides | None = None
    outputs: tuple[OutputKind, ...] | None = None
    deskew_pdf: bool | None = None
    fields: Fields | None = None
    naming: Overrides | None = None
    priority: Priority | None = None
    segmenter: Segmenter | None = None
    limits: Overrides | None = None
    pdf: Overrides | None = None
    preprocess: Overrides | None = None
    retention: Overrides | None = None
    hooks: tuple[Hook, ...] | None = None

    @property
    def overrides(self) -> dict[str, Any]:
        """The keys of the config that this profile sets; `quiet_seconds` belongs to `watch`."""
        own = ("name", "folders", "quiet_seconds")
        values = {key: value for key, value in self if key not in own and value is not None}
        if self.quiet_seconds is not None:
            values["watch"] = {"quiet_seconds": self.quiet_seconds}
        return values

    def resolved(self, base: Path) -> Profile:
        """Return the profile with the paths of its hooks relative to `base`."""
        if self.hooks is None:
            return self
        return self.model_copy(update={"hooks": tuple(hook.resolved(base) for hook in self.hooks)})

    def __str__(self) -> str:
        """Name, folders and overrides, without secrets."""
        values = {
            f"{key}.{inner}" if inner else key: value
            for key, section in self.overrides.items()
            for inner, value in _keys_of(key, section).items()
        }
        for key in filter(is_secret, values):
            values[key] = f"{len(values[key])} (not shown)"
        changes = ", ".join(f"{key} {_plain(value)}" for key, value in values.items())
        folders = ", ".join(folder or "." for folder in self.folders)
        return f"profile {self.name}, in {folders}: {changes or 'no changes'}"


class Permissions(Section):
    """Owner and modes of answers, *.error.json and their folders; octal modes are strings."""

    umask: Octal | None = None
    user: str | NonNegative | None = None
    group: str | NonNegative | None = None
    file_mode: Octal | None = None
    folder_mode: Octal | None = None


class Metrics(Section):
    """The HTTP endpoint for metrics and health; it has no password."""

    enabled: bool = False
    address: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 9478
    hosts: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")], ...] = ()


class Logging(Section):
    """The log file, and the format of the log on standard error."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    format: LogFormat = "auto"
    file_megabytes: Count = 10
    files: Count = 5


class Web(Section):
    """The web page and the REST interface, a separate process (extra [web])."""

    enabled: bool = False
    address: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8478
    token: Annotated[str, Field(min_length=16, pattern=r"^[!-~]+$")] | None = None
    allow_anonymous: bool = False
    origins: tuple[Annotated[str, Field(pattern=r"^https?://[^/\s]+$")], ...] = ()
    upload_megabytes: Count = 100
    uploads_waiting: Count = 1000
    requests_per_minute: NonNegative = 600
    predict_seconds: Seconds = 120.0


def _keys_of(key: str, value: Any) -> dict[str, Any]:  # noqa: ANN401 -- whatever a key may be
    """Return the keys of a section; a value, and fields by their names, as one."""
    if key == "fields":
        return {"": tuple(value)}
    return value if isinstance(value, dict) else {"": value}


def _plain(value: object) -> str:
    if not isinstance(value, list | tuple):
        return str(value)
    if not all(isinstance(each, str) for each in value):  # hooks, which may hold secrets
        return f"{len(value)} entries"
    return " + ".join(map(str, value)) or "none"
