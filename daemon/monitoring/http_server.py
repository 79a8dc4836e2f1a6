"""The HTTP server of `/metrics`, `/healthz` and `/readyz`, with threads of its own.

A slow client occupies one of a few threads for a few seconds and never slows down OCR; where all
are occupied, the one that has waited for its request for longest makes room for the next client.
Responses use only what is in memory (`health.py`), so that they are sent even while a share hangs.
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
from daemon.core import host_names
from daemon.core.errors import Misconfigured
from daemon.monitoring.health import Health, HealthCheck
from daemon.monitoring.heartbeat import HealthStatus
from daemon.monitoring.metrics import Exposition

log = structlog.get_logger()

MAX_REQUESTS = 16  # served at once; a scrape and two probes are three
MAX_WAITING = 128  # connections that the kernel holds while we accept others
HEAD_SECONDS = 3.0  # for the head of a request, from the connection on
ANSWER_SECONDS = 5.0  # for a whole request, from its first byte to the last of the response
POLL_SECONDS = 0.5  # between two searches for requests that take longer
EVICTION_SECONDS = 0.1  # in which the thread of a closed connection has ended

UNKNOWN_HOST = "Unknown host name: add it to metrics.hosts, or use the IP address"

Page = tuple[HTTPStatus, str, bytes]


class MonitoringServer:
    """Listens from its creation until `close`; Misconfigured if it cannot."""

    def __init__(
        self,
        address: str,
        port: int,
        health: Health,
        exposition: Exposition,
        hosts: Iterable[str] = (),
    ) -> None:
        """`hosts` are further names under which it may be asked."""

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
            self._server = _Server(address, port, pages, hosts)
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
    request_queue_size = MAX_WAITING

    def __init__(
        self,
        address: str,
        port: int,
        pages: dict[str, Callable[[str], Page]],
        hosts: Iterable[str],
    ) -> None:
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.pages = pages
        names = ("localhost", address, socket.gethostname(), *hosts)
        self.hosts = frozenset(name.lower().rstrip(".") for name in names)
        self._free = threading.BoundedSemaphore(MAX_REQUESTS)
        self._started: dict[socket.socket, float] = {}
        self._without_head: dict[socket.socket, float] = {}  # oldest first
        super().__init__((address, port), _Handler)

    def server_bind(self) -> None:
        """Bind without a DNS query for our own host name, which the base class makes."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Handle the request in a thread; close the connection if none becomes free."""
        if not self._free.acquire(blocking=False):
            self._evict()
            if not self._free.acquire(timeout=EVICTION_SECONDS):
                self.shutdown_request(request)
                return
        self._started[request] = self._without_head[request] = time.monotonic()
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

    def head_received(self, request: socket.socket) -> None:
        """Note that a request is being answered and is not to be evicted."""
        self._without_head.pop(request, None)

    def _evict(self) -> None:
        """Close the connection that has waited for the head of its request for longest."""
        oldest = next(iter(list(self._without_head)), None)
        if oldest is not None:
            _hang_up(oldest)

    def _release(self, request: socket.socket) -> None:
        self._started.pop(request, None)
        self._without_head.pop(request, None)
        self._free.release()

    def service_actions(self) -> None:
        """Close the connections of requests that take too long; their threads wake and end."""
        now = time.monotonic()
        late = [r for r, since in list(self._started.items()) if now - since > ANSWER_SECONDS]
        late += [r for r, since in list(self._without_head.items()) if now - since > HEAD_SECONDS]
        for request in late:
            _hang_up(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Log bugs of ours; a client that closes its connection early is not logged."""
        del request
        if not isinstance(sys.exc_info()[1], OSError):
            log.exception("http_server.failed", client=str(client_address))


def _hang_up(connection: socket.socket) -> None:
    """Close a connection; the thread that reads from it wakes and ends."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


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
        self.server.head_received(self.connection)
        host = self.headers.get("Host")  # browsers always send one
        if host is not None and not host_names.is_known(host, self.server.hosts):
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST, UNKNOWN_HOST)
            return
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
