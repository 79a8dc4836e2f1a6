"""How Dask is set up in our processes: its log, its limits, TLS.

The package imports this first: Dask reads most of these settings when `distributed` is imported.
"""

from __future__ import annotations

import logging
from typing import Any, Final

import dask

from daemon.engine.protocol import ClusterSetup

# Between two messages to the scheduler. Dask's client waits 10 ms, its worker 2, to send many small
# messages at once; with a page in each task that only makes the next task begin later.
SEND_SECONDS: Final = 0.001
CONNECT_SECONDS: Final = 10.0  # in which a scheduler answers, before it counts as unreachable

dask.config.set(
    {
        # Dask's own handler would write plain lines between ours; so they reach the root logger
        "logging": {"version": 1, "incremental": True},
        "distributed.worker.daemon": False,  # a worker has processes of its own: the local pool
        "distributed.worker.profile.enabled": False,  # a stack trace every 10 ms
        # of each connection Dask keeps the last 1 000 messages below 1 MB for its developers
        "distributed.admin.low-level-log-length": 20,
        "distributed.admin.event-loop-monitor.enabled": False,
        "distributed.comm.timeouts.connect": f"{CONNECT_SECONDS}s",
    }
)
logging.getLogger("distributed").setLevel(logging.WARNING)


def security(cluster: ClusterSetup) -> Any:  # noqa: ANN401 -- distributed has no types
    """Return Dask's security settings: mutual TLS where files are named, else none.

    OSError or ssl.SSLError where a file is missing or no certificate, when it is first used.
    """
    from distributed.security import Security

    tls = cluster.tls
    if tls is None:
        return Security(require_encryption=False)
    files = {"cert": str(tls.cert), "key": str(tls.key)}
    roles = {
        f"tls_{role}_{kind}": file for role in ("client", "worker") for kind, file in files.items()
    }
    return Security(require_encryption=True, tls_ca_file=str(tls.ca), **roles)
