"""The list of documents: its page, and the parts of it that htmx loads again."""

from __future__ import annotations

import hashlib
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from daemon.web.context import WebContext
from daemon.web.daemon_status import daemon_status
from daemon.web.index.records import ORDERS, STATUSES, UNANSWERED, DocumentList
from daemon.web.ui.list_query import ListQuery
from daemon.web.ui.templating import Templates

DOCUMENTS_PER_PAGE = 30
MAX_TRACKED_UPLOADS = 40  # that one page follows at once
BUSY_SECONDS, IDLE_SECONDS = 2, 6  # between refreshes of a list with and without unfinished files


class ListPage:
    """One method for each route; they run in threads, as they read files."""

    def __init__(self, context: WebContext, templates: Templates) -> None:
        self._context = context
        self._templates = templates

    def home(self, request: Request) -> Response:
        """Return the page with the upload area and the list."""
        return self._templates.render(
            request,
            "list.html",
            **self._list_values(ListQuery(request.query_params)),
            statuses=("", *STATUSES),
            orders=ORDERS,
            has_corrections=any(self._context.catalogue.corrected_contents()),
            daemon=daemon_status(self._context.state, time.monotonic()),
            is_fragment=False,
        )

    def fragment(self, request: Request) -> Response:
        """Return the list alone, 204 if it is the one that the page has."""
        query = ListQuery(request.query_params)
        values = self._list_values(query)
        if request.query_params.get("seen") == values["seen"]:
            return Response(status_code=204)
        response = self._templates.render(
            request, "document_list.html", **values, statuses=("", *STATUSES), is_fragment=True
        )
        if "seen" not in request.query_params:  # a new search: the URL of the page shows it
            response.headers["HX-Replace-Url"] = query.url()
        return response

    def progress(self, request: Request) -> Response:
        """Return the state of uploads."""
        ids = request.query_params.getlist("id")[:MAX_TRACKED_UPLOADS]
        found = ((each, self._context.catalogue.document(each)) for each in ids)
        tracked = [(each, details.summary if details else None) for each, details in found]
        return self._templates.render(request, "progress.html", tracked=tracked)

    def daemon_status(self, request: Request) -> Response:
        """Return the notice about the daemon, empty if it is well."""
        status = daemon_status(self._context.state, time.monotonic())
        return self._templates.render(request, "daemon_status.html", daemon=status)

    def _list_values(self, query: ListQuery) -> dict[str, Any]:
        found = self._find(query)
        if found.total and not found.documents:  # beyond the end: documents were deleted meanwhile
            query.offset = (found.total - 1) // DOCUMENTS_PER_PAGE * DOCUMENTS_PER_PAGE
            found = self._find(query)
        older = query.offset + DOCUMENTS_PER_PAGE
        newer = max(0, query.offset - DOCUMENTS_PER_PAGE)
        is_busy = any(each.status in UNANSWERED for each in found.documents)
        return {
            "found": found,
            "query": query,
            "seen": _digest(found),
            "refresh_seconds": BUSY_SECONDS if is_busy else IDLE_SECONDS,
            "newer": query.url(newer) if query.offset else None,
            "older": query.url(older) if older < found.total else None,
        }

    def _find(self, query: ListQuery) -> DocumentList:
        return self._context.catalogue.find(query.filter, query.offset, DOCUMENTS_PER_PAGE)


def _digest(found: DocumentList) -> str:
    return hashlib.sha256(repr(found).encode("utf-8", "replace")).hexdigest()[:16]
