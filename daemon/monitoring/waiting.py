"""The file that tells why files wait in the inbox, for the web page.

It is written after a scan that changes it, and valid while the heartbeat is fresh. It is not
synced: after a power cut it may be damaged, and then counts as empty.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from daemon.core import private
from daemon.inbox.intake import WaitingFiles

WAITING_NAME = "waiting.json"


@dataclass(frozen=True, slots=True)
class WaitingReport:
    """Why files and documents wait.

    `paused` is why no file is taken at all, None if files are taken. `retrying` has the documents
    that the environment holds up, by claim, with a reason each.
    """

    files: WaitingFiles = field(default_factory=WaitingFiles)
    paused: str | None = None
    retrying: Mapping[str, str] = field(default_factory=dict)


def publish(state: Path, report: WaitingReport) -> None:
    """Write the report, atomically and without fsync; OSError if the state folder refuses it."""
    draft = state / f".{WAITING_NAME}.tmp"
    private.write_text(draft, json.dumps(asdict(report)))
    draft.replace(state / WAITING_NAME)


def last(state: Path) -> WaitingReport:
    """Return the last report; an empty one if none can be read."""
    try:
        content = json.loads((state / WAITING_NAME).read_text(encoding="utf-8"))
        files = content["files"]
        return WaitingReport(
            WaitingFiles(
                tuple(files["unstable"]), dict(files["incomplete"]), dict(files["blocked"]),
                tuple(files["upcoming"]), int(files["ready"]),
            ),
            content["paused"],
            dict(content["retrying"]),
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError):
        return WaitingReport()
