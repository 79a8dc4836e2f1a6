"""The HTML pages: their routes, the login, the help, uploads without JavaScript.

List, search and documents work without JavaScript. Parts of a page that may change are requested
again every few seconds; the response is 204 if nothing has changed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from daemon.web.context import WebContext
from daemon.web.http.body import FormReader
from daemon.web.http.errors import HttpError
from daemon.web.http.redirects import local_url
from daemon.web.ui.bulk_actions import BulkActions
from daemon.web.ui.document_page import DocumentPage
from daemon.web.ui.list_page import ListPage
from daemon.web.ui.templating import Templates
from daemon.web.uploads.multipart import receive_files

STATIC_CACHE_SECONDS = 86_400
STATIC = Path(__file__).with_name("static")


def routes(context: WebContext, templates: Templates) -> list[BaseRoute]:
    """Return the routes of the pages, static files and login."""
    pages = _OtherPages(context, templates)
    listed, document = ListPage(context, templates), DocumentPage(context, templates)
    view = "/documents/{id}/view"
    return [
        Route("/", listed.home),
        Route("/partials/list", listed.fragment),
        Route("/partials/progress", listed.progress),
        Route("/partials/daemon-status", listed.daemon_status),
        Route("/selected", BulkActions(context, templates).apply, methods=["POST"]),
        Route("/corrected-lines.tar", document.all_training_lines),
        Route(view, document.document),
        Route(f"{view}/text", document.text),
        Route(f"{view}/found-pages", document.found_pages),
        Route(f"{view}/thumbnail", document.thumbnail),
        Route(f"{view}/corrections", document.correct, methods=["POST"]),
        Route(f"{view}/corrected-lines.tar", document.training_lines),
        Route(f"{view}/retry", document.retry, methods=["POST"]),
        Route(f"{view}/delete", document.delete_form),
        Route(f"{view}/delete", document.delete, methods=["POST"]),
        Route("/upload-form", pages.upload, methods=["POST"]),
        Route("/help", pages.help),
        Route("/login", pages.login_form),
        Route("/login", pages.login, methods=["POST"]),
        Route("/favicon.ico", pages.icon),
        Mount("/static", _CachedStaticFiles(directory=STATIC)),
    ]


class _OtherPages:
    """One method for each route; those that are not `async` run in a thread, as they read files."""

    def __init__(self, context: WebContext, templates: Templates) -> None:
        self._context = context
        self._templates = templates
        self._forms = FormReader()

    async def upload(self, request: Request) -> Response:
        """Accept the files of the form that is used without JavaScript."""
        uploads = self._context.uploads
        try:
            files = await receive_files(request, uploads, self._context.upload_bytes)
            await to_thread.run_sync(uploads.commit_all, files)
        except HttpError as error:
            return self._templates.error_page(request, error)
        return RedirectResponse("/", 303)

    def help(self, request: Request) -> Response:
        return self._templates.render(request, "help.html")

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


class _CachedStaticFiles(StaticFiles):
    """Files whose URL changes with their content, so that a browser may cache them."""

    def file_response(self, *arguments: Any, **keywords: Any) -> Response:  # noqa: ANN401
        """Return the file, or 304."""
        response = super().file_response(*arguments, **keywords)
        response.headers["Cache-Control"] = f"public, max-age={STATIC_CACHE_SECONDS}"
        return response
