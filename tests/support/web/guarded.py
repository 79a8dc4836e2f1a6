"""A web process with a token and low limits, and raw connections to it."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.support.repository import REPOSITORY
from tests.support.running_daemon import Workspace
from tests.support.samples import png, text_page
from tests.support.web.site import Site, port_of

TOKEN = "a-token-of-this-test"
FRIEND = "https://app.example"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
IMAGE = png(text_page(["Gate"]))


@contextlib.contextmanager
def alone(root: Path) -> Iterator[Site]:
    """Run a web process without a daemon: uploads stay waiting."""
    web = {
        "port": 0, "token": TOKEN, "origins": [FRIEND], "upload_megabytes": 1,
        "uploads_waiting": 6, "predict_seconds": 0.5, "requests_per_minute": 0,
    }  # fmt: skip
    workspace = Workspace(root, web=web)
    with (root / "output").open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "daemon", "web", "--config", str(workspace.config)],
            stdout=output, stderr=output, cwd=REPOSITORY,
        )  # fmt: skip
        try:
            yield Site(workspace, port_of(workspace))
        finally:
            process.terminate()
            assert process.wait(20) == 0


def raw(site: Site, request: bytes, seconds: float = 5.0) -> bytes:
    """Send raw bytes and return everything received until the server closes."""
    with socket.create_connection(("127.0.0.1", site.port), timeout=seconds) as line:
        line.sendall(request)
        answer = b""
        while part := line.recv(65536):
            answer += part
        return answer
