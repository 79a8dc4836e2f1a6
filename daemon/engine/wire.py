"""What is believed of what a worker says: answers made of our own records and plain values.

A pickle may call any function. A decoder taken over by a hostile file must not use that to reach
the supervising process, nor fill its memory, so only the names below are looked up in a message,
and a message has a size.
"""

from __future__ import annotations

import enum
import io
import pickle
from multiprocessing.connection import Connection, reduce_connection  # type: ignore[attr-defined]
from multiprocessing.reduction import ForkingPickler
from typing import Any

# 2 500 lines of a page are 1.5 MB as a message; a task has few pages
MOST_BYTES = 256 << 20

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
        "Block", "Box", "Cell", "Failure", "PagesRead", "PageText", "Table", "TextLine", "Word",
    },
    "daemon.core.errors": {"Deferred", "Died", "Misconfigured", "Rejected"},
    "pathlib": {"PosixPath"},  # the value of a Misconfigured
}  # fmt: skip
_KNOWN = {(module, name) for module, names in (_PEBBLE | _RECORDS).items() for name in names}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401
        if (module, name) == ("builtins", "getattr"):
            return _member  # so the first releases of Python 3.11, Debian 12's, pickle an enum
        if (module, name) not in _KNOWN:
            raise pickle.PicklingError(f"a worker answered with {module}.{name}")
        return super().find_class(module, name)


def _member(enumeration: Any, name: Any) -> enum.Enum:  # noqa: ANN401 -- whatever it asks for
    if not isinstance(enumeration, enum.EnumType):
        raise pickle.PicklingError(f"a worker answered with an attribute of {enumeration!r}")
    return enumeration[name]


class ResultReader(Connection):
    """The reading end of a pipe from a worker."""

    def __init__(self, plain: Connection) -> None:
        """Take over a reading end; `plain` is empty-handed afterwards."""
        super().__init__(plain.fileno(), writable=False)
        plain._handle = None  # type: ignore[attr-defined]

    def recv(self) -> Any:  # noqa: ANN401
        """Return the next message; PicklingError for one that is no answer, OSError where too long.

        pebble takes both for the end of its pool.
        """
        try:
            return _Unpickler(io.BytesIO(self.recv_bytes(MOST_BYTES))).load()
        except (OSError, EOFError, pickle.PicklingError):
            raise
        except Exception as error:
            raise pickle.PicklingError(f"a worker answered in no words: {error!r}") from error


ForkingPickler.register(ResultReader, reduce_connection)  # what travels to a worker is a plain one
