"""What can be done with the documents that a reader has selected in the list."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from daemon.core import fs
from daemon.outbox.reader import output_path
from daemon.web.context import WebContext
from daemon.web.http.block_writer import BlockWriter
from daemon.web.http.body import FormReader
from daemon.web.http.errors import HttpError
from daemon.web.http.filenames import content_disposition, visible_name
from daemon.web.index.deletion import delete_result
from daemon.web.index.records import DocumentDetails, DocumentSummary
from daemon.web.ui.document_page import corrected_text_of, text_of
from daemon.web.ui.list_query import ListQuery
from daemon.web.ui.templating import Templates

MAX_SELECTED = 1000
CHUNK_BYTES = 262_144
LEFT_OUT_NAME = "left out.txt"  # in a zip: the documents without the files that were asked for


@dataclass(frozen=True, slots=True)
class Refusal:
    """A document for which an action failed."""

    summary: DocumentSummary
    error: HttpError


class BulkActions:
    """The actions on selected documents, by the name of the button that asks for them."""

    def __init__(self, context: WebContext, templates: Templates) -> None:
        self._context = context
        self._catalogue = context.catalogue
        self._templates = templates
        self._forms = FormReader()

    async def apply(self, request: Request) -> Response:
        """Apply the action of the form to the documents with its ids, or to all that were found."""
        try:
            fields = await self._forms.read_all(request)
        except HttpError as error:
            return self._templates.error_page(request, error)
        return await to_thread.run_sync(partial(self._apply, request, fields))

    def _apply(self, request: Request, fields: list[tuple[str, str]]) -> Response:
        form = dict(fields)
        query = ListQuery(form)
        try:
            ids = self._ids(query) if "everything" in form else _values(fields, "id")
            _refuse_too_many(len(ids))
            action = self._actions().get(form.get("action", ""))
            if action is None or not ids:
                return RedirectResponse(query.url(), 303)
            return action(request, query, ids)
        except HttpError as error:
            return self._templates.error_page(request, error)

    def _actions(self) -> dict[str, Callable[[Request, ListQuery, list[str]], Response]]:
        return {
            "retry": self._retry,
            "delete": self._confirm_deletion,
            "delete-confirmed": self._delete,
            "text": partial(self._archive, "text", _text_files),
            "pdf": partial(self._archive, "pdf", _pdf_files),
            "files": partial(self._archive, "results", _result_files),
        }

    def _ids(self, query: ListQuery) -> list[str]:
        found = self._catalogue.find(query.filter, 0, MAX_SELECTED)
        _refuse_too_many(found.total)
        return [each.id for each in found.documents]

    def _documents(self, ids: Sequence[str]) -> Iterator[DocumentDetails]:
        """Return the documents that are still there, one in memory at a time."""
        for identity in ids:
            if details := self._catalogue.document(identity):
                yield details

    def _retry(self, request: Request, query: ListQuery, ids: list[str]) -> Response:
        failed = (each for each in self._documents(ids) if each.summary.status == "failed")
        return self._each(request, query, failed, self._context.uploads.retry)

    def _confirm_deletion(self, request: Request, query: ListQuery, ids: list[str]) -> Response:
        found = [each for each in self._documents(ids) if each.summary.is_closed]
        deletable = [each for each in found if not each.summary.is_gone]
        if not deletable:
            return RedirectResponse(query.url(), 303)
        return self._templates.render(
            request, "delete_selected.html", query=query,
            summaries=[each.summary for each in deletable],
            corrected_lines=sum(len(self._catalogue.corrections(each)) for each in deletable),
        )  # fmt: skip

    def _delete(self, request: Request, query: ListQuery, ids: list[str]) -> Response:
        delete = partial(delete_result, self._catalogue)
        return self._each(request, query, self._documents(ids), delete)

    def _each(
        self, request: Request, query: ListQuery, documents: Iterator[DocumentDetails],
        act: Callable[[DocumentDetails], object],
    ) -> Response:  # fmt: skip
        """Do something with each document, and go back to the list or show what failed."""
        refusals, done = list[Refusal](), 0
        for details in documents:
            try:
                act(details)
                done += 1
            except HttpError as error:
                refusals.append(Refusal(details.summary, error))
        if not refusals:
            return RedirectResponse(query.url(), 303)
        return self._templates.render(
            request, "refusals.html", query=query, refusals=refusals, done=done
        )

    def _archive(
        self, name: str, files_of: _FilesOf, request: Request, query: ListQuery, ids: list[str]
    ) -> Response:
        del request, query
        blocks = zip_blocks(self._documents(ids), partial(files_of, self._context))
        headers = content_disposition(f"{name}.zip", "attachment")
        return StreamingResponse(blocks, media_type="application/zip", headers=headers)


_Content = bytes | io.BufferedReader
_FilesOf = Callable[[WebContext, DocumentDetails], Iterator[tuple[str, _Content]]]


def zip_blocks(
    documents: Iterator[DocumentDetails],
    files_of: Callable[[DocumentDetails], Iterator[tuple[str, _Content]]],
) -> Iterator[bytes]:
    """Return the blocks of a zip with the files of documents, one block in memory at a time.

    Documents without such a file are named in `LEFT_OUT_NAME`.
    """
    blocks, names, left_out = BlockWriter(), set[str](), list[str]()
    with zipfile.ZipFile(blocks, "w", zipfile.ZIP_DEFLATED) as archive:
        for details in documents:
            number = len(names)
            with contextlib.suppress(HttpError):  # a result that was collected meanwhile
                for name, content in files_of(details):
                    source = io.BytesIO(content) if isinstance(content, bytes) else content
                    with source, archive.open(_unused(name, names), "w", force_zip64=True) as file:
                        while chunk := source.read(CHUNK_BYTES):
                            file.write(chunk)
                            yield blocks.taken()
            if len(names) == number:
                left_out.append(visible_name(details.summary.name))
        if left_out:
            content = "".join(f"{name}\n" for name in left_out).encode("utf-8", "replace")
            archive.writestr(_unused(LEFT_OUT_NAME, names), content)
    yield blocks.taken()


def _text_files(context: WebContext, details: DocumentDetails) -> Iterator[tuple[str, _Content]]:
    """Return the text as it was read, and the one with corrections where there are any."""
    if details.summary.status == "failed":
        return
    resolved = context.catalogue.resolve_duplicate(details)
    text = text_of(context, resolved)
    if text is not None:
        stem = _result_name(context, details).removesuffix(".json")
        yield f"{stem}.txt", text.encode("utf-8", "replace")
        if (corrected := corrected_text_of(context, resolved)) is not None:
            yield f"{stem}.corrected.txt", corrected.encode("utf-8", "replace")


def _pdf_files(context: WebContext, details: DocumentDetails) -> Iterator[tuple[str, _Content]]:
    for output in details.outputs:
        if output["kind"] == "searchable_pdf":
            yield from _output_file(context, details, output["name"])


def _result_files(context: WebContext, details: DocumentDetails) -> Iterator[tuple[str, _Content]]:
    """Return the result itself, its outputs, and the text with corrections."""
    if details.sidecar is not None:
        content = json.dumps(details.sidecar, ensure_ascii=False, indent=1)
        yield _result_name(context, details), f"{content}\n".encode("utf-8", "replace")
    for output in details.outputs:
        if output["kind"] != "answer" or details.is_large:
            yield from _output_file(context, details, output["name"])
    yield from _text_files(context, details)


def _result_name(context: WebContext, details: DocumentDetails) -> str:
    """Return the path of a result in a zip: its number is that of the outbox (`a.png.2.json`)."""
    sidecar = context.catalogue.sidecar_name(details)
    if sidecar is None:
        return f"{details.summary.name}.json"
    return f"{_folder(details)}{fs.to_unicode(Path(sidecar).name)}"


def _folder(details: DocumentDetails) -> str:
    return details.summary.name.removesuffix(details.summary.title)


def _output_file(
    context: WebContext, details: DocumentDetails, name: str
) -> Iterator[tuple[str, _Content]]:
    """Return an output beside the sidecar, nothing if it was collected."""
    sidecar = context.catalogue.sidecar_name(details)
    if sidecar is None:
        return
    with contextlib.suppress(OSError, ValueError):
        path = output_path(sidecar, name)
        yield f"{_folder(details)}{name}", fs.open_beneath(context.catalogue.paths.outbox, path)


def _unused(name: str, names: set[str]) -> str:
    """Return a path for a file in a zip that no other one has, whatever the system ignores."""
    parts = [visible_name(part).replace("\\", "_") for part in name.split("/")]
    path = "/".join(part for part in parts if part not in ("", ".", ".."))
    stem, dot, ending = path.rpartition(".")
    unused, count = path, 1
    while unused.casefold() in names:
        count += 1
        unused = f"{stem} ({count}){dot}{ending}"
    names.add(unused.casefold())
    return unused


def _refuse_too_many(number: int) -> None:
    if number > MAX_SELECTED:
        reason = f"{number} documents are more than {MAX_SELECTED}; narrow the list"
        raise HttpError(400, "too_many_files", reason)


def _values(fields: list[tuple[str, str]], name: str) -> list[str]:
    return [value for each, value in fields if each == name]
