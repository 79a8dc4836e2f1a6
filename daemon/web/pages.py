"""The HTML pages of the site."""

from __future__ import annotations

from starlette.routing import BaseRoute

from daemon.web.site import Site


def routes(site: Site) -> list[BaseRoute]:
    """Return the routes of the pages, static files and login."""
    del site
    return []
