"""The sections of config.yaml, frozen and strict; `recipe.py` has those that travel to workers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
NonNegative = Annotated[int, Field(ge=0)]
Octal = Annotated[str, Field(pattern=r"^[0-7]{3,4}$")]


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
    quiet_seconds: Seconds = 5.0
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

    archive_days: Seconds | None = None
    archive_megabytes: Count | None = None
    failed_days: Seconds | None = None
    failed_megabytes: Count | None = None

    @property
    def keeps_all(self) -> bool:
        """Whether nothing is ever removed."""
        return self == Retention()


class Permissions(Section):
    """Whom answers, reasons and the folders made for them belong to; octal modes are strings."""

    umask: Octal | None = None
    user: str | NonNegative | None = None
    group: str | NonNegative | None = None
    file_mode: Octal | None = None
    folder_mode: Octal | None = None


class Logging(Section):
    """The log volume."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    file_megabytes: Count = 10
    files: Count = 5
