"""Polls the outbox for torn and replaced answers.

Each scan reads the new files in folders whose modification time has changed since the last one.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections import Counter
from pathlib import Path

from tests.torture import oracle

SCAN_SECONDS = 0.05


class Watcher:
    """Scans in a thread until `stop`; `arrivals` are monotonic seconds."""

    def __init__(self, outbox: Path) -> None:
        self._outbox = outbox
        self._seen: dict[Path, tuple[int, int]] = {}
        self._scanned: dict[Path, int] = {}
        self._stopping = threading.Event()
        self.torn: list[str] = []
        self.answered: Counter[str] = Counter()  # by the sha256 of the bytes that are answered
        self.arrivals: list[float] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Scan once more and end."""
        self._stopping.set()
        self._thread.join()
        self._scan()

    def replaced(self) -> list[str]:
        """Return the answers that are no longer the file that was first seen."""
        return [
            f"{path}: replaced or gone"
            for path, seen in self._seen.items()
            if not path.exists() or _identity(path) != seen
        ]

    def first_after(self, moment: float) -> float | None:
        """Return the arrival of the first answer after a moment."""
        return next((arrival for arrival in self.arrivals if arrival >= moment), None)

    def _run(self) -> None:
        while not self._stopping.wait(SCAN_SECONDS):
            self._scan()

    def _scan(self) -> None:
        for folder, folders, names in os.walk(self._outbox):
            folders[:] = [name for name in folders if name != oracle.OURS]
            try:
                changed = Path(folder).stat().st_mtime_ns
            except FileNotFoundError:
                continue  # a test file of the start-up checks has just gone
            if self._scanned.get(Path(folder)) == changed:
                continue
            for path in (Path(folder, name) for name in names):
                # a test file of the checks at the start is there for a moment
                if path not in self._seen and not path.name.startswith("."):
                    self._read(path)
            # a later change within the same clock tick must not be missed
            if time.time_ns() - changed > 10**9:
                self._scanned[Path(folder)] = changed

    def _read(self, path: Path) -> None:
        self.arrivals.append(time.monotonic())
        self._seen[path] = _identity(path)
        if (error := oracle.torn(path)) is not None:
            self.torn.append(error)
        elif path.suffix == ".json":
            self.answered[json.loads(path.read_bytes())["source"]["sha256"]] += 1


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_ino, status.st_mtime_ns
