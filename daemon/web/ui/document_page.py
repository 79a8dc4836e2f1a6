"""The page of a document: image and text of one page, its neighbours, corrections of lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)

from daemon.web.context import WebContext
from daemon.web.http.body import FormReader
from daemon.web.http.errors import HttpError
from daemon.web.http.filenames import content_disposition
from daemon.web.index.corrections import (
    MAX_TEXT_CHARACTERS,
    Correction,
    by_line,
    corrected_text,
    lines_of,
)
from daemon.web.index.deletion import delete_result
from daemon.web.index.records import DocumentDetails
from daemon.web.previews.training_lines import MEDIA_TYPE, training_archive
from daemon.web.ui.list_query import ListQuery, number
from daemon.web.ui.templating import Templates
from daemon.web.ui.view import (
    UNCERTAIN_BELOW,
    VERY_UNCERTAIN_BELOW,
    page_view,
    warning_views,
)

MAX_LISTED_PAGES = 30  # of a document whose numbers are shown
THUMBNAIL_CACHE_SECONDS = 86_400  # in the browser
NO_IMAGE = Path(__file__).with_name("static") / "no-image.svg"


@dataclass(frozen=True, slots=True)
class _ShownPage:
    """A page of a document with its result: `details` is the earlier one of a duplicate.

    `number` is its place among the pages that were read, from 1.
    """

    details: DocumentDetails
    number: int
    total: int
    content: dict[str, Any] | None
    corrections: tuple[Correction, ...]


class DocumentPage:
    """One method for each route; those that are not `async` run in a thread, as they read files."""

    def __init__(self, context: WebContext, templates: Templates) -> None:
        self._context = context
        self._catalogue = context.catalogue
        self._templates = templates
        self._forms = FormReader()
        self._one_thumbnail = CapacityLimiter(1)

    def document(self, request: Request) -> Response:
        """Return one page of a document with its image and text."""
        details = self._details(request)
        if details is None:
            return self._not_found(request)
        if (seen := request.query_params.get("seen")) is not None:
            headers = {} if seen == details.summary.status else {"HX-Refresh": "true"}
            return Response(status_code=204, headers=headers)
        shown = self._shown(details, number(request.query_params.get("page", ""), 1))
        query = ListQuery(request.query_params)
        before, after = self._catalogue.neighbours(details, query.filter)
        return self._templates.render(
            request,
            "document.html",
            details=details,
            summary=details.summary,
            duplicate_of=None if shown.details is details else shown.details.summary,
            number=shown.number,
            total=shown.total if shown.content else 0,
            page=page_view(shown.content, shown.corrections) if shown.content else None,
            corrected_lines=len(shown.corrections),
            warnings=warning_views(shown.details.warnings),
            fields=(shown.details.sidecar or {}).get("fields", ()),
            flagged_pages=_flagged_pages(shown.details),
            found_pages=self._pages_with(shown.details, query.text),
            uncertain_below=round(100 * UNCERTAIN_BELOW),
            very_uncertain_below=round(100 * VERY_UNCERTAIN_BELOW),
            query=query,
            before=before,
            after=after,
        )

    def _shown(self, details: DocumentDetails, wanted: int) -> _ShownPage:
        """Return page `wanted`, or the nearest one."""
        resolved = self._catalogue.resolve_duplicate(details)
        total = len(resolved.sidecar["pages"]) if resolved.sidecar else resolved.summary.pages
        shown = min(max(1, wanted), max(1, total))
        content = self._page(resolved, shown)
        corrections = self._catalogue.corrections(resolved) if content else ()
        return _ShownPage(resolved, shown, total, content, corrections)

    def _page(self, details: DocumentDetails, shown: int) -> dict[str, Any] | None:
        """Return a page of a sidecar; from a very large one only this page is parsed."""
        if details.sidecar:
            pages: list[dict[str, Any]] = details.sidecar["pages"]
            return pages[shown - 1] if shown <= len(pages) else None
        if not details.is_large:
            return None
        return self._catalogue.page(details.summary.id, shown)

    def text(self, request: Request) -> Response:
        """Return the text of all pages: as it was read, or with corrections (`?corrected=1`)."""
        details = self._details(request)
        resolved = self._catalogue.resolve_duplicate(details) if details else None
        text = text_of(self._context, resolved) if resolved else None
        if details is None or resolved is None or text is None:
            return self._not_found(request)
        is_corrected = "corrected" in request.query_params
        if is_corrected:
            text = corrected_text_of(self._context, resolved) or text
        ending = ".corrected.txt" if is_corrected else ".txt"
        headers = content_disposition(f"{details.summary.title}{ending}", "inline")
        return PlainTextResponse(text, headers=headers)

    def found_pages(self, request: Request) -> Response:
        """Return links to the pages of a document whose text contains the words."""
        details = self._details(request)
        if details is None:
            return self._not_found(request)
        query = ListQuery(request.query_params)
        pages = self._pages_with(self._catalogue.resolve_duplicate(details), query.text)
        return self._templates.render(
            request, "found_pages.html", found_pages=pages, number=0, query=query,
            summary=details.summary,
        )  # fmt: skip

    def _pages_with(self, details: DocumentDetails, words: str) -> list[int]:
        """Return the places of the pages with a phrase, or else with one of its words."""
        if not words or details.summary.pages < 2:
            return []
        if details.sidecar:
            pages = iter(details.sidecar["pages"])
        elif details.is_large:
            _, pages = self._catalogue.pages(details)
        else:
            return []
        phrase, parts = _folded(words), _folded(words).split()
        with_phrase, with_word = list[int](), list[int]()
        for place, page in enumerate(pages, 1):
            text = _folded(page["text"])
            if phrase in text:
                with_phrase.append(place)
            elif any(part in text for part in parts):
                with_word.append(place)
        return (with_phrase or with_word)[:MAX_LISTED_PAGES]

    async def thumbnail(self, request: Request) -> Response:
        """Return a small image of the first page, or a drawing of an empty sheet."""
        if await request.is_disconnected():  # the reader has left while others were rendered
            return Response(status_code=204)
        details = await to_thread.run_sync(self._catalogue.preview, request.path_params["id"])
        try:
            if details is None:
                raise LookupError("there is no such document")
            path = await to_thread.run_sync(
                self._context.thumbnails.get, details, 1, limiter=self._one_thumbnail
            )
        except LookupError:
            return FileResponse(NO_IMAGE, media_type="image/svg+xml")
        headers = {"Cache-Control": f"private, max-age={THUMBNAIL_CACHE_SECONDS}"}
        return FileResponse(path, media_type="image/jpeg", headers=headers)

    async def correct(self, request: Request) -> Response:
        """Keep the correction of a line, or withdraw it; return the line as it is shown now."""
        form = await self._forms.read(request)
        details = await to_thread.run_sync(self._details, request)
        if details is None:
            raise HttpError(404, "not_found", "there is no such document")
        return await to_thread.run_sync(partial(self._correct, request, details, form))

    def _correct(
        self, request: Request, details: DocumentDetails, form: dict[str, str]
    ) -> Response:
        shown = self._shown(details, number(form.get("page", ""), 1))
        page, key = shown.content, form.get("line", "")
        line = dict(lines_of(page)).get(key) if page else None
        if page is None or line is None or line["text"] != form.get("read"):
            reason = "the page was read again since you opened it; load it again"
            raise HttpError(409, "line_changed", reason)
        text = None if "withdraw" in form else _visible_line(form.get("text", ""))
        if text is not None and not 0 < len(text) <= MAX_TEXT_CHARACTERS:
            reason = f"a corrected line has 1 to {MAX_TEXT_CHARACTERS} characters"
            raise HttpError(400, "not_corrected", reason)
        earlier = by_line(page, shown.corrections).get(key)
        changes = _changes(shown, line, text, earlier)
        if changes:
            self._catalogue.correct(shown.details, changes)
        view = page_view(page, self._catalogue.corrections(shown.details))
        shown_line = next(each for each in view.lines if each.key == key)
        return self._templates.render(request, "corrected_line.html", line=shown_line, page=view)

    def training_lines(self, request: Request) -> Response:
        """Return the corrected lines of a document as a tar to train on."""
        details = self._details(request)
        if details is None:
            return self._not_found(request)
        resolved = self._catalogue.resolve_duplicate(details)
        corrections = self._catalogue.corrections(resolved)
        if not corrections or details.original is None:
            return self._not_found(request)
        blocks = training_archive([(details, corrections)], self._context.page_images)
        return tar_response(blocks, f"{details.summary.title}.lines.tar")

    def all_training_lines(self, request: Request) -> Response:
        """Return the corrected lines of all documents as a tar to train on."""
        del request
        documents = (
            (details, self._catalogue.corrections(details))
            for details in self._catalogue.corrected()
        )
        blocks = training_archive(documents, self._context.page_images)
        return tar_response(blocks, "corrected-lines.tar")

    def retry(self, request: Request) -> Response:
        """Move the original of a failed document back into the inbox, and show its list."""
        details = self._details(request)
        if details is None:
            return self._not_found(request)
        try:
            self._context.uploads.retry(details)
        except HttpError as error:
            return self._templates.error_page(request, error)
        return RedirectResponse(ListQuery(request.query_params).url(), 303)

    def delete_form(self, request: Request) -> Response:
        """Ask whether the result is to be deleted."""
        details = self._details(request)
        if details is None or details.summary.is_gone:
            return self._not_found(request)
        corrections = self._catalogue.corrections(details)
        return self._templates.render(
            request, "delete.html", summary=details.summary, corrected_lines=len(corrections)
        )

    def delete(self, request: Request) -> Response:
        """Delete the result."""
        details = self._details(request)
        if details is None:
            return self._not_found(request)
        try:
            delete_result(self._catalogue, details)
        except HttpError as error:
            return self._templates.error_page(request, error)
        return RedirectResponse("/", 303)

    def _details(self, request: Request) -> DocumentDetails | None:
        return self._catalogue.document(request.path_params["id"])

    def _not_found(self, request: Request) -> Response:
        return self._templates.render(request, "not_found.html", status_code=404)


def text_of(context: WebContext, details: DocumentDetails) -> str | None:
    """Return the text of all pages as it was read, None if there is no result."""
    if details.is_large:
        return context.catalogue.pages(details)[0]
    return details.sidecar["text"] if details.sidecar else None


def corrected_text_of(context: WebContext, details: DocumentDetails) -> str | None:
    """Return the text of all pages with the corrections of lines, None if there are none."""
    corrections = context.catalogue.corrections(details)
    if not corrections:
        return None
    if details.is_large:
        _, pages = context.catalogue.pages(details)
    elif details.sidecar:
        pages = iter(details.sidecar["pages"])
    else:
        return None
    return "\n\n".join(corrected_text(page, by_line(page, corrections)) for page in pages)


def tar_response(blocks: Iterator[bytes], name: str) -> Response:
    """Return a tar as a download."""
    headers = content_disposition(name, "attachment")
    return StreamingResponse(blocks, media_type=MEDIA_TYPE, headers=headers)


def _visible_line(text: str) -> str:
    """Return a text as one line, without control and other invisible characters."""
    words = " ".join(text.split())
    return "".join(character for character in words if character.isprintable()).strip()


def _changes(
    shown: _ShownPage, line: dict[str, Any], text: str | None, earlier: Correction | None
) -> list[Correction]:
    """Return what is to be recorded so that a line has a text; None withdraws its correction."""
    page, model = shown.content, ""
    assert page is not None, "the caller has found the line on it"
    if shown.details.sidecar:
        model = shown.details.sidecar["engine"]["model"]["name"]
    if text == line["text"]:
        text = None  # as it was read
    current = Correction(
        page["number"], tuple(line["box"]), page["width"], page["height"], line["direction"],
        page.get("orientation", 0), page.get("skew", 0.0), line["text"], text, model,
        datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    )  # fmt: skip
    if earlier is None:
        return [] if text is None else [current]
    if earlier.place == current.place:
        return [current]
    # it was made when the line was read at a slightly different place
    withdrawn = replace(earlier, text=None, corrected_at=current.corrected_at)
    return [withdrawn] if text is None else [withdrawn, current]


def _flagged_pages(details: DocumentDetails) -> list[int]:
    """Return the places of the pages with unread regions or warnings, none of a large document."""
    pages = enumerate(details.sidecar["pages"], 1) if details.sidecar else ()
    flagged = [place for place, page in pages if page["unread"] or page["warnings"]]
    return flagged[:MAX_LISTED_PAGES]


def _folded(text: str) -> str:
    """Return a text for a search that ignores case and line breaks."""
    return " ".join(text.casefold().split())
