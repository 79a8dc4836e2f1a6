"""A web server that takes letters, as one that people write does, and answers as it is told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread


@dataclass
class Receiver:
    """What came in; `answers` are given in turn, then 200 for ever."""

    address: str = ""
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    came: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


def is_signed(headers: dict[str, str], body: bytes, key: bytes) -> bool:
    """Verify as the specification has it, with nothing of ours."""
    said = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    due = base64.b64encode(hmac.new(key, said, hashlib.sha256).digest()).decode()
    return f"v1,{due}" in headers["webhook-signature"].split(" ")


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Say nothing of a client that went away."""


@contextmanager
def receiving(
    *answers: int | tuple[int, dict[str, str]], certificate: Path | None = None
) -> Iterator[Receiver]:
    """Listen on loopback until the block ends; by TLS with a certificate and its key in a file."""
    receiver = Receiver(answers=[a if isinstance(a, tuple) else (a, {}) for a in answers])

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.came.append(({k.lower(): v for k, v in self.headers.items()}, body))
            status, extra = receiver.answers.pop(0) if receiver.answers else (200, {})
            self.send_response(status)
            for name, value in extra.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"so it is")

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *_: object) -> None:
            pass

    with _Server(("127.0.0.1", 0), Listener) as server:
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https" if certificate else "http"
        receiver.address = f"{scheme}://127.0.0.1:{server.server_port}/scans/s3cret?who=me"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
