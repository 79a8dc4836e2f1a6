"""A reader of the outbox who never rests: was an answer ever torn, or replaced?

Looks at each folder whose modification time has changed since the last look, and reads what is new.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from tests.torture import oracle

LOOK_SECONDS = 0.05


class Watcher:
    """Watches in a thread of its own until `stop`; `arrivals` are monotonic seconds."""

    def __init__(self, outbox: Path) -> None:
        self._outbox = outbox
        self._seen: dict[Path, tuple[int, int]] = {}
        self._looked: dict[Path, int] = {}
        self._over = threading.Event()
        self.torn: list[str] = []
        self.arrivals: list[float] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look a last time and end."""
        self._over.set()
        self._thread.join()
        self._look()

    def replaced(self) -> list[str]:
        """Return the answers that are not the file any more that was seen first."""
        return [
            f"{path}: replaced or gone"
            for path, seen in self._seen.items()
            if not path.exists() or _identity(path) != seen
        ]

    def first_after(self, moment: float) -> float | None:
        """Return when the first answer arrived after a moment."""
        return next((arrival for arrival in self.arrivals if arrival >= moment), None)

    def _run(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            self._look()

    def _look(self) -> None:
        for folder, folders, names in os.walk(self._outbox):
            folders[:] = [name for name in folders if name != oracle.OURS]
            try:
                changed = Path(folder).stat().st_mtime_ns
            except FileNotFoundError:
                continue  # a probe of `environment` has just gone
            if self._looked.get(Path(folder)) == changed:
                continue
            for path in (Path(folder, name) for name in names):
                if path not in self._seen:
                    self._read(path)
            if (
                time.time_ns() - changed > 10**9
            ):  # a second change within a clock tick is not missed
                self._looked[Path(folder)] = changed

    def _read(self, path: Path) -> None:
        self.arrivals.append(time.monotonic())
        self._seen[path] = _identity(path)
        if (why := oracle.torn(path)) is not None:
            self.torn.append(why)


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_ino, status.st_mtime_ns
