"""The functions that Dask calls in a worker, by their names: they find the host there.

Dask pickles only their names and plain bytes. This module must be importable wherever a daemon
reaches a worker; its parameters change only with the version of the package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from daemon.engine.dask_cluster.host import Host

PLUGIN: Final = "ocr-daemon"
TOPIC: Final = "ocr-daemon"  # of the events by which a worker tells daemons that it is about to end


def greet(hello: bytes, dask_worker: Any = None) -> bytes:  # noqa: ANN401 -- Dask passes its worker
    """Answer how a daemon introduces itself."""
    return _host(dask_worker).greet(hello)


def perform(order: bytes, document: bytes | None) -> tuple[bytes, bytes | None]:
    """Do a task; see `Host.perform`."""
    return _host(_this_worker()).perform(order, document)


def store(worker: str, parcel: str, offset: int, content: bytes) -> bool:
    """Keep a part of a parcel; see `Host.store`."""
    return _host(_this_worker()).store(worker, parcel, offset, content)


def fetch(worker: str, output: str, offset: int) -> bytes | None:
    """Return a part of an output; see `Host.fetch`."""
    return _host(_this_worker()).fetch(worker, output, offset)


def _this_worker() -> Any:  # noqa: ANN401
    from distributed import get_worker

    return get_worker()


def _host(worker: Any) -> Host:  # noqa: ANN401
    plugin = worker.plugins.get(PLUGIN)
    if plugin is None:
        raise LookupError("it was not started by `ocr-daemon worker`")
    host: Host = plugin.host
    return host
