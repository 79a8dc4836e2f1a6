"""The body of a request as it comes in: with a limit, and no longer than its sender may take."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.types import Message

from daemon.web.http.errors import Refused

DRAINED_BYTES = 4_000_000  # of a refused body that are read, so that its sender hears why
DRAINED_SECONDS = 3.0
FORM_BYTES = 16_000
FORMS_AT_ONCE = 8  # that are waited for; anybody may send one
_CLOSE = {"Connection": "close"}  # a sender that was not heard out cannot ask again on this line


@dataclass(frozen=True, slots=True)
class Pace:
    """How slow a sender may be: seconds without a byte, seconds in all, more for what came.

    Only the time that we wait counts, not that which a slow disk takes.
    """

    stall_seconds: float
    grace_seconds: float
    bytes_per_second: float


UPLOAD = Pace(30.0, 60.0, 5_000.0)  # a telephone in a cellar is faster
FORM = Pace(10.0, 10.0, math.inf)


class Body:
    """What a request brings, part by part."""

    def __init__(
        self, request: Request, most_bytes: int, pace: Pace,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        """`clock` is in seconds and never turned back."""
        self._receive: Callable[[], Awaitable[Message]] = request.receive
        self._most = most_bytes
        self._pace = pace
        self._clock = clock
        declared = request.headers.get("content-length", "")
        self._declared = int(declared) if declared.isdecimal() and len(declared) < 20 else 0
        self._received = 0
        self._waited = 0.0
        self._has_ended = False

    async def next_chunk(self) -> bytes:
        """Return the next bytes, none at the end; Refused if they are too many or too slow."""
        while True:
            if max(self._declared, self._received) > self._most:
                most = (
                    f"{self._most / 1e6:g} MB" if self._most >= 1e6 else f"{self._most / 1e3:g} kB"
                )
                raise Refused(413, "too_large", f"a request may bring {most} at most; split it")
            if self._has_ended:
                return b""
            chunk = self._taken(await self._awaited())
            if chunk and self._received <= self._most:
                return chunk

    async def drain(self) -> None:
        """Read on for a moment: a sender that is cut off in the middle never sees the answer."""
        if self._declared - self._received > DRAINED_BYTES:
            return  # it would be cut off all the same
        most = self._received + DRAINED_BYTES
        with contextlib.suppress(Exception):
            async with asyncio.timeout(DRAINED_SECONDS):
                while not self._has_ended and self._received < most:
                    self._taken(await self._receive())

    async def _awaited(self) -> Message:
        pace, began = self._pace, self._clock()
        left = pace.grace_seconds + self._received / pace.bytes_per_second - self._waited
        try:
            return await asyncio.wait_for(self._receive(), max(0.0, min(pace.stall_seconds, left)))
        except TimeoutError as error:
            self._has_ended = True
            slow = f"slower than {pace.bytes_per_second:g} bytes a second; use a better line"
            is_slow = left < pace.stall_seconds and math.isfinite(pace.bytes_per_second)
            why = f"it came {slow}" if is_slow else f"nothing came for {pace.stall_seconds:g} s"
            raise Refused(408, "too_slow", why, _CLOSE) from error
        finally:
            self._waited += self._clock() - began

    def _taken(self, message: Message) -> bytes:
        if message["type"] == "http.disconnect":
            self._has_ended = True
            raise Refused(400, "broken_off", "the request ended before its body did")
        chunk: bytes = message.get("body", b"")
        self._received += len(chunk)
        self._has_ended = not message.get("more_body", False)
        return chunk


class Forms:
    """Reads small forms, a few at once: silent senders keep nobody from the rest of the site."""

    def __init__(self, at_once: int = FORMS_AT_ONCE, pace: Pace = FORM) -> None:
        self._left = at_once
        self._pace = pace

    async def read(self, request: Request) -> dict[str, str]:
        """Return the fields of a form, the last of each name; Refused if it cannot be read."""
        if not self._left:
            why = "too many forms are on their way; try again in a moment"
            raise Refused(503, "crowded", why, _CLOSE | {"Retry-After": "5"})
        self._left -= 1
        try:
            body, content = Body(request, FORM_BYTES, self._pace), b""
            while chunk := await body.next_chunk():
                content += chunk
        except Refused as refused:
            refused.headers |= _CLOSE
            raise
        finally:
            self._left += 1
        try:
            return dict(parse_qsl(content.decode("ascii"), max_num_fields=10))
        except ValueError as error:
            raise Refused(400, "malformed", "the body is no form") from error
