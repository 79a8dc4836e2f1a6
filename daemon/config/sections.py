"""The sections of config.yaml, frozen and strict; `recipe.py` has those that travel to workers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from daemon.config.hook import Hook
from daemon.core.options import Segmenter
from daemon.core.records import OutputKind

DEFAULT_PROFILE = "default"  # files that match no profile; no profile may have this name

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NoSeconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
NonNegative = Annotated[int, Field(ge=0)]
Days = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Octal = Annotated[str, Field(pattern=r"^[0-7]{3,4}$")]
Priority = Annotated[int, Field(ge=-1000, le=1000)]
ProfileName = Annotated[str, Field(pattern=r"^\w[\w.-]*$", max_length=64)]
Changes = dict[str, Any]
"""Some keys of a section; `Config.under` lets the section itself judge them."""


class Section(BaseModel):
    """Keys that belong together; unknown ones are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Folders(Section):
    """Where things lie; made at start where they are missing (the inbox's parent must exist)."""

    inbox: Path = Path("inbox")
    outbox: Path = Path("outbox")
    archive: Path = Path("archive")
    failed: Path = Path("failed")
    logs: Path = Path("logs")
    state: Path = Path("state")


class Watch(Section):
    """When a file counts as landed and settled."""

    mode: Literal["auto", "events", "scan"] = "auto"
    quiet_seconds: NoSeconds = 5.0
    incomplete_seconds: Seconds = 60.0
    rescan_seconds: Seconds = 30.0
    poll_seconds: Seconds = 2.0
    ignore: tuple[str, ...] = (
        ".*", "*.part", "*.tmp", "*.partial", "*.crdownload", "*.filepart", "*.pd~", "~$*",
        "@eaDir", "#recycle", "Thumbs.db", "desktop.ini", "*.error.json",
    )  # fmt: skip


class Retry(Section):
    """What happens after a worker's death or a fault of the environment."""

    attempts: Count = 3
    wait_seconds: Seconds = 30.0


class Retention(Section):
    """How long and how much of the answered originals is kept; None is for ever, and without end.

    Days count from the answer; megabytes are millions of bytes.
    """

    archive_days: Days | None = None
    archive_megabytes: Count | None = None
    failed_days: Days | None = None
    failed_megabytes: Count | None = None

    @property
    def keeps_all(self) -> bool:
        """Whether nothing is ever removed."""
        return self == Retention()


class Profile(Section):
    """What is otherwise in some folders of the inbox; a key left out is as for all the others.

    A section is changed only in the keys that are named.
    """

    name: ProfileName
    folders: Annotated[tuple[str, ...], Field(min_length=1)]
    quiet_seconds: NoSeconds | None = None
    outputs: tuple[OutputKind, ...] | None = None
    priority: Priority | None = None
    segmenter: Segmenter | None = None
    limits: Changes | None = None
    pdf: Changes | None = None
    preprocess: Changes | None = None
    retention: Changes | None = None
    hooks: tuple[Hook, ...] | None = None

    @property
    def changes(self) -> dict[str, Any]:
        """What it says of keys that the config has too; `quiet_seconds` is one of `watch`."""
        of_its_own = ("name", "folders", "quiet_seconds")
        said = {key: value for key, value in self if key not in of_its_own and value is not None}
        if self.quiet_seconds is not None:
            said["watch"] = {"quiet_seconds": self.quiet_seconds}
        return said

    def below(self, base: Path) -> Profile:
        """Return it with the files of its hooks relative to `base`."""
        if self.hooks is None:
            return self
        return self.model_copy(update={"hooks": tuple(hook.below(base) for hook in self.hooks)})

    def __str__(self) -> str:
        """Which folders it is for and what it changes; never a password."""
        said = {
            f"{key}.{inner}" if inner else key: value
            for key, section in self.changes.items()
            for inner, value in (section if isinstance(section, dict) else {"": section}).items()
        }
        if "pdf.passwords" in said:
            said["pdf.passwords"] = f"{len(said['pdf.passwords'])} of its own"
        changes = ", ".join(f"{key} {_plain(value)}" for key, value in said.items())
        folders = ", ".join(folder or "." for folder in self.folders)
        return f"profile {self.name}, in {folders}: {changes or 'as everywhere'}"


class Permissions(Section):
    """Whom answers, reasons and the folders made for them belong to; octal modes are strings."""

    umask: Octal | None = None
    user: str | NonNegative | None = None
    group: str | NonNegative | None = None
    file_mode: Octal | None = None
    folder_mode: Octal | None = None


class Metrics(Section):
    """Where the daemon says how it is; there is no password."""

    enabled: bool = False
    address: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 9478


class Logging(Section):
    """The log volume."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    file_megabytes: Count = 10
    files: Count = 5


class Web(Section):
    """The page and the REST interface, a process of their own (extra [web])."""

    enabled: bool = False
    address: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8478
    token: Annotated[str, Field(min_length=16, pattern=r"^[!-~]+$")] | None = None
    origins: tuple[Annotated[str, Field(pattern=r"^https?://[^/\s]+$")], ...] = ()
    upload_megabytes: Count = 100
    uploads_waiting: Count = 1000
    requests_per_minute: NonNegative = 600
    predict_seconds: Seconds = 120.0


def _plain(value: object) -> str:
    if not isinstance(value, list | tuple):
        return str(value)
    if not all(isinstance(each, str) for each in value):  # what they say may be a secret
        return f"{len(value)} of its own"
    return " + ".join(map(str, value)) or "none"
