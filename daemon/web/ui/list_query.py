"""The query parameters of the list, which the links from it to a document carry on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from daemon.web.index.records import ORDERS, STATUSES, DocumentFilter, Order

MAX_QUERY_CHARACTERS = 200
MAX_OFFSET = 10_000_000


class ListQuery:
    """What a reader asked of the list; invalid values are ignored.

    `first_day` and `last_day` (both included) are days of the reader in the time zone `zone`, UTC
    without one.
    """

    def __init__(self, parameters: Mapping[str, str]) -> None:
        self.text = parameters.get("q", "").strip()[:MAX_QUERY_CHARACTERS]
        status = parameters.get("status", "")
        self.status = status if status in STATUSES else ""
        order = parameters.get("sort", "")
        self.order: Order = order if order in ORDERS else ORDERS[0]
        self.first_day = _day(parameters.get("from", ""))
        self.last_day = _day(parameters.get("to", ""))
        self.zone = parameters.get("zone", "") if self.first_day or self.last_day else ""
        self.offset = min(max(0, number(parameters.get("offset", ""), 0)), MAX_OFFSET)

    @property
    def filter(self) -> DocumentFilter:
        """The documents that were asked for."""
        zone = _time_zone(self.zone)
        until = self.last_day and self.last_day + timedelta(days=1)
        return DocumentFilter(
            self.text, self.status, _utc(self.first_day, zone), _utc(until, zone), self.order
        )

    @property
    def is_narrowed(self) -> bool:
        """Whether it asks for a part of the documents only."""
        return bool(self.text or self.status or self.first_day or self.last_day)

    @property
    def values(self) -> dict[str, str]:
        """The parameters that differ from those of the whole list."""
        values: dict[str, str] = {
            "q": self.text, "status": self.status, "from": _iso(self.first_day),
            "to": _iso(self.last_day), "zone": self.zone,
            "sort": self.order if self.order != ORDERS[0] else "",
        }  # fmt: skip
        return {name: value for name, value in values.items() if value}

    @property
    def parameters(self) -> str:
        """The query string of the list, without the place in it."""
        return urlencode(self.values)

    def at(self, offset: int) -> str:
        """Return the query string of the list from `offset` on."""
        return urlencode({**self.values, **({"offset": offset} if offset else {})})

    def url(self, offset: int = 0) -> str:
        """Return the URL of the list from `offset` on."""
        parameters = self.at(offset)
        return f"/?{parameters}" if parameters else "/"


def number(text: str, default: int) -> int:
    """Return the number that a parameter has, `default` if it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else default


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 1970 <= day.year < 9999 else None


def _iso(day: date | None) -> str:
    return day.isoformat() if day else ""


def _time_zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):
        return None


def _utc(day: date | None, zone: ZoneInfo | None) -> str:
    """Return the start of a day in UTC, as `DocumentFilter` has it."""
    if day is None:
        return ""
    start = datetime.combine(day, time(), zone or UTC).astimezone(UTC)
    return start.strftime("%Y-%m-%dT%H:%M:%S")
