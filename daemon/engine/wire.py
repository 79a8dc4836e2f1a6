"""Messages from workers to the supervising process: results made of records and plain values.

A pickle may call any function. A decoder that a hostile file has taken over must not use that to
reach the supervising process, nor fill its memory: only the names below are looked up in a message,
and the size of a message is limited.
"""

from __future__ import annotations

import enum
import io
import pickle
from multiprocessing.connection import Connection, reduce_connection  # type: ignore[attr-defined]
from multiprocessing.reduction import ForkingPickler
from typing import Any

# 2 500 lines of a page are 1.5 MB as a message; a task has few pages
MAX_MESSAGE_BYTES = 256 << 20

_PEBBLE = {
    "pebble.pool.process": {"Acknowledgement", "TaskResult", "TaskProblem"},
    "pebble.common.types": {
        "Result",
        "ResultStatus",
        "RemoteException",
        "RemoteException.rebuild_exception",
    },
}
_RECORDS = {
    "daemon.core.records": {
        "Block", "Box", "Cell", "DocumentWarning", "Failure", "PageCount", "PagesRead", "PageText",
        "Table", "TextLine", "UnreadRegion", "Word",
    },
    "daemon.core.errors": {"Deferred", "Died", "Misconfigured", "Rejected"},
    "pathlib": {"PosixPath"},  # the value in a Misconfigured
}  # fmt: skip
_ALLOWED = {(module, name) for module, names in (_PEBBLE | _RECORDS).items() for name in names}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401
        if (module, name) == ("builtins", "getattr"):
            return _member  # how the first releases of Python 3.11 (Debian 12) pickle an enum
        if (module, name) not in _ALLOWED:
            raise pickle.PicklingError(f"a worker sent {module}.{name}")
        return super().find_class(module, name)


def _member(enumeration: Any, name: Any) -> enum.Enum:  # noqa: ANN401 -- a worker may send anything
    if not isinstance(enumeration, enum.EnumType):
        raise pickle.PicklingError(f"a worker sent an attribute of {enumeration!r}")
    return enumeration[name]


class ResultReader(Connection):
    """The reading end of a pipe from a worker."""

    def __init__(self, plain: Connection) -> None:
        """Take over the reading end `plain`, which is unusable afterwards."""
        super().__init__(plain.fileno(), writable=False)
        plain._handle = None  # type: ignore[attr-defined]

    def recv(self) -> Any:  # noqa: ANN401
        """Return the next message; PicklingError for one that is no result, OSError if too long.

        pebble treats both as the end of its pool.
        """
        try:
            return _Unpickler(io.BytesIO(self.recv_bytes(MAX_MESSAGE_BYTES))).load()
        except (OSError, EOFError, pickle.PicklingError):
            raise
        except Exception as error:
            raise pickle.PicklingError(f"a worker sent an unreadable message: {error!r}") from error


ForkingPickler.register(ResultReader, reduce_connection)  # workers get a plain connection
