"""A thread that looks after workers while they have tasks, and sleeps while they have none."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import structlog

from daemon.engine.slot import Slot

log = structlog.get_logger()

# A core fills about 2 GB a second: a worker oversteps its allowance by some 100 MB at most.
LOOK_SECONDS = 0.05


class MemoryGuard:
    """Looks at every slot each `LOOK_SECONDS` from the first task on, until none has any."""

    def __init__(self, slots: Sequence[Slot]) -> None:
        self._slots = slots
        self._wanted = threading.Event()
        self._is_over = False
        threading.Thread(target=self._run, name="sentry", daemon=True).start()

    def wake(self) -> None:
        """Say that a task was given."""
        self._wanted.set()

    def stop(self) -> None:
        """Look no more."""
        self._is_over = True
        self._wanted.set()

    def _run(self) -> None:
        while self._wanted.wait() and not self._is_over:
            self._wanted.clear()
            while any(slot.task is not None for slot in self._slots):
                self._look()
                time.sleep(LOOK_SECONDS)

    def _look(self) -> None:
        """Look at every slot; a bug here must cost neither the daemon nor the other slots."""
        for slot in self._slots:
            try:
                slot.watch()
            except Exception:
                log.exception("memory_guard.failed")
