"""Request bodies: read in chunks, with a size limit and a minimum speed."""

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

from daemon.web.http.errors import HttpError

DRAIN_BYTES = 4_000_000  # read of a rejected body, so that its sender receives the response
DRAIN_SECONDS = 3.0
MAX_FORM_BYTES = 64_000
MAX_FORM_FIELDS = 1100
MAX_CONCURRENT_FORMS = 8  # anybody may send one, without a token
_CLOSE = {"Connection": "close"}  # an unread body makes the connection unusable for more requests


@dataclass(frozen=True, slots=True)
class PaceLimits:
    """How slow a sender may be.

    `stall_seconds` is the longest pause without a byte; in all a body may take `grace_seconds`
    plus what its bytes need at `bytes_per_second`. Only the time spent waiting for the client
    counts, not that of a slow disk.
    """

    stall_seconds: float
    grace_seconds: float
    bytes_per_second: float


UPLOAD_PACE = PaceLimits(30.0, 60.0, 5_000.0)  # slower than a mobile phone with a poor signal
FORM_PACE = PaceLimits(10.0, 10.0, math.inf)


class RequestBody:
    """The body of one request, chunk by chunk."""

    def __init__(
        self, request: Request, max_bytes: int, pace: PaceLimits,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        """`clock` returns monotonic seconds."""
        self._receive: Callable[[], Awaitable[Message]] = request.receive
        self._max_bytes = max_bytes
        self._pace = pace
        self._clock = clock
        declared = request.headers.get("content-length", "")
        self._declared = int(declared) if declared.isdecimal() and len(declared) < 20 else 0
        self._received = 0
        self._waited_seconds = 0.0
        self._has_ended = False

    async def next_chunk(self) -> bytes:
        """Return the next bytes, b"" at the end; HttpError if the body is too large or slow."""
        while True:
            if max(self._declared, self._received) > self._max_bytes:
                raise HttpError(413, "too_large", self._too_large())
            if self._has_ended:
                return b""
            chunk = self._consume(await self._next_message())
            if chunk and self._received <= self._max_bytes:
                return chunk

    async def drain(self) -> None:
        """Read on for a moment: a client that is cut off while sending never sees the response."""
        if self._declared - self._received > DRAIN_BYTES:
            return  # it would be cut off anyway
        limit = self._received + DRAIN_BYTES
        with contextlib.suppress(Exception):
            async with asyncio.timeout(DRAIN_SECONDS):
                while not self._has_ended and self._received < limit:
                    self._consume(await self._receive())

    def _too_large(self) -> str:
        size = self._max_bytes
        limit = f"{size / 1e6:g} MB" if size >= 1e6 else f"{size / 1e3:g} kB"
        return f"the request is larger than {limit}; split it into smaller ones"

    async def _next_message(self) -> Message:
        pace, began = self._pace, self._clock()
        allowed = pace.grace_seconds + self._received / pace.bytes_per_second
        left = allowed - self._waited_seconds
        try:
            return await asyncio.wait_for(self._receive(), max(0.0, min(pace.stall_seconds, left)))
        except TimeoutError as error:
            self._has_ended = True
            is_slow = left < pace.stall_seconds and math.isfinite(pace.bytes_per_second)
            reason = (
                f"the body arrived at less than {pace.bytes_per_second:g} bytes/s; "
                "use a faster connection"
                if is_slow
                else f"no data was received for {pace.stall_seconds:g} s"
            )
            raise HttpError(408, "too_slow", reason, _CLOSE) from error
        finally:
            self._waited_seconds += self._clock() - began

    def _consume(self, message: Message) -> bytes:
        if message["type"] == "http.disconnect":
            self._has_ended = True
            raise HttpError(400, "incomplete_body", "the connection closed before the body ended")
        chunk: bytes = message.get("body", b"")
        self._received += len(chunk)
        self._has_ended = not message.get("more_body", False)
        return chunk


class FormReader:
    """Reads small forms, a few at a time, so that stalled clients cannot block the site."""

    def __init__(
        self, max_concurrent: int = MAX_CONCURRENT_FORMS, pace: PaceLimits = FORM_PACE
    ) -> None:
        self._free = max_concurrent
        self._pace = pace

    async def read(self, request: Request) -> dict[str, str]:
        """Return the fields of a form, the last of each name; HttpError if it cannot be read."""
        return dict(await self.read_all(request))

    async def read_all(self, request: Request) -> list[tuple[str, str]]:
        """Return names and values of all fields of a form; HttpError if it cannot be read."""
        if not self._free:
            reason = "too many forms are being received; try again in a moment"
            raise HttpError(503, "busy", reason, _CLOSE | {"Retry-After": "5"})
        self._free -= 1
        try:
            body, content = RequestBody(request, MAX_FORM_BYTES, self._pace), b""
            while chunk := await body.next_chunk():
                content += chunk
        except HttpError as error:
            error.headers |= _CLOSE
            raise
        finally:
            self._free += 1
        try:
            return parse_qsl(content.decode("ascii"), max_num_fields=MAX_FORM_FIELDS)
        except ValueError as error:
            raise HttpError(400, "malformed", "the body is not a valid form") from error
