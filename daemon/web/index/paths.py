"""Where the daemon keeps what; the only paths that the web process knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Places:
    """The folders of the daemon, and its ledger; `shelf` is the file of the search index."""

    inbox: Path
    outbox: Path
    archive: Path
    failed: Path
    ledger_file: Path
    shelf: Path

    @property
    def names(self) -> Mapping[str, str]:
        """What each folder is called where its path must not be told, longest path first."""
        paths = {
            self.inbox: "inbox", self.outbox: "outbox", self.archive: "archive",
            self.failed: "failed", self.ledger_file.parent: "state",
        }  # fmt: skip
        ordered = sorted(paths.items(), key=lambda item: -len(str(item[0])))
        return {str(path): name for path, name in ordered}

    def is_landed(self, path: Path) -> bool:
        """Tell whether a file lies in the inbox, and not in a folder of ours inside it."""
        kept = (self.archive, self.failed)
        return path.is_relative_to(self.inbox) and not any(path.is_relative_to(k) for k in kept)
