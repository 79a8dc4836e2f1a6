"""A request's body becomes drafts while it comes in: hashed, judged and counted on the way.

A request is taken wholly or not at all: where one of its files is refused, so are all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from anyio import to_thread
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from daemon.web.http.body import UPLOAD, Body
from daemon.web.http.errors import Refused
from daemon.web.uploads.uploads import Draft, Incoming, Uploads

MOST_FILES = 50  # of one request
MOST_PARTS = 100


async def receive(request: Request, uploads: Uploads, most_bytes: int) -> list[Draft]:
    """Return the files of a request as drafts, at least one; Refused if they cannot be taken."""
    body, sink = Body(request, most_bytes, UPLOAD), _sink(request, uploads)
    try:
        while chunk := await body.next_chunk():
            await to_thread.run_sync(sink.feed, chunk)
        return await to_thread.run_sync(sink.finish)
    except BaseException as error:
        await asyncio.shield(to_thread.run_sync(sink.discard))
        if isinstance(error, Refused):
            await body.drain()
        raise


def _sink(request: Request, uploads: Uploads) -> _Raw | _Multipart:
    kind, options = parse_options_header(request.headers.get("content-type", "").encode("latin-1"))
    if kind == b"multipart/form-data":
        boundary = options.get(b"boundary", b"")
        if not 1 <= len(boundary) <= 70:
            raise Refused(400, "malformed", "multipart/form-data needs a boundary of 1 to 70 bytes")
        return _Multipart(boundary, uploads)
    if kind.startswith(b"image/") or kind in (b"application/pdf", b"application/octet-stream"):
        return _Raw(request.query_params.get("name", ""), uploads)
    why = "send multipart/form-data with a file, or the bytes themselves as image/* or PDF"
    raise Refused(415, "unsupported", why)


class _Raw:
    """The body is the file."""

    def __init__(self, name: str, uploads: Uploads) -> None:
        self._uploads = uploads
        self._name = name
        self._incoming: Incoming | None = None

    def feed(self, chunk: bytes) -> None:
        if self._incoming is None:
            self._incoming = self._uploads.begin(self._name)
        self._incoming.write(chunk)

    def finish(self) -> list[Draft]:
        if self._incoming is None:
            raise Refused(400, "empty", "the body is empty; send an image or a PDF")
        return [self._incoming.finish()]

    def discard(self) -> None:
        self._uploads.discard(self._incoming, [])


class _Multipart:
    """The files are the parts that have a file name; what else a form brings is passed over."""

    def __init__(self, boundary: bytes, uploads: Uploads) -> None:
        self._uploads = uploads
        self._drafts: list[Draft] = []
        self._incoming: Incoming | None = None
        self._parts = 0
        self._is_whole = False
        self._field = self._value = b""
        self._disposition = b""
        self._name: str | None = None
        steps: dict[str, Callable[..., None]] = {
            "on_part_begin": self._begin_part, "on_part_data": self._data,
            "on_part_end": self._end_part, "on_header_field": self._header_field,
            "on_header_value": self._header_value, "on_header_end": self._header_end,
            "on_headers_finished": self._headers_end, "on_end": self._end,
        }  # fmt: skip
        self._parser = MultipartParser(boundary, steps)  # type: ignore[arg-type]

    def feed(self, chunk: bytes) -> None:
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            why = "the body is no well-formed multipart/form-data"
            raise Refused(400, "malformed", why) from error

    def finish(self) -> list[Draft]:
        if not self._is_whole:
            raise Refused(400, "malformed", "the body ends before its last part does")
        if not self._drafts:
            raise Refused(400, "no_file", "the form has no file; send one, in a field of any name")
        return self._drafts

    def discard(self) -> None:
        self._uploads.discard(self._incoming, self._drafts)

    def _begin_part(self) -> None:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise Refused(413, "too_many", f"a form may have {MOST_PARTS} parts at most")
        self._disposition = self._field = self._value = b""
        self._name = None

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._field.lower() == b"content-disposition":
            self._disposition = self._value
        self._field = self._value = b""

    def _headers_end(self) -> None:
        _, options = parse_options_header(self._disposition)
        if b"filename" in options:
            self._name = options[b"filename"].decode("utf-8", "replace")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._name is None:
            return
        if self._incoming is None:
            if len(self._drafts) >= MOST_FILES:
                raise Refused(413, "too_many", f"a request may bring {MOST_FILES} files at most")
            self._incoming = self._uploads.begin(self._name)
        self._incoming.write(data[start:end])

    def _end_part(self) -> None:
        if self._incoming is not None:
            self._drafts.append(self._incoming.finish())
            self._incoming = None
        elif self._name:
            raise Refused(400, "empty", "a file is empty; scan or copy it again")

    def _end(self) -> None:
        self._is_whole = True
