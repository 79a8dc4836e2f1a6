"""Streams the files of a request to disk while they arrive: hashed, type-checked and counted.

A request is accepted as a whole: if one of its files is rejected, so are all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from anyio import to_thread
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from daemon.web.http.body import UPLOAD_PACE, RequestBody
from daemon.web.http.errors import HttpError
from daemon.web.uploads.uploads import ReceivedFile, Uploads, UploadWriter

MAX_FILES = 50  # of one request
MAX_PARTS = 100
MAX_FIELD_BYTES = 1000  # of a value in a form that is no file


@dataclass(frozen=True, slots=True)
class ReceivedForm:
    """The files of a request, at least one, and the values of its other form fields by name."""

    files: list[ReceivedFile]
    fields: dict[str, list[str]] = field(default_factory=dict)


async def receive_files(request: Request, uploads: Uploads, max_bytes: int) -> list[ReceivedFile]:
    """Return the files of a request, at least one; HttpError if they cannot be accepted."""
    return (await receive_form(request, uploads, max_bytes)).files


async def receive_form(request: Request, uploads: Uploads, max_bytes: int) -> ReceivedForm:
    """Return the files and fields of a request; HttpError if they cannot be accepted."""
    body, parser = RequestBody(request, max_bytes, UPLOAD_PACE), _parser(request, uploads)
    try:
        while chunk := await body.next_chunk():
            await to_thread.run_sync(parser.feed, chunk)
        return await to_thread.run_sync(parser.finish)
    except BaseException as error:
        await asyncio.shield(to_thread.run_sync(parser.discard))
        if isinstance(error, HttpError):
            await body.drain()
        raise


def _parser(request: Request, uploads: Uploads) -> _RawBody | _MultipartBody:
    kind, options = parse_options_header(request.headers.get("content-type", "").encode("latin-1"))
    if kind == b"multipart/form-data":
        boundary = options.get(b"boundary", b"")
        if not 1 <= len(boundary) <= 70:
            reason = "multipart/form-data needs a boundary of 1 to 70 bytes"
            raise HttpError(400, "malformed", reason)
        if "name" in request.query_params:
            reason = "name is for a body that is the file itself; a form names its files"
            raise HttpError(400, "invalid_parameter", reason)
        return _MultipartBody(boundary, uploads)
    if _is_file_type(kind):
        return _RawBody(request.query_params.get("name", ""), uploads)
    reason = "send a file as multipart/form-data, or its bytes as image/* or application/pdf"
    raise HttpError(415, "unsupported", reason)


def _is_file_type(media_type: bytes) -> bool:
    """Return whether a body or a part of this type is a file."""
    is_document = media_type in (b"application/pdf", b"application/octet-stream")
    return is_document or media_type.startswith(b"image/")


class _RawBody:
    """A body that is the file itself."""

    def __init__(self, name: str, uploads: Uploads) -> None:
        self._uploads = uploads
        self._name = name
        self._writer: UploadWriter | None = None

    def feed(self, chunk: bytes) -> None:
        if self._writer is None:
            self._writer = self._uploads.begin(self._name)
        self._writer.write(chunk)

    def finish(self) -> ReceivedForm:
        if self._writer is None:
            raise HttpError(400, "empty", "the body is empty; send an image or a PDF")
        return ReceivedForm([self._writer.finish()])

    def discard(self) -> None:
        self._uploads.discard(self._writer, [])


class _MultipartBody:
    """A form; its files are the parts with a file name or the media type of a file."""

    def __init__(self, boundary: bytes, uploads: Uploads) -> None:
        self._uploads = uploads
        self._files: list[ReceivedFile] = []
        self._fields: dict[str, list[str]] = {}
        self._writer: UploadWriter | None = None
        self._parts = 0
        self._is_complete = False
        self._field = self._value = b""
        self._disposition = self._content_type = self._field_value = b""
        self._field_name = ""
        self._name: str | None = None
        callbacks: dict[str, Callable[..., None]] = {
            "on_part_begin": self._begin_part, "on_part_data": self._part_data,
            "on_part_end": self._end_part, "on_header_field": self._header_field,
            "on_header_value": self._header_value, "on_header_end": self._header_end,
            "on_headers_finished": self._headers_end, "on_end": self._end,
        }  # fmt: skip
        self._parser = MultipartParser(boundary, callbacks)  # type: ignore[arg-type]

    def feed(self, chunk: bytes) -> None:
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            reason = "the body is not well-formed multipart/form-data"
            raise HttpError(400, "malformed", reason) from error

    def finish(self) -> ReceivedForm:
        if not self._is_complete:
            raise HttpError(400, "malformed", "the body ends before its last part does")
        if not self._files:
            reason = "the form has no file; send one, in a field of any name"
            raise HttpError(400, "no_file", reason)
        return ReceivedForm(self._files, self._fields)

    def discard(self) -> None:
        self._uploads.discard(self._writer, self._files)

    def _begin_part(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise HttpError(413, "too_many_files", f"a form may have at most {MAX_PARTS} parts")
        self._disposition = self._content_type = self._field_value = b""
        self._field = self._value = b""
        self._name = None

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._field.lower() == b"content-disposition":
            self._disposition = self._value
        elif self._field.lower() == b"content-type":
            self._content_type = self._value
        self._field = self._value = b""

    def _headers_end(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._field_name = options.get(b"name", b"").decode("utf-8", "replace")
        if b"filename" in options:
            self._name = options[b"filename"].decode("utf-8", "replace")
        elif _is_file_type(parse_options_header(self._content_type)[0]):
            self._name = ""

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._name is None:
            self._field_value += data[start:end]
            if len(self._field_value) > MAX_FIELD_BYTES:
                name = self._field_name[:60]
                reason = (
                    f"the form field {name!r} is longer than {MAX_FIELD_BYTES} bytes; "
                    "a file needs a filename in its part"
                )
                raise HttpError(400, "malformed", reason)
            return
        if self._writer is None:
            if len(self._files) >= MAX_FILES:
                reason = f"a request may have at most {MAX_FILES} files"
                raise HttpError(413, "too_many_files", reason)
            self._writer = self._uploads.begin(self._name)
        self._writer.write(data[start:end])

    def _end_part(self) -> None:
        if self._writer is not None:
            self._files.append(self._writer.finish())
            self._writer = None
        elif self._name:
            raise HttpError(400, "empty", "a file is empty; scan or copy it again")
        elif self._name is None:
            value = self._field_value.decode("utf-8", "replace")
            self._fields.setdefault(self._field_name, []).append(value)

    def _end(self) -> None:
        self._is_complete = True
