"""The engine on a Dask cluster: tasks go to workers on other machines, each with a local pool.

Nothing here is imported by a daemon with the local engine. `engine` and `remote_task` run in the
supervising process. In a worker (`ocr-daemon worker`) run `worker`, which joins the cluster, and
`task_runner`, which holds the local pool. `worker_functions` are what Dask calls there, `messages`
what the two processes say to each other, `compatibility` what they compare in the handshake.
"""

from daemon.engine.dask_cluster import dask_config

__all__ = ["dask_config"]  # sets Dask up before `distributed` is imported
