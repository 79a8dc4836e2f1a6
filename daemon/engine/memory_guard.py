"""A thread that checks the memory of workers while they have tasks, and sleeps otherwise."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import structlog

from daemon.engine.slot import Slot

log = structlog.get_logger()

# A core fills about 2 GB a second: a worker exceeds its limit by some 100 MB at most.
CHECK_SECONDS = 0.05


class MemoryGuard:
    """Checks every slot each `CHECK_SECONDS` while any of them has a task."""

    def __init__(self, slots: Sequence[Slot]) -> None:
        self._slots = slots
        self._has_work = threading.Event()
        self._is_closed = False
        threading.Thread(target=self._run, name="memory-guard", daemon=True).start()

    def wake(self) -> None:
        """Note that a task was submitted."""
        self._has_work.set()

    def close(self) -> None:
        """Stop checking."""
        self._is_closed = True
        self._has_work.set()

    def _run(self) -> None:
        while self._has_work.wait() and not self._is_closed:
            self._has_work.clear()
            while any(slot.task is not None for slot in self._slots):
                self._check_slots()
                time.sleep(CHECK_SECONDS)

    def _check_slots(self) -> None:
        """Check every slot; a bug here must cost neither the daemon nor the other slots."""
        for slot in self._slots:
            try:
                slot.check_worker()
            except Exception:
                log.exception("memory_guard.failed")
