"""`/metrics`, `/healthz` and `/readyz`, answered from threads of their own.

Whoever is slow keeps one of few threads for few seconds, and costs the path nothing. The answers
come from what the rooms know already (`health.py`): they come too while a share hangs.
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
from daemon.monitoring.metrics import Exposition

log = structlog.get_logger()

MOST_REQUESTS = 8  # answered at once; a scrape and two probes are three
ANSWER_SECONDS = 5.0  # for a whole request, from its first byte to the last of the answer
LOOK_SECONDS = 0.5  # between two looks for those that take longer

Answer = tuple[HTTPStatus, str, bytes]


class MonitoringServer:
    """Listens from its making until `close`; Misconfigured where it cannot."""

    def __init__(self, address: str, port: int, health: Health, exposition: Exposition) -> None:
        def metrics(accept: str) -> Answer:
            body, media_type = exposition.render(accept)
            return HTTPStatus.OK, media_type, body

        pages: dict[str, Callable[[str], Answer]] = {
            "/metrics": metrics,
            "/healthz": lambda _: _told(health.live(time.monotonic())),
            "/readyz": lambda _: _told(health.ready(time.monotonic())),
        }
        try:
            self._server = _Server(address, port, pages)
        except OSError as error:
            remedy = f"{error.strerror or error}; free the port or name another in metrics.port"
            raise Misconfigured("metrics", f"{address}:{port}", remedy) from error
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(LOOK_SECONDS,), name="endpoint", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(ANSWER_SECONDS)


class _Server(ThreadingHTTPServer):
    """At most `MOST_REQUESTS` threads, none for longer than `ANSWER_SECONDS`."""

    block_on_close = False
    request_queue_size = MOST_REQUESTS

    def __init__(self, address: str, port: int, pages: dict[str, Callable[[str], Answer]]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.pages = pages
        self._free = threading.BoundedSemaphore(MOST_REQUESTS)
        self._begun: dict[socket.socket, float] = {}
        super().__init__((address, port), _Asked)

    def server_bind(self) -> None:
        """Bind without asking a name server for our own name, as the class below does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Answer in a thread, or hang up where all of them are taken."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        self._begun[request] = time.monotonic()
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # no thread may be started now
            self._over(request)
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Answer, and make room for another."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._over(request)

    def _over(self, request: socket.socket) -> None:
        self._begun.pop(request, None)
        self._free.release()

    def service_actions(self) -> None:
        """Hang up on those that take too long; whoever waits for them wakes."""
        for request, begun in list(self._begun.items()):
            if time.monotonic() - begun > ANSWER_SECONDS:
                with contextlib.suppress(OSError):
                    request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Log what is a bug of ours; whoever hangs up in the middle is not worth a line."""
        del request
        if not isinstance(sys.exc_info()[1], OSError):
            log.exception("http_server.failed", client=str(client_address))


class _Asked(BaseHTTPRequestHandler):
    """One request, one answer, one connection (HTTP/1.0)."""

    server: _Server
    server_version = f"ocr-daemon/{__version__}"
    sys_version = ""
    timeout = ANSWER_SECONDS

    def do_GET(self) -> None:
        """Answer with head and body."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Answer with the head alone."""
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
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
        """Log nothing: scrapes come every few seconds."""


def _told(checks: Iterable[HealthCheck]) -> Answer:
    found = list(checks)
    holds = all(check.ok for check in found)
    said = {"status": "ok" if holds else "failing", "checks": [asdict(check) for check in found]}
    body = json.dumps(said, indent=1, ensure_ascii=True).encode() + b"\n"
    status = HTTPStatus.OK if holds else HTTPStatus.SERVICE_UNAVAILABLE
    return status, "application/json", body
