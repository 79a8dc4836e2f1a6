"""The application: REST and pages behind one guard."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import structlog
from anyio import to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from daemon.core import malloc
from daemon.web.context import Site
from daemon.web.http.errors import Refused, told
from daemon.web.http.middleware import Guard
from daemon.web.rest import api
from daemon.web.ui import pages
from daemon.web.ui.templating import Paper, is_for_a_person

log = structlog.get_logger()

TEND_SECONDS = 10.0
THREADS = 8  # that look at folders and ledger; each may hold a large answer
BUSY_SECONDS = 0.2  # between two parts of a long history that is taken in
READ_AT_ONCE = 100  # answers of it


def build(site: Site) -> Starlette:
    """Return the application; REST comes first where both could answer."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        del app
        malloc.limit_arenas()
        to_thread.current_default_thread_limiter().total_tokens = THREADS
        tending = asyncio.create_task(_tend(site))
        yield
        tending.cancel()
        site.catalogue.close()

    async def say_refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, Refused), "it is what this is called for"
        return paper.refused(request, error) if is_for_a_person(request) else told(error)

    paper = Paper(pages.STATIC)
    guard = Middleware(Guard, gate=site.gate, rate=site.rate, paper=paper)
    app = Starlette(
        routes=[*api.routes(site), *pages.routes(site, paper)],
        middleware=[guard],
        exception_handlers={Refused: say_refused, HTTPException: _say_http},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app


async def _tend(site: Site) -> None:
    """Keep the index up and the inbox tidy, whether or not anybody asks."""
    while True:
        more = False
        try:
            more = await to_thread.run_sync(site.catalogue.refresh, READ_AT_ONCE)
            await to_thread.run_sync(site.uploads.sweep, time.time())
            await to_thread.run_sync(site.pictures.sweep, time.time())
            await to_thread.run_sync(malloc.trim)
        except Exception:  # the next round may fare better, and requests say what is wrong
            log.exception("web.tending_failed")
        await asyncio.sleep(BUSY_SECONDS if more else TEND_SECONDS)


async def _say_http(request: Request, error: Exception) -> Response:
    del request
    assert isinstance(error, HTTPException), "it is what this is called for"
    kind = {404: "unknown", 405: "method"}.get(error.status_code, "refused")
    return told(Refused(error.status_code, kind, error.detail, error.headers))
