"""The application: REST and pages behind one gate."""

from __future__ import annotations

from starlette.applications import Starlette

from daemon.web import api, pages
from daemon.web.site import Site


def build(site: Site) -> Starlette:
    """Return the application."""
    return Starlette(routes=[*api.routes(site), *pages.routes(site)])
