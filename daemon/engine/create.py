"""Chooses the engine."""

from __future__ import annotations

from collections.abc import Callable

from daemon.core.counters import Counters
from daemon.engine.local_pool import LocalEngine
from daemon.engine.protocol import Engine, EngineSetup


def create_engine(setup: EngineSetup, notify: Callable[[], None], counters: Counters) -> Engine:
    """Return an engine, not started; it calls `notify` from another thread after each task."""
    return LocalEngine(setup, notify, counters)
