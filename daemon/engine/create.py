"""Chooses the engine."""

from __future__ import annotations

from collections.abc import Callable

from daemon.core.counters import Counters
from daemon.engine.local_pool import LocalEngine
from daemon.engine.protocol import Engine, EngineSetup


def create_engine(setup: EngineSetup, notify: Callable[[], None], counters: Counters) -> Engine:
    """Return an engine, not started; it calls `notify` from another thread after each task."""
    if setup.cluster is not None:
        # 40 MB, which a daemon with the local engine does not have
        from daemon.engine.dask_cluster.engine import DaskEngine

        return DaskEngine(setup, setup.cluster, notify, counters)
    return LocalEngine(setup, notify, counters)
