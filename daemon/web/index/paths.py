"""The folders and files that the web process uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class WebPaths:
    """The folders of the daemon, its ledger, and the file of the search index."""

    inbox: Path
    outbox: Path
    archive: Path
    failed: Path
    ledger_file: Path
    index_file: Path

    @property
    def state(self) -> Path:
        """The folder with the daemon's heartbeat and its report on waiting files."""
        return self.index_file.parent

    @property
    def labels(self) -> Mapping[str, str]:
        """The word that replaces the path of each folder in messages, longest path first."""
        paths = {
            self.inbox: "inbox", self.outbox: "outbox", self.archive: "archive",
            self.failed: "failed", self.ledger_file.parent: "state",
        }  # fmt: skip
        ordered = sorted(paths.items(), key=lambda item: -len(str(item[0])))
        return {str(path): label for path, label in ordered}

    def is_in_inbox(self, path: Path) -> bool:
        """Return whether a file is in the inbox, not in an archive or failed folder inside it."""
        nested = (self.archive, self.failed)
        return path.is_relative_to(self.inbox) and not any(
            path.is_relative_to(folder) for folder in nested
        )
