"""The Starlette application: REST interface and pages behind one middleware."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import structlog
from anyio import to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from daemon.core import malloc
from daemon.core.clock import CautiousClock
from daemon.web.context import WebContext
from daemon.web.http.errors import HttpError, from_starlette, problem_response, wants_html
from daemon.web.http.middleware import SecurityMiddleware
from daemon.web.rest import api
from daemon.web.ui import pages
from daemon.web.ui.templating import Templates

log = structlog.get_logger()

MAINTENANCE_SECONDS = 10.0
BACKLOG_SECONDS = 0.2  # between two portions of a long history
SIDECARS_PER_PORTION = 100
THREADS = 8  # for folders and ledger; each may hold a large sidecar


def create_app(context: WebContext) -> Starlette:
    """Return the application; the REST routes come first."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        del app
        malloc.limit_arenas()
        to_thread.current_default_thread_limiter().total_tokens = THREADS
        maintenance = asyncio.create_task(_maintain(context))
        yield
        maintenance.cancel()
        context.catalogue.close()

    async def on_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HttpError), "the handler is registered for it"
        return (
            templates.error_page(request, error)
            if wants_html(request)
            else (problem_response(error))
        )

    templates = Templates(pages.STATIC)
    security = Middleware(
        SecurityMiddleware, access=context.access, rate_limiter=context.rate_limiter,
        error_page=templates.error_page,
    )  # fmt: skip
    app = Starlette(
        routes=[*api.routes(context), *pages.routes(context, templates)],
        middleware=[security],
        exception_handlers={HttpError: on_error, HTTPException: _on_starlette_error},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app


async def _maintain(context: WebContext) -> None:
    """Update the index and clean up folders at intervals, with or without requests."""
    clock = CautiousClock()  # a clock that is set must not make an upload look abandoned
    while True:
        has_more = False
        try:
            has_more = await to_thread.run_sync(context.catalogue.refresh, SIDECARS_PER_PORTION)
            await to_thread.run_sync(context.uploads.sweep, clock())
            await to_thread.run_sync(context.page_images.sweep, clock())
            await to_thread.run_sync(context.thumbnails.sweep, clock())
            await to_thread.run_sync(malloc.trim)
        except Exception:  # the next round may succeed, and requests report what is wrong
            log.exception("web.maintenance_failed")
        await asyncio.sleep(BACKLOG_SECONDS if has_more else MAINTENANCE_SECONDS)


async def _on_starlette_error(request: Request, error: Exception) -> Response:
    del request
    assert isinstance(error, HTTPException), "the handler is registered for it"
    return problem_response(from_starlette(error))
