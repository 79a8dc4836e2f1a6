"""The interactive documentation at /docs: Swagger UI on the OpenAPI document of this server.

Its files are part of the package, so that no other host is asked. `swagger/README.md` tells where
they are from.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from daemon.web.http.errors import HttpError
from daemon.web.http.security import CSP
from daemon.web.http.theme import theme_of

FOLDER: Final = Path(__file__).with_name("swagger")
CACHE_SECONDS: Final = 3600
MEDIA_TYPES: Final = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "start.js": "text/javascript",
}
# Swagger UI sets style attributes, and its style sheet has pictures in data: URLs
_CSP: Final = CSP.replace("img-src 'self' blob:", "img-src 'self' blob: data:")
_PAGE: Final = """<!doctype html>
<html lang="en" data-theme="{theme}">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>ocr-daemon REST interface</title>
  <link rel="icon" href="/favicon.ico">
  <link rel="stylesheet" href="/docs/swagger-ui.css">
  <script src="/docs/swagger-ui-bundle.js" defer></script>
  <script src="/docs/start.js" defer></script>
</head>
<body>
  <main id="docs"></main>
  <noscript>This page needs JavaScript. <a href="/openapi.json">openapi.json</a> is the description
    that it shows.</noscript>
</body>
</html>
"""


def routes() -> list[BaseRoute]:
    """Return the routes of the page and its files, which need no token."""
    return [Route("/docs", _page), Route("/docs/{name}", _file)]


async def _page(request: Request) -> Response:
    content = _PAGE.replace("{theme}", theme_of(request))
    return HTMLResponse(content, headers={"Content-Security-Policy": _CSP, "Vary": "Cookie"})


async def _file(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in MEDIA_TYPES:
        raise HttpError(404, "not_found", "there is no such file; the page is at /docs")
    headers = {"Cache-Control": f"public, max-age={CACHE_SECONDS}"}
    return FileResponse(FOLDER / name, media_type=MEDIA_TYPES[name], headers=headers)
