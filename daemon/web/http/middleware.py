"""Stands before every route: rate, gate, CORS, headers, and clients that do not listen."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from daemon.web.http.errors import Refused, told
from daemon.web.http.security import HEADERS, Gate, Rate
from daemon.web.http.redirects import login_for
from daemon.web.ui.templating import Paper, is_for_a_person

log = structlog.get_logger()

SEND_SECONDS = 60.0  # that a client may take to make room for the next part of an answer
_ALLOWED = {
    "access-control-allow-methods": "GET, POST, DELETE",
    "access-control-allow-headers": "authorization, content-type",
    "access-control-max-age": "600",
}


class Guard:
    """The one middleware; what it refuses never reaches a route."""

    def __init__(self, app: ASGIApp, gate: Gate, rate: Rate, paper: Paper) -> None:
        self._app = app
        self._paper = paper
        self._gate = gate
        self._rate = rate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or say why not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin", "")
        is_friend = origin in self._gate.origins
        has_begun = False

        async def say(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                _mark(message, origin if is_friend else None)
            try:
                await asyncio.wait_for(send(message), SEND_SECONDS)
            except TimeoutError as error:
                raise ClientDisconnect from error  # it does not listen

        try:
            refusal = self._refusal(scope, headers)
            if refusal is not None:
                response: ASGIApp = self._refused(refusal, Request(scope))
            elif scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
                response = Response(status_code=204 if is_friend else 403, headers=_ALLOWED)
            else:
                response = self._app
            await response(scope, receive, say)
        except ClientDisconnect:
            return  # whoever hangs up is no fault of ours; the server closes what is half said
        except Exception:  # of ours
            log.exception("web.request_failed", method=scope["method"], path=scope["path"])
            if has_begun:
                raise
            bug = Refused(
                500, "crashed", "this request failed; the log of the web process says why"
            )
            await told(bug)(scope, receive, say)

    def _refusal(self, scope: MutableMapping[str, object], headers: Headers) -> Refused | None:
        client = scope.get("client")
        method = str(scope["method"])
        try:
            self._rate.spend(client[0] if isinstance(client, tuple | list) else "")
            if method == "OPTIONS":
                return None  # a browser asks on behalf of a page, and brings no token
            self._gate.check(method, str(scope["path"]), headers)
        except Refused as refused:
            return refused
        return None

    def _refused(self, refusal: Refused, request: Request) -> Response:
        """Return a refusal: a page for a person, who without the token is led to the login."""
        if not is_for_a_person(request):
            return told(refusal)
        if refusal.status != 401:
            return self._paper.refused(request, refusal)
        query = str(request.scope["query_string"], "latin-1")
        return RedirectResponse(login_for(request.scope["path"], query), 303)


def _mark(message: Message, friend: str | None) -> None:
    """Put our headers on an answer; what a route has said itself stays."""
    headers = MutableHeaders(scope=message)
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
    headers.add_vary_header("origin")
    if friend is not None:
        headers["access-control-allow-origin"] = friend
        headers["access-control-expose-headers"] = "location, retry-after"
        headers["cross-origin-resource-policy"] = "cross-origin"
