"""Responses with files: the bytes unchanged, under a media type that no browser executes."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from io import BufferedReader
from pathlib import Path, PurePosixPath
from typing import Any

from starlette.responses import Response, StreamingResponse

from daemon.core import fs
from daemon.core.structure import HeadingLevels
from daemon.outbox import markdown
from daemon.outbox.reader import output_path, page_text, upgraded
from daemon.web.http.errors import HttpError
from daemon.web.http.filenames import content_disposition
from daemon.web.http.sniff import HEAD_BYTES, sniff
from daemon.web.index.catalogue import Catalogue
from daemon.web.index.records import DocumentDetails

CHUNK_BYTES = 262_144
INLINE_TYPES = (
    "image/png", "image/jpeg", "image/gif", "image/webp", "text/plain", "application/json",
)  # fmt: skip
UNKNOWN_TYPE = "application/octet-stream"


def output_response(catalogue: Catalogue, details: DocumentDetails, name: str) -> Response:
    """Return an output, or the sidecar itself, by its name; HttpError if there is none."""
    sidecar = catalogue.sidecar_name(details)
    if details.summary.is_gone:
        raise HttpError(410, "gone", "the result was collected or deleted")
    media_types = {each["name"]: each.get("media_type", UNKNOWN_TYPE) for each in details.outputs}
    if sidecar is None or name not in media_types:
        raise HttpError(404, "not_found", "the document has no such output")
    is_sidecar = name == fs.to_unicode(Path(sidecar).name)
    if is_sidecar and details.sidecar is not None:
        content = _sidecar_bytes(catalogue, sidecar, details.sidecar)
        headers = content_disposition(name, "inline")
        return Response(content, media_type="application/json", headers=headers)
    try:
        path = sidecar if is_sidecar else output_path(sidecar, name)
        file = fs.open_beneath(catalogue.paths.outbox, path)
    except (OSError, ValueError) as error:
        raise HttpError(410, "gone", "this output was collected") from error
    return _file_response(file, media_types[name], PurePosixPath(name).name)


def _sidecar_bytes(catalogue: Catalogue, path: str, shown: dict[str, Any]) -> bytes:
    """Return the file byte for byte.

    It is serialized from `shown` where the file contains paths of this machine, and where it was
    collected or replaced since it was read. A sidecar of an earlier version stays what it is.
    """
    with contextlib.suppress(OSError, ValueError):
        with fs.open_beneath(catalogue.paths.outbox, path) as file:
            content = file.read()
        if upgraded(json.loads(content)) == shown:
            return content
    return f"{json.dumps(shown, ensure_ascii=False, indent=1)}\n".encode("utf-8", "replace")


def original_response(catalogue: Catalogue, details: DocumentDetails) -> Response:
    """Return the original under the media type of its content; HttpError if it is gone."""
    if details.original is None:
        reason = "the original is not available any more, or is being read right now"
        raise HttpError(410, "original_gone", reason)
    try:
        file = catalogue.originals.open(details.original)
    except OSError as error:
        raise HttpError(410, "original_gone", "the original was just removed") from error
    detected = sniff(file.read(HEAD_BYTES))
    file.seek(0)
    media_type = detected[0] if detected else UNKNOWN_TYPE
    return _file_response(file, media_type, details.summary.title)


def text_response(text: str) -> Response:
    """Return the text of a document."""
    content = text.encode("utf-8", "replace")
    return Response(content, media_type="text/plain; charset=utf-8")


def markdown_response(pages: Callable[[], Iterable[Mapping[str, Any]]]) -> Response:
    """Return a document as Markdown, with one page in memory at a time.

    `pages` returns the pages of its sidecar; they are gone through twice, for levels of headings.
    """

    def parts() -> Iterator[bytes]:
        levels = HeadingLevels(map(page_text, pages()))
        for part in markdown.render(map(page_text, pages()), levels):
            yield part.encode("utf-8", "replace")

    return StreamingResponse(parts(), media_type="text/markdown; charset=utf-8")


def document_response(
    content: Mapping[str, Any], text: str, pages: Iterator[Mapping[str, Any]], status: int
) -> Response:
    """Return the JSON of a document with one page in memory at a time."""

    def parts() -> Iterator[bytes]:
        before = {name: value for name, value in content.items() if name != "pages"}
        yield _encoded({**before, "text": text, "pages": []}).removesuffix(b"]}")
        for number, page in enumerate(pages):
            yield b"," * bool(number) + _encoded(page)
        yield b"]}"

    return StreamingResponse(parts(), status, media_type="application/json")


def _encoded(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")


def _file_response(file: BufferedReader, media_type: str, name: str) -> Response:
    size = os.fstat(file.fileno()).st_size
    disposition = "inline" if media_type in INLINE_TYPES else "attachment"
    headers = {**content_disposition(name, disposition), "Content-Length": str(size)}
    return StreamingResponse(_chunks(file, size), media_type=media_type, headers=headers)


def _chunks(file: BufferedReader, size: int) -> Iterator[bytes]:
    """Return exactly the announced number of bytes, even if the file grows meanwhile."""
    with file:
        while size > 0 and (chunk := file.read(min(CHUNK_BYTES, size))):
            size -= len(chunk)
            yield chunk
