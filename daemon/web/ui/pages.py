"""The HTML pages: the list, a document, the login, and the fragments that htmx loads.

List, search and documents work without JavaScript. Parts of a page that may change are requested
again every few seconds; the response is 204 if nothing has changed.
"""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from daemon.web.context import WebContext
from daemon.web.daemon_status import daemon_status
from daemon.web.http.body import FormReader
from daemon.web.http.errors import HttpError
from daemon.web.http.redirects import local_url
from daemon.web.index.deletion import delete_result
from daemon.web.index.records import STATUSES, UNANSWERED, DocumentDetails, DocumentList
from daemon.web.ui.templating import Templates
from daemon.web.ui.view import (
    UNCERTAIN_BELOW,
    VERY_UNCERTAIN_BELOW,
    page_view,
    warning_views,
)
from daemon.web.uploads.multipart import receive_files

DOCUMENTS_PER_PAGE = 30
MAX_TRACKED_UPLOADS = 40  # that one page follows at once
MAX_FLAGGED_PAGES = 30  # of a document whose numbers are shown
STATIC_CACHE_SECONDS = 86_400
BUSY_SECONDS, IDLE_SECONDS = 2, 6  # between refreshes of a list with and without unfinished files
STATIC = Path(__file__).with_name("static")


def routes(context: WebContext, templates: Templates) -> list[BaseRoute]:
    """Return the routes of the pages, static files and login."""
    pages = _PageEndpoints(context, templates)
    document = "/documents/{id}/view"
    return [
        Route("/", pages.home),
        Route("/login", pages.login_form),
        Route("/login", pages.login, methods=["POST"]),
        Route("/partials/list", pages.list_fragment),
        Route("/partials/progress", pages.progress),
        Route("/partials/daemon-status", pages.daemon_status),
        Route(document, pages.document),
        Route(f"{document}/text", pages.text),
        Route(f"{document}/retry", pages.retry, methods=["POST"]),
        Route(f"{document}/delete", pages.delete_form),
        Route(f"{document}/delete", pages.delete, methods=["POST"]),
        Route("/upload-form", pages.upload, methods=["POST"]),
        Route("/favicon.ico", pages.icon),
        Mount("/static", _CachedStaticFiles(directory=STATIC)),
    ]


class _PageEndpoints:
    """One method for each route; those that are not `async` run in a thread, as they read files."""

    def __init__(self, context: WebContext, templates: Templates) -> None:
        self._context = context
        self._templates = templates
        self._forms = FormReader()

    def home(self, request: Request) -> Response:
        return self._templates.render(
            request,
            "list.html",
            **self._list_values(_ListQuery(request)),
            statuses=("", *STATUSES),
            daemon=daemon_status(self._context.state, time.monotonic()),
        )

    def list_fragment(self, request: Request) -> Response:
        query = _ListQuery(request)
        values = self._list_values(query)
        if request.query_params.get("seen") == values["seen"]:
            return Response(status_code=204)
        response = self._templates.render(request, "document_list.html", **values)
        if "seen" not in request.query_params:  # a new search: the URL of the page shows it
            response.headers["HX-Replace-Url"] = query.url()
        return response

    def _list_values(self, query: _ListQuery) -> dict[str, Any]:
        found = self._documents(query)
        if found.total and not found.documents:  # beyond the end: documents were deleted meanwhile
            query.offset = (found.total - 1) // DOCUMENTS_PER_PAGE * DOCUMENTS_PER_PAGE
            found = self._documents(query)
        older = query.offset + DOCUMENTS_PER_PAGE
        newer = max(0, query.offset - DOCUMENTS_PER_PAGE)
        is_busy = any(each.status in UNANSWERED for each in found.documents)
        return {
            "found": found,
            "query": query.text,
            "status": query.status,
            "offset": query.offset,
            "parameters": query.parameters(query.offset),
            "seen": _digest(found),
            "refresh_seconds": BUSY_SECONDS if is_busy else IDLE_SECONDS,
            "newer": query.url(newer) if query.offset else None,
            "older": query.url(older) if older < found.total else None,
        }

    def _documents(self, query: _ListQuery) -> DocumentList:
        return self._context.catalogue.documents(
            query.text, query.status, query.offset, DOCUMENTS_PER_PAGE
        )

    def progress(self, request: Request) -> Response:
        ids = request.query_params.getlist("id")[:MAX_TRACKED_UPLOADS]
        found = ((each, self._context.catalogue.document(each)) for each in ids)
        tracked = [(each, details.summary if details else None) for each, details in found]
        return self._templates.render(request, "progress.html", tracked=tracked)

    def daemon_status(self, request: Request) -> Response:
        status = daemon_status(self._context.state, time.monotonic())
        return self._templates.render(request, "daemon_status.html", daemon=status)

    def document(self, request: Request) -> Response:
        details = self._details(request)
        if details is None:
            return self._not_found(request)
        shown_status = request.query_params.get("status")
        if shown_status is not None:
            is_same = shown_status == details.summary.status
            return Response(status_code=204, headers={} if is_same else {"HX-Refresh": "true"})
        resolved = self._context.catalogue.resolve_duplicate(details)
        total = len(resolved.sidecar["pages"]) if resolved.sidecar else resolved.summary.pages
        number = min(max(1, _number(request, "page", 1)), max(1, total))
        page = self._page(resolved, number)
        return self._templates.render(
            request,
            "document.html",
            details=details,
            summary=details.summary,
            duplicate_of=None if resolved is details else resolved.summary,
            number=number,
            total=total if page else 0,
            page=page_view(page) if page else None,
            warnings=warning_views(resolved.warnings),
            flagged_pages=_flagged_pages(resolved),
            uncertain_below=round(100 * UNCERTAIN_BELOW),
            very_uncertain_below=round(100 * VERY_UNCERTAIN_BELOW),
        )

    def _page(self, details: DocumentDetails, number: int) -> dict[str, Any] | None:
        """Return a page of a sidecar; from a very large one only this page is parsed."""
        if details.sidecar:
            pages: list[dict[str, Any]] = details.sidecar["pages"]
            return pages[number - 1] if number <= len(pages) else None
        if not details.is_large:
            return None
        return self._context.catalogue.page(details.summary.id, number)

    def text(self, request: Request) -> Response:
        details = self._details(request)
        resolved = self._context.catalogue.resolve_duplicate(details) if details else None
        if resolved is not None and resolved.is_large:
            text, _ = self._context.catalogue.pages(resolved)
            return PlainTextResponse(text)
        if resolved is None or resolved.sidecar is None:
            return self._not_found(request)
        return PlainTextResponse(resolved.sidecar["text"])

    async def upload(self, request: Request) -> Response:
        """Accept the files of the form that is used without JavaScript."""
        uploads = self._context.uploads
        try:
            files = await receive_files(request, uploads, self._context.upload_bytes)
            await to_thread.run_sync(uploads.commit_all, files)
        except HttpError as error:
            return self._templates.error_page(request, error)
        return RedirectResponse("/", 303)

    def retry(self, request: Request) -> Response:
        details = self._details(request)
        if details is None:
            return self._not_found(request)
        try:
            self._context.uploads.retry(details)
        except HttpError as error:
            return self._templates.error_page(request, error)
        return RedirectResponse("/", 303)

    def delete_form(self, request: Request) -> Response:
        details = self._details(request)
        if details is None or details.summary.is_gone:
            return self._not_found(request)
        return self._templates.render(request, "delete.html", summary=details.summary)

    def delete(self, request: Request) -> Response:
        details = self._details(request)
        if details is None:
            return self._not_found(request)
        try:
            delete_result(self._context.catalogue, details)
        except HttpError as error:
            return self._templates.error_page(request, error)
        return RedirectResponse("/", 303)

    def icon(self, request: Request) -> Response:
        del request
        return RedirectResponse("/static/icon.svg", 301)

    def login_form(self, request: Request) -> Response:
        target = local_url(request.query_params.get("next", ""))
        if self._context.access.is_authorized(request.headers):
            return RedirectResponse(target, 303)
        return self._templates.render(request, "login.html", is_wrong=False, target=target)

    async def login(self, request: Request) -> Response:
        access = self._context.access
        try:
            form = await self._forms.read(request)
        except HttpError as error:
            return self._templates.error_page(request, error)
        target = local_url(form.get("next", ""))
        if not access.is_token(form.get("token", "")):
            return self._templates.render(
                request, "login.html", status_code=403, is_wrong=True, target=target
            )
        response = RedirectResponse(target, 303)
        # behind a proxy only web.origins tells whether browsers use HTTPS
        origin = f"https://{request.headers.get('host', '')}"
        is_https = request.url.scheme == "https" or origin in access.origins
        access.set_login_cookie(response, is_https=is_https)
        return response

    def _details(self, request: Request) -> DocumentDetails | None:
        return self._context.catalogue.document(request.path_params["id"])

    def _not_found(self, request: Request) -> Response:
        return self._templates.render(request, "not_found.html", status_code=404)


class _CachedStaticFiles(StaticFiles):
    """Files whose URL changes with their content, so that a browser may cache them."""

    def file_response(self, *arguments: Any, **keywords: Any) -> Response:  # noqa: ANN401
        """Return the file, or 304."""
        response = super().file_response(*arguments, **keywords)
        response.headers["Cache-Control"] = f"public, max-age={STATIC_CACHE_SECONDS}"
        return response


class _ListQuery:
    """The query parameters of the list; invalid values are ignored."""

    def __init__(self, request: Request) -> None:
        self.text = request.query_params.get("q", "").strip()[:200]
        status = request.query_params.get("status", "")
        self.status = status if status in STATUSES else ""
        self.offset = min(max(0, _number(request, "offset", 0)), 10_000_000)

    def parameters(self, offset: int) -> str:
        """Return the query string for the same search from `offset` on."""
        values = {"q": self.text, "status": self.status, "offset": offset}
        return urlencode({name: value for name, value in values.items() if value})

    def url(self, offset: int = 0) -> str:
        """Return the URL of the list from `offset` on."""
        parameters = self.parameters(offset)
        return f"/?{parameters}" if parameters else "/"


def _flagged_pages(details: DocumentDetails) -> list[int]:
    """Return the pages with unread regions or warnings; of a very large document none is known."""
    pages = details.sidecar["pages"] if details.sidecar else ()
    flagged = [page["number"] for page in pages if page["unread"] or page["warnings"]]
    return flagged[:MAX_FLAGGED_PAGES]


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else default


def _digest(found: DocumentList) -> str:
    return hashlib.sha256(repr(found).encode("utf-8", "replace")).hexdigest()[:16]
