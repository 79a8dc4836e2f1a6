"""What the supervising process looks up in a message from a worker."""

from __future__ import annotations

import dataclasses
import os
import pickle
from collections.abc import Mapping
from multiprocessing import Pipe
from typing import get_args, get_type_hints

import pytest
from pebble.common.types import ResultStatus

from daemon.core import records
from daemon.core.records import Box, PageCount, PagesRead
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


def records_in(annotation: object) -> set[type]:
    """Return the dataclasses that a record may hold, at any depth."""
    if dataclasses.is_dataclass(annotation) and isinstance(annotation, type):
        hints = get_type_hints(annotation, vars(records) | {"Mapping": Mapping})
        return {annotation}.union(*(records_in(hint) for hint in hints.values()))
    return set().union(*(records_in(each) for each in get_args(annotation)))


@pytest.mark.parametrize(
    "record", sorted(records_in(PagesRead) | {PageCount}, key=lambda each: each.__name__)
)
def test_every_record_that_a_result_may_hold_is_let_through(record: type) -> None:
    empty = record.__new__(record)  # its fields have no values: only the name is looked up
    for each in dataclasses.fields(record):
        object.__setattr__(empty, each.name, None)

    assert received(empty) == empty
