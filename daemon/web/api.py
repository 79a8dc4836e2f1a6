"""REST: what programs ask for."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from daemon.web.site import Site


def routes(site: Site) -> list[BaseRoute]:
    """Return the routes of the REST interface."""
    del site
    return [Route("/healthz", _healthz)]


async def _healthz(request: Request) -> JSONResponse:
    del request
    return JSONResponse({"status": "alive"})
