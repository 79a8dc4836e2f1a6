"""The middleware before every route: rate limit, access control, CORS, headers, timeouts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, MutableMapping

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from daemon.web.http.errors import HttpError, problem_response, wants_html
from daemon.web.http.redirects import login_url
from daemon.web.http.security import RESPONSE_HEADERS, AccessControl, RateLimiter

log = structlog.get_logger()

SEND_SECONDS = 60.0  # a client may take to accept the next part of a response
_PREFLIGHT_HEADERS = {
    "access-control-allow-methods": "GET, POST, DELETE",
    "access-control-allow-headers": "authorization, content-type",
    "access-control-max-age": "600",
}


class SecurityMiddleware:
    """Rejects requests before they reach a route, and completes the headers of each response."""

    def __init__(
        self, app: ASGIApp, access: AccessControl, rate_limiter: RateLimiter,
        error_page: Callable[[Request, HttpError], Response],
    ) -> None:  # fmt: skip
        """`error_page` renders an error as HTML for a browser."""
        self._app = app
        self._access = access
        self._rate_limiter = rate_limiter
        self._error_page = error_page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it with an error."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin", "")
        is_allowed_origin = origin in self._access.origins
        has_begun = False

        async def send_checked(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                _add_headers(message, origin if is_allowed_origin else None)
            try:
                await asyncio.wait_for(send(message), SEND_SECONDS)
            except TimeoutError as error:
                raise ClientDisconnect from error  # the client does not read its response

        try:
            rejection = self._rejection(scope, headers)
            if rejection is not None:
                response: ASGIApp = self._error_response(rejection, Request(scope))
            elif scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
                response = _preflight_response(is_allowed=is_allowed_origin)
            else:
                response = self._app
            await response(scope, receive, send_checked)
        except ClientDisconnect:
            return  # not an error of ours; the server closes the unfinished response
        except Exception:
            log.exception("web.request_failed", method=scope["method"], path=scope["path"])
            if has_begun:
                raise
            reason = "the request failed; see the log of the web process"
            error = HttpError(500, "internal_error", reason)
            await problem_response(error)(scope, receive, send_checked)

    def _rejection(self, scope: MutableMapping[str, object], headers: Headers) -> HttpError | None:
        client = scope.get("client")
        method = str(scope["method"])
        try:
            self._rate_limiter.check(client[0] if isinstance(client, tuple | list) else "")
            if method == "OPTIONS":
                return None  # a browser's preflight request carries no token
            self._access.check(method, str(scope["path"]), headers)
        except HttpError as error:
            return error
        return None

    def _error_response(self, error: HttpError, request: Request) -> Response:
        """Return problem details, or for a browser an error page or a redirect to the login."""
        if not wants_html(request):
            return problem_response(error)
        if error.status != 401:
            return self._error_page(request, error)
        query = str(request.scope["query_string"], "latin-1")
        return RedirectResponse(login_url(request.scope["path"], query), 303)


def _preflight_response(*, is_allowed: bool) -> Response:
    """Return whether scripts of another site may send a request."""
    if is_allowed:
        return Response(status_code=204, headers=_PREFLIGHT_HEADERS)
    reason = "scripts of this site may not send requests; add its origin to web.origins"
    return problem_response(HttpError(403, "foreign_origin", reason))


def _add_headers(message: Message, allowed_origin: str | None) -> None:
    """Add the headers that every response has; those that a route has set stay."""
    headers = MutableHeaders(scope=message)
    for name, value in RESPONSE_HEADERS.items():
        headers.setdefault(name, value)
    headers.add_vary_header("origin")
    if allowed_origin is not None:
        headers["access-control-allow-origin"] = allowed_origin
        headers["access-control-expose-headers"] = "location, retry-after"
        headers["cross-origin-resource-policy"] = "cross-origin"
