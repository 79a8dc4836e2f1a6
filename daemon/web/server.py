"""Starts the web server from a config: `ocr-daemon web`, by hand or by the daemon."""

from __future__ import annotations

import asyncio
import fnmatch
import logging
import os
import signal
import socket
from collections.abc import Sized
from typing import Any

import h11
import structlog
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from daemon.config import validation
from daemon.config.settings import Config
from daemon.core import logs, private
from daemon.core.errors import Misconfigured
from daemon.inbox.uploads import UPLOAD_FOLDER
from daemon.supervisor import wiring
from daemon.web.app import create_app
from daemon.web.context import WebContext
from daemon.web.http.errors import HttpError, problem_response
from daemon.web.http.security import AccessControl, RateLimiter
from daemon.web.index.catalogue import Catalogue
from daemon.web.index.paths import WebPaths
from daemon.web.previews.page_images import PageImages
from daemon.web.uploads.uploads import Uploads

log = structlog.get_logger()

MAX_CONNECTIONS = 256  # at once; further requests get 503
CROWDED_CONNECTIONS = 192  # above these each new one closes the one idle for longest
HEADER_SECONDS = 10.0  # in which the head of a request must arrive
STOP_SECONDS = 10
INDEX_NAME = "search.sqlite3"


def run(config: Config) -> None:
    """Serve until SIGTERM or SIGINT; Misconfigured if that is not possible."""
    validation.refuse(validation.bad_web(config))
    if any(fnmatch.fnmatch(UPLOAD_FOLDER, pattern) for pattern in config.watch.ignore):
        remedy = "matches the folder of uploads; remove the pattern"
        raise Misconfigured("watch.ignore", UPLOAD_FOLDER, remedy)
    if config.permissions.umask is not None:
        os.umask(int(config.permissions.umask, 8))
    # to standard error only: the log file has one writer, which rotates it
    logs.set_up(None, config.logging.level, log_format=config.logging.format)
    logging.getLogger("uvicorn").setLevel(logging.ERROR)  # no warning for each rejected connection
    web = config.web
    server = _AnnouncingServer(uvicorn.Config(
        create_app(build_context(config)), host=web.address, port=web.port,
        http=_HttpProtocol, ws="none",
        loop="asyncio", lifespan="on", proxy_headers=False, server_header=False, access_log=False,
        log_config=None, timeout_keep_alive=5,
        backlog=MAX_CONNECTIONS, timeout_graceful_shutdown=STOP_SECONDS,
    ))  # fmt: skip
    for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises it again when it has stopped
        signal.signal(number, lambda *_: None)
    try:
        server.run()
    except SystemExit as error:
        remedy = (
            "cannot be bound: the port is in use, or the address is not one of this machine; "
            "change web.port or web.address"
        )
        raise Misconfigured("web.port", f"{web.address}:{web.port}", remedy) from error


def build_context(config: Config) -> WebContext:
    """Return the services of the web process."""
    web, folders = config.web, config.folders
    paths = WebPaths(
        folders.inbox, folders.outbox, folders.archive, folders.failed,
        config.ledger_file, folders.state / INDEX_NAME,
    )  # fmt: skip
    private.make_folder(folders.state)
    options = wiring.by_folder(config, lambda under, _: (under.limits, under.pdf))
    in_sandbox = config.sandbox == "auto"
    return WebContext(
        catalogue=Catalogue(paths, wiring.scanner(config)),
        uploads=Uploads(
            folders.inbox, folders.failed, config.watch.ignore, web.uploads_waiting,
            config.min_free_bytes,
        ),
        page_images=PageImages(folders.state / "pages", options, in_sandbox=in_sandbox),
        thumbnails=PageImages.thumbnails(
            folders.state / "thumbnails", options, in_sandbox=in_sandbox
        ),
        access=AccessControl(web.token, web.origins, web.address),
        rate_limiter=RateLimiter(web.requests_per_minute),
        state=folders.state,
        policies=wiring.policies(config),
        can_render=wiring.scratch(config) is not None,
        predict_seconds=web.predict_seconds,
        upload_bytes=web.upload_megabytes * 1_000_000,
    )  # fmt: skip


def limit_connections(app: ASGIApp, connections: Sized) -> ASGIApp:
    """Return an application that turns requests away while too many connections are open."""

    async def respond(scope: Scope, receive: Receive, send: Send) -> None:
        if len(connections) < MAX_CONNECTIONS:
            await app(scope, receive, send)
            return
        reason = f"{MAX_CONNECTIONS} connections are open already; try again later"
        headers = {"Retry-After": "5", "Connection": "close"}
        await problem_response(HttpError(503, "busy", reason, headers))(scope, receive, send)

    return respond


class _AnnouncingServer(uvicorn.Server):
    """Logs the address once it is bound."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Bind, then log the address: the system may have chosen the port."""
        await super().startup(sockets=sockets)
        for server in self.servers:
            for bound in server.sockets:
                address, port, *_ = bound.getsockname()
                log.info("web.ready", address=address, port=port)


class _HttpProtocol(H11Protocol):
    """Limits connections, and the time for a request head (slowloris protection).

    What it rejects before the application sees it gets problem details as every other request.
    """

    _timeout: asyncio.TimerHandle | None = None

    def __init__(self, *arguments: Any, **keywords: Any) -> None:  # noqa: ANN401
        super().__init__(*arguments, **keywords)
        self.app = limit_connections(self.app, self.connections)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP request, and close the connection."""
        error = HttpError(400, "malformed", f"the request is no valid HTTP: {msg}")
        response = problem_response(error)
        headers = [*response.raw_headers, (b"connection", b"close")]
        for event in (
            h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
            h11.Data(data=bytes(response.body)),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timeout for the first request."""
        super().connection_made(transport)
        self._timeout = self.loop.call_later(HEADER_SECONDS, transport.close)
        if len(self.connections) > CROWDED_CONNECTIONS:
            self._close_idle_connection()

    def _close_idle_connection(self) -> None:
        """Close the connection idle for longest: opening idle ones needs no token."""
        idle = {
            each._timeout.when(): each.transport
            for each in self.connections
            if isinstance(each, _HttpProtocol)
            and each._timeout
            and each is not self
            and not each.transport.is_closing()
        }
        if idle:
            idle[min(idle)].close()

    def data_received(self, data: bytes) -> None:
        """Stop the timeout while a request is answered, start it while its head is incomplete."""
        super().data_received(data)
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if is_answering and self._timeout is not None:
            self._timeout.cancel()
            self._timeout = None
        elif not is_answering and self._timeout is None:
            self._timeout = self.loop.call_later(HEADER_SECONDS, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timeout."""
        if self._timeout is not None:
            self._timeout.cancel()
        super().connection_lost(exc)
