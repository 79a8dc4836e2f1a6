"""Files on their way out: the bytes as they are, under a type that no browser runs."""

from __future__ import annotations

import contextlib
import json
import os
import unicodedata
from collections.abc import Iterator, Mapping
from io import BufferedReader
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.responses import Response, StreamingResponse

from daemon.core import fs
from daemon.web.http.errors import Refused
from daemon.web.http.sniff import HEAD_BYTES, kind_of
from daemon.web.index.catalogue import Catalogue
from daemon.web.index.records import Found
from daemon.web.ui.templating import shown

CHUNK = 262_144
SHOWN = ("image/png", "image/jpeg", "image/gif", "image/webp", "text/plain", "application/json")
UNKNOWN = "application/octet-stream"


def output(catalogue: Catalogue, found: Found, name: str) -> Response:
    """Return an output by its name, or the sidecar itself by its own; Refused if there is none."""
    place = catalogue.place_of(found)
    if found.item.is_gone:
        raise Refused(410, "gone", "its answer was collected or deleted")
    listed = {each["name"]: each.get("media_type", UNKNOWN) for each in found.outputs}
    if place is None or name not in listed:
        raise Refused(404, "unknown", "the document has no such output")
    if name == fs.printable(Path(place).name) and found.sidecar is not None:
        content = _sidecar(catalogue, place, found.sidecar)
        return Response(content, media_type="application/json", headers=disposed(name, "inline"))
    base = Path(place).name if name == fs.printable(Path(place).name) else name
    try:
        beside = os.fspath(Path(place).with_name(base))
        file = fs.open_below(catalogue.places.outbox, beside)
    except (OSError, ValueError) as error:
        raise Refused(410, "gone", "this output was collected") from error
    return _streamed(file, listed[name], name)


def _sidecar(catalogue: Catalogue, place: str, shown: dict[str, Any]) -> bytes:
    """Return the file as it is; in our words where an error in it names a folder of ours, or where
    it was collected or answered anew since it was looked at.
    """
    with contextlib.suppress(OSError, ValueError):
        with fs.open_below(catalogue.places.outbox, place) as file:
            content = file.read()
        if json.loads(content) == shown:
            return content
    return f"{json.dumps(shown, ensure_ascii=False, indent=1)}\n".encode("utf-8", "replace")


def original(catalogue: Catalogue, found: Found) -> Response:
    """Return an original under the type that its bytes have; Refused if it is gone."""
    if found.original is None:
        raise Refused(410, "original_gone", "its bytes are not kept, or are being read right now")
    try:
        file = catalogue.originals.open(found.original)
    except OSError as error:
        raise Refused(410, "original_gone", "its bytes were just taken away") from error
    kind = kind_of(file.read(HEAD_BYTES))
    file.seek(0)
    return _streamed(file, kind[0] if kind else UNKNOWN, found.item.title)


def document(
    content: Mapping[str, Any], text: str, pages: Iterator[Mapping[str, Any]], status: int
) -> Response:
    """Return a document as JSON, with one page in memory at a time."""

    def parts() -> Iterator[bytes]:
        before = {name: value for name, value in content.items() if name != "pages"}
        yield _encoded({**before, "text": text, "pages": []}).removesuffix(b"]}")
        for number, page in enumerate(pages):
            yield b"," * bool(number) + _encoded(page)
        yield b"]}"

    return StreamingResponse(parts(), status, media_type="application/json")


def _encoded(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")


def _streamed(file: BufferedReader, media_type: str, name: str) -> Response:
    size = os.fstat(file.fileno()).st_size
    how = "inline" if media_type in SHOWN else "attachment"
    headers = {**disposed(name, how), "Content-Length": str(size)}
    return StreamingResponse(_chunks(file, size), media_type=media_type, headers=headers)


def _chunks(file: BufferedReader, size: int) -> Iterator[bytes]:
    """Return the promised number of bytes, though the file may grow meanwhile."""
    with file:
        while size > 0 and (chunk := file.read(min(CHUNK, size))):
            size -= len(chunk)
            yield chunk


def disposed(name: str, how: str) -> dict[str, str]:
    """Return the header that names a file; no name can end it, begin another, or turn it round."""
    name = shown(name)
    plain = "".join(
        c if c.isascii() and c.isprintable() and c not in '"\\;%' else "_"
        for c in unicodedata.normalize("NFKD", name)
    )
    encoded = quote(name.encode("utf-8", "replace"), safe="")
    return {"Content-Disposition": f"{how}; filename=\"{plain}\"; filename*=UTF-8''{encoded}"}
