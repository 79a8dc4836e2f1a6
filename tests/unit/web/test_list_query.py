"""The query parameters of the list."""

from __future__ import annotations

import pytest

from daemon.web.index.records import DocumentFilter
from daemon.web.ui.list_query import ListQuery


def test_days_are_those_of_the_reader() -> None:
    query = ListQuery({"from": "2026-07-01", "to": "2026-07-02", "zone": "Asia/Shanghai"})

    assert (query.filter.since, query.filter.until) == (
        "2026-06-30T16:00:00", "2026-07-02T16:00:00",
    )  # fmt: skip


def test_the_last_day_ends_where_summer_time_does() -> None:
    query = ListQuery({"from": "2026-10-25", "to": "2026-10-25", "zone": "Europe/Berlin"})

    assert (query.filter.since, query.filter.until) == (
        "2026-10-24T22:00:00", "2026-10-25T23:00:00",
    )  # fmt: skip


@pytest.mark.parametrize(
    "parameters",
    [
        {"from": "yesterday", "to": "2026-13-01"},
        {"from": "0001-01-01", "to": "9999-12-31"},
        {"sort": "shuffle", "status": "lost", "offset": "-1"},
        {"zone": "Europe/Berlin"},
        {"q": "   "},
    ],
)
def test_invalid_parameters_are_left_out(parameters: dict[str, str]) -> None:
    query = ListQuery(parameters)

    assert query.filter == DocumentFilter()
    assert query.url() == "/"


@pytest.mark.parametrize("zone", ["Nowhere/Here", "../../etc/passwd", "/etc/localtime", "\0", "."])
def test_an_unknown_time_zone_is_utc(zone: str) -> None:
    assert ListQuery({"from": "2026-07-01", "zone": zone}).filter.since == "2026-07-01T00:00:00"


def test_the_parameters_of_a_query_ask_the_same_again() -> None:
    asked = {
        "q": "船 & Co", "status": "done", "from": "2026-07-01", "to": "2026-07-02",
        "zone": "Asia/Shanghai", "sort": "name",
    }  # fmt: skip

    query = ListQuery(asked)

    assert query.values == asked
    assert ListQuery(query.values).filter == query.filter
