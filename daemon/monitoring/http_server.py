"""The HTTP server of `/metrics`, `/healthz` and `/readyz`, with threads of its own.

A slow client occupies one of a few threads for a few seconds and never slows down OCR. Responses
use only what is in memory (`health.py`), so that they are sent even while a share hangs.
"""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import structlog

from daemon import __version__
from daemon.core.errors import Misconfigured
from daemon.monitoring.health import Health, HealthCheck
from daemon.monitoring.heartbeat import HealthStatus
from daemon.monitoring.metrics import Exposition

log = structlog.get_logger()

MAX_REQUESTS = 8  # served at once; a scrape and two probes are three
ANSWER_SECONDS = 5.0  # for a whole request, from its first byte to the last of the response
POLL_SECONDS = 0.5  # between two searches for requests that take longer

Page = tuple[HTTPStatus, str, bytes]


class MonitoringServer:
    """Listens from its creation until `close`; Misconfigured if it cannot."""

    def __init__(self, address: str, port: int, health: Health, exposition: Exposition) -> None:
        def metrics(accept: str) -> Page:
            body, media_type = exposition.render(accept)
            return HTTPStatus.OK, media_type, body

        def healthz(_: str) -> Page:
            now = time.monotonic()
            return _report(health.status(now), health.live(now))

        def readyz(_: str) -> Page:
            now = time.monotonic()
            return _report(health.status(now), health.ready(now))

        pages = {"/metrics": metrics, "/healthz": healthz, "/readyz": readyz}
        try:
            self._server = _Server(address, port, pages)
        except OSError as error:
            remedy = f"{error.strerror or error}; free the port or name another in metrics.port"
            raise Misconfigured("metrics", f"{address}:{port}", remedy) from error
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(POLL_SECONDS,), name="monitoring", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(ANSWER_SECONDS)


class _Server(ThreadingHTTPServer):
    """At most `MAX_REQUESTS` threads, none for longer than `ANSWER_SECONDS`."""

    block_on_close = False
    request_queue_size = MAX_REQUESTS

    def __init__(self, address: str, port: int, pages: dict[str, Callable[[str], Page]]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.pages = pages
        self._free = threading.BoundedSemaphore(MAX_REQUESTS)
        self._started: dict[socket.socket, float] = {}
        super().__init__((address, port), _Handler)

    def server_bind(self) -> None:
        """Bind without a DNS query for our own host name, which the base class makes."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Handle the request in a thread; close the connection if all threads are in use."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        self._started[request] = time.monotonic()
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # no thread can be started now
            self._release(request)
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Handle the request, then free its place."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._release(request)

    def _release(self, request: socket.socket) -> None:
        self._started.pop(request, None)
        self._free.release()

    def service_actions(self) -> None:
        """Close the connections of requests that take too long; their threads wake and end."""
        for request, started in list(self._started.items()):
            if time.monotonic() - started > ANSWER_SECONDS:
                with contextlib.suppress(OSError):
                    request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Log bugs of ours; a client that closes its connection early is not logged."""
        del request
        if not isinstance(sys.exc_info()[1], OSError):
            log.exception("http_server.failed", client=str(client_address))


class _Handler(BaseHTTPRequestHandler):
    """One request, one response, one connection (HTTP/1.0)."""

    server: _Server
    server_version = f"ocr-daemon/{__version__}"
    sys_version = ""
    timeout = ANSWER_SECONDS

    def do_GET(self) -> None:
        """Send head and body."""
        self._respond(with_body=True)

    def do_HEAD(self) -> None:
        """Send the head only."""
        self._respond(with_body=False)

    def _respond(self, *, with_body: bool) -> None:
        page = self.server.pages.get(self.path.split("?")[0])
        if page is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        status, media_type, body = page(self.headers.get("Accept", ""))
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: a scrape comes every few seconds."""


def _report(status: HealthStatus, checks: Iterable[HealthCheck]) -> Page:
    """Return the checks as JSON; the code tells whether all are ok, `status` how the daemon is."""
    results = [asdict(check) for check in checks]
    code = HTTPStatus.OK if all(each["ok"] for each in results) else HTTPStatus.SERVICE_UNAVAILABLE
    content = {"status": status, "checks": results}
    return code, "application/json", json.dumps(content, indent=1).encode() + b"\n"
