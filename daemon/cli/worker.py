"""`ocr-daemon worker`: a worker of a Dask cluster, which reads pages for daemons."""

from __future__ import annotations

from daemon.config.settings import Config
from daemon.core import logs
from daemon.core.errors import Misconfigured
from daemon.supervisor import preflight, wiring


def serve(config: Config, name: str | None) -> None:
    """Serve until SIGTERM or SIGINT; Misconfigured where the config names no scheduler."""
    if config.engine.scheduler is None:
        remedy = "is needed; set engine.scheduler, or use --scheduler tls://HOST:8786"
        raise Misconfigured("engine.scheduler", "null", remedy)
    preflight.refuse_bad_weights(config)
    preflight.refuse_bad_engine(config)
    logs.set_up(None, config.logging.level, log_format=config.logging.format)
    from daemon.engine.dask_cluster.worker import serve as serve_cluster

    setup = wiring.engine_setup_for(config, [])
    cluster = wiring.cluster_setup(config)
    serve_cluster(setup, cluster, name, config.grace_seconds)
