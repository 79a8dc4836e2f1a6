"""What the supervising process looks up in a message from a worker."""

from __future__ import annotations

import os
import pickle
from multiprocessing import Pipe

import pytest
from pebble.common.types import ResultStatus

from daemon.core.records import Box
from daemon.engine.wire import ResultReader

NAME = "SUCCESS"


class ByAttribute:
    """Pickled as a member of an enum is by Python 3.11.0 to 3.11.3: `getattr(its class, its name)`.

    (enum.pickle_by_enum_name; Debian 12 has 3.11.2.)
    """

    def __init__(self, of: object, name: str) -> None:
        self.of = of
        self.name = name

    def __reduce__(self) -> tuple:
        return getattr, (self.of, self.name)


def received(message: object) -> object:
    """Send a message through a pipe as a worker does, and return what is read."""
    reading, writing = Pipe(duplex=False)
    with ResultReader(reading) as reader, writing:
        writing.send_bytes(pickle.dumps(message))
        return reader.recv()


def test_a_member_of_an_enum_is_read_however_this_python_pickles_it() -> None:
    assert received(ResultStatus.SUCCESS) is ResultStatus.SUCCESS
    assert received(ByAttribute(ResultStatus, NAME)) is ResultStatus.SUCCESS


@pytest.mark.parametrize(
    "message",
    [
        ByAttribute(ResultStatus, "__class__"),
        ByAttribute(Box, "__init__"),
        ByAttribute(ByAttribute(Box, "__init__"), "__globals__"),
        ByAttribute(NAME, "format"),
        os.getcwd,
    ],
    ids=["a method", "of a record", "of a function", "of a value", "a function"],
)
def test_nothing_else_is_reached_through_it(message: object) -> None:
    with pytest.raises(pickle.PicklingError):
        assert received(message) is None
