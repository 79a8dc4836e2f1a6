"""The HTML pages of the site: the list, a document, and the pieces that htmx asks for.

Lists, search and documents work without a script. What changes while one looks on is asked for
again every few seconds, and answered with nothing (204) where it has not changed.
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

from daemon.web.context import Site
from daemon.web.daemon_status import standing
from daemon.web.http.body import Forms
from daemon.web.http.errors import Refused
from daemon.web.uploads.multipart import receive
from daemon.web.index.records import STATUSES, UNANSWERED, Found, Listing
from daemon.web.http.redirects import local
from daemon.web.ui.templating import Paper
from daemon.web.ui.view import DOUBTFUL, UNSURE, sheet
from daemon.web.index.deletion import delete_answer

ON_A_PAGE = 30
WATCHED = 40  # uploads that one page follows at once
KEPT_SECONDS = 86_400
BUSY_SECONDS, IDLE_SECONDS = 2, 6  # a list with something in work is asked for more often
STATIC = Path(__file__).with_name("static")


def routes(site: Site, paper: Paper) -> list[BaseRoute]:
    """Return the routes of the pages, static files and login."""
    pages = _Pages(site, paper)
    document = "/documents/{id}/view"
    return [
        Route("/", pages.home),
        Route("/login", pages.login_form),
        Route("/login", pages.login, methods=["POST"]),
        Route("/partials/list", pages.listing),
        Route("/partials/progress", pages.progress),
        Route("/partials/standing", pages.standing),
        Route(document, pages.document),
        Route(f"{document}/text", pages.text),
        Route(f"{document}/retry", pages.retry, methods=["POST"]),
        Route(f"{document}/delete", pages.delete_form),
        Route(f"{document}/delete", pages.delete, methods=["POST"]),
        Route("/upload-form", pages.upload, methods=["POST"]),
        Route("/favicon.ico", pages.icon),
        Mount("/static", _Static(directory=STATIC)),
    ]


class _Pages:
    """Every method answers one route; without `async` it runs in a thread, since it reads files."""

    def __init__(self, site: Site, paper: Paper) -> None:
        self._site = site
        self._paper = paper
        self._forms = Forms()

    def home(self, request: Request) -> Response:
        return self._paper.page(
            request,
            "list.html",
            **self._list(_Asked(request)),
            statuses=("", *STATUSES),
            standing=standing(self._site.state, time.monotonic()),
        )

    def listing(self, request: Request) -> Response:
        asked = _Asked(request)
        content = self._list(asked)
        if request.query_params.get("seen") == content["seen"]:
            return Response(status_code=204)
        answer = self._paper.page(request, "document_list.html", **content)
        if "seen" not in request.query_params:  # somebody searched: the address says for what
            answer.headers["HX-Replace-Url"] = asked.address()
        return answer

    def _list(self, asked: _Asked) -> dict[str, Any]:
        listing = self._part(asked)
        if listing.total and not listing.items:  # beyond the end: many were deleted meanwhile
            asked.offset = (listing.total - 1) // ON_A_PAGE * ON_A_PAGE
            listing = self._part(asked)
        older = asked.offset + ON_A_PAGE
        is_busy = any(item.status in UNANSWERED for item in listing.items)
        return {
            "listing": listing,
            "query": asked.query,
            "status": asked.status,
            "offset": asked.offset,
            "asked": asked.parameters(asked.offset),
            "seen": _digest(listing),
            "every": BUSY_SECONDS if is_busy else IDLE_SECONDS,
            "newer": asked.address(max(0, asked.offset - ON_A_PAGE)) if asked.offset else None,
            "older": asked.address(older) if older < listing.total else None,
        }

    def _part(self, asked: _Asked) -> Listing:
        return self._site.catalogue.documents(asked.query, asked.status, asked.offset, ON_A_PAGE)

    def progress(self, request: Request) -> Response:
        ids = request.query_params.getlist("id")[:WATCHED]
        found = ((each, self._site.catalogue.document(each)) for each in ids)
        watched = [(each, what.item if what else None) for each, what in found]
        return self._paper.page(request, "progress.html", watched=watched)

    def standing(self, request: Request) -> Response:
        now = standing(self._site.state, time.monotonic())
        return self._paper.page(request, "daemon_status.html", standing=now)

    def document(self, request: Request) -> Response:
        found = self._found(request)
        if found is None:
            return self._missing(request)
        waited = request.query_params.get("waits")
        if waited is not None:
            is_same = waited == found.item.status
            return Response(status_code=204, headers={} if is_same else {"HX-Refresh": "true"})
        full = self._site.catalogue.in_full(found)  # what a duplicate is a duplicate of
        total = len(full.sidecar["pages"]) if full.sidecar else full.item.pages
        page = min(max(1, _number(request, "page", 1)), max(1, total))
        read = self._page(full, page)
        return self._paper.page(
            request,
            "document.html",
            found=found,
            item=found.item,
            earlier=None if full is found else full.item,
            page=page,
            total=total if read else 0,
            sheet=sheet(read) if read else None,
            unsure=round(100 * UNSURE),
            doubtful=round(100 * DOUBTFUL),
        )

    def _page(self, found: Found, number: int) -> dict[str, Any] | None:
        """Return a page of an answer; of one too large to be held, read by itself."""
        if found.sidecar:
            pages: list[dict[str, Any]] = found.sidecar["pages"]
            return pages[number - 1] if number <= len(pages) else None
        return self._site.catalogue.page(found.item.id, number) if found.is_large else None

    def text(self, request: Request) -> Response:
        found = self._found(request)
        full = self._site.catalogue.in_full(found) if found else None
        if full is not None and full.is_large:
            text, _ = self._site.catalogue.pages(full)
            return PlainTextResponse(text)
        if full is None or full.sidecar is None:
            return self._missing(request)
        return PlainTextResponse(full.sidecar["text"])

    async def upload(self, request: Request) -> Response:
        """Take what a form without a script sends."""
        try:
            drafts = await receive(request, self._site.uploads, self._site.upload_bytes)
            await to_thread.run_sync(self._site.uploads.commit_all, drafts)
        except Refused as refused:
            return self._refused(request, refused)
        return RedirectResponse("/", 303)

    def retry(self, request: Request) -> Response:
        found = self._found(request)
        if found is None:
            return self._missing(request)
        try:
            self._site.uploads.retry(found)
        except Refused as refused:
            return self._refused(request, refused)
        return RedirectResponse("/", 303)

    def delete_form(self, request: Request) -> Response:
        found = self._found(request)
        if found is None or found.item.is_gone:
            return self._missing(request)
        return self._paper.page(request, "delete.html", item=found.item)

    def delete(self, request: Request) -> Response:
        found = self._found(request)
        if found is None:
            return self._missing(request)
        try:
            delete_answer(self._site.catalogue, found)
        except Refused as refused:
            return self._refused(request, refused)
        return RedirectResponse("/", 303)

    def icon(self, request: Request) -> Response:
        del request
        return RedirectResponse("/static/icon.svg", 301)

    def login_form(self, request: Request) -> Response:
        onward = local(request.query_params.get("next", ""))
        if self._site.gate.admits(request.headers):
            return RedirectResponse(onward, 303)
        return self._paper.page(request, "login.html", wrong=False, onward=onward)

    async def login(self, request: Request) -> Response:
        try:
            form = await self._forms.read(request)
        except Refused as refused:
            return self._refused(request, refused)
        onward = local(form.get("next", ""))
        if not self._site.gate.is_token(form.get("token", "")):
            return self._paper.page(request, "login.html", code=403, wrong=True, onward=onward)
        answer = RedirectResponse(onward, 303)
        # behind a proxy it is the operator's word, web.origins, that says how people come here
        address = f"https://{request.headers.get('host', '')}"
        is_https = request.url.scheme == "https" or address in self._site.gate.origins
        self._site.gate.log_in(answer, is_https=is_https)
        return answer

    def _found(self, request: Request) -> Found | None:
        return self._site.catalogue.document(request.path_params["id"])

    def _refused(self, request: Request, refused: Refused) -> Response:
        return self._paper.refused(request, refused)

    def _missing(self, request: Request) -> Response:
        return self._paper.page(request, "not_found.html", code=404)


class _Static(StaticFiles):
    """Files whose address changes with their content, so that a browser may keep them."""

    def file_response(self, *arguments: Any, **named: Any) -> Response:  # noqa: ANN401
        """Return the file, or that it has not changed."""
        response = super().file_response(*arguments, **named)
        response.headers["Cache-Control"] = f"public, max-age={KEPT_SECONDS}"
        return response


class _Asked:
    """What of the list is asked for; what cannot be meant is taken as not said."""

    def __init__(self, request: Request) -> None:
        self.query = request.query_params.get("q", "").strip()[:200]
        status = request.query_params.get("status", "")
        self.status = status if status in STATUSES else ""
        self.offset = min(max(0, _number(request, "offset", 0)), 10_000_000)

    def parameters(self, offset: int) -> str:
        """Return the query of an address that asks for the same from `offset` on."""
        asked = {"q": self.query, "status": self.status, "offset": offset}
        return urlencode({name: value for name, value in asked.items() if value})

    def address(self, offset: int = 0) -> str:
        """Return the address of the list from `offset` on."""
        parameters = self.parameters(offset)
        return f"/?{parameters}" if parameters else "/"


def _number(request: Request, name: str, default: int) -> int:
    said = request.query_params.get(name, "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 12 else default


def _digest(listing: Listing) -> str:
    return hashlib.sha256(repr(listing).encode("utf-8", "replace")).hexdigest()[:16]
