"""The real daemon with its real web process, and a client of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import requests

from tests.support.running_daemon import RunningDaemon, Workspace, until

SECONDS = 20.0


class Site:
    """A client of one running web process."""

    def __init__(
        self, workspace: Workspace, port: int, daemon: RunningDaemon | None = None
    ) -> None:
        self.workspace = workspace
        self.daemon = daemon
        self.move_to(port)

    def move_to(self, port: int) -> None:
        """Use another port from now on: after a restart the system may choose another one."""
        self.port = port
        self.base = f"http://127.0.0.1:{port}"

    def get(self, path: str, **more: Any) -> requests.Response:
        return requests.get(self.base + path, timeout=SECONDS, **more)

    def post(self, path: str, **more: Any) -> requests.Response:
        return requests.post(self.base + path, timeout=60, **more)

    def delete(self, path: str, **more: Any) -> requests.Response:
        return requests.delete(self.base + path, timeout=SECONDS, **more)

    def upload(self, name: str, content: bytes) -> dict[str, Any]:
        answer = self.post("/upload", files={"file": (name, content)})
        assert answer.status_code == 202, answer.text
        return answer.json()["documents"][0]

    def settled(self, location: str) -> dict[str, Any]:
        """Return a document once it has a result."""

        def asked() -> dict[str, Any] | None:
            found = self.get(location).json()
            return found if found["status"] not in ("waiting", "reading") else None

        return until(asked, SECONDS, what=location)

    def process(self) -> psutil.Process:
        """Return the web process."""
        children = psutil.Process(self.daemon.process.pid).children() if self.daemon else []
        return next(child for child in children if "web" in child.cmdline())


def port_of(workspace: Workspace, after: int = 0) -> int:
    """Return the port that the web process logged, in the output after an offset."""
    output = workspace.root / "output"

    def logged_port() -> str | None:
        found = re.search(r'"port": (\d+), "event": "web.ready"', output.read_text()[after:])
        return found and found[1]

    return int(until(logged_port, SECONDS, what=output.read_text()[-2000:]))


@contextmanager
def running(root: Path, **web: Any) -> Iterator[Site]:
    """Run a daemon with `web.enabled` and other keys of `web`."""
    config = web.pop("config", {})
    workspace = Workspace(root, web={"enabled": True, "port": 0} | web, **config)
    with workspace.running() as daemon:
        yield Site(workspace, port_of(workspace), daemon)
