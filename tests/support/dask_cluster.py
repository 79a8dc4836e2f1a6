"""A Dask scheduler and workers as processes of their own, on loopback."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import yaml
from pydantic import TypeAdapter

from daemon.config.backend import choose
from daemon.config.sections import Model
from daemon.core.options import Detector, Recipe
from tests.support.repository import REPOSITORY
from tests.support.running_daemon import DETECTOR, QUICK_MODEL, until

START_SECONDS = 60.0
PRETENDED = "tests.torture.program"  # the lines of a text file are its pages
REAL = "daemon"


def recipe(**options: Any) -> Recipe:
    """Return the recipe of a daemon that reads as these workers do."""
    model = Model(**QUICK_MODEL).resolved(REPOSITORY)
    detector = TypeAdapter(Detector).validate_python(DETECTOR).resolved(REPOSITORY)
    return Recipe(weights=choose(model).weights, detector=detector, **options)


class Cluster:
    """One scheduler and its workers below `root`; `end` kills all that still run."""

    def __init__(self, root: Path, *, tls: Sequence[str] = ()) -> None:
        """`tls` are the paths of authority, certificate and key of the scheduler."""
        self.root = root
        self.port = _free_port()
        self.address = f"{'tls' if tls else 'tcp'}://127.0.0.1:{self.port}"
        self._tls = tls
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        self.start_scheduler()

    def start_scheduler(self) -> None:
        """Start a scheduler at the address of the one before."""
        options = ("--tls-ca-file", "--tls-cert", "--tls-key")
        encrypted = [word for pair in zip(options, self._tls, strict=False) for word in pair]
        with (self.root / "scheduler.log").open("ab") as log:
            self.scheduler = subprocess.Popen(
                [
                    sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", self.address,
                    "--no-dashboard", "--dashboard-address", "127.0.0.1:0", *encrypted,
                ],
                stdout=log, stderr=log,
            )  # fmt: skip
        until(self._listens, START_SECONDS, what="the scheduler listens")

    def start_worker(
        self,
        name: str,
        *,
        program: str = PRETENDED,
        slots: int = 1,
        config: dict[str, Any] | None = None,
        **environment: str,
    ) -> None:
        """Start a worker with this name and number of slots; it need not join."""
        file = self.root / f"{name}.yaml"
        values = {
            "workers": slots, "allow_root": os.geteuid() == 0, "grace_seconds": 20.0,
            "model": QUICK_MODEL, "detector": DETECTOR,
            "engine": {"scheduler": self.address}, **(config or {}),
        }  # fmt: skip
        file.write_text(yaml.safe_dump(values))
        with (self.root / f"{name}.log").open("ab") as log:
            self.workers[name] = subprocess.Popen(
                [sys.executable, "-m", program, "worker", "--name", name, "-c", str(file)],
                stdout=log, stderr=log, cwd=REPOSITORY, env=os.environ | environment,
            )  # fmt: skip

    def worker(self, name: str, **options: Any) -> None:
        """Start a worker and wait until it has joined the cluster."""
        seen = len(self.events(name, "cluster.joined"))
        self.start_worker(name, **options)
        until(
            lambda: len(self.events(name, "cluster.joined")) > seen,
            START_SECONDS,
            what=f"{name} joins: {self.log(name)}",
        )

    def keep_only(self, name: str, **options: Any) -> None:
        """Kill all workers but this one, which is started if it does not run."""
        for other in [each for each in self.workers if each != name]:
            self.kill(other)
        if name not in self.workers:
            self.worker(name, **options)

    def kill(self, name: str) -> None:
        """End a worker with SIGKILL."""
        process = self.workers.pop(name)
        process.kill()
        process.wait(20)

    def kill_scheduler(self) -> None:
        """End the scheduler with SIGKILL."""
        self.scheduler.kill()
        self.scheduler.wait(20)

    def pool(self, name: str) -> list[psutil.Process]:
        """Return the processes that read for a worker."""
        found = []
        with suppress(psutil.Error):  # they are ending
            for child in psutil.Process(self.workers[name].pid).children():
                if "worker_main" in " ".join(child.cmdline()):
                    found.append(child)
        return found

    def stopped(self, name: str) -> list[psutil.Process]:
        """Return those that a failpoint has stopped."""
        return [each for each in self.pool(name) if each.status() == psutil.STATUS_STOPPED]

    def log(self, name: str) -> str:
        """Return what a worker has logged."""
        path = self.root / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def events(self, name: str, event: str) -> list[dict[str, Any]]:
        """Return what a worker has logged of one kind."""
        lines = [json.loads(line) for line in self.log(name).splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]

    def end(self) -> None:
        """Kill all that still runs; the processes of a pool end with their worker."""
        for process in (self.scheduler, *self.workers.values()):
            process.kill()
            process.wait(20)
        self.workers.clear()

    def _listens(self) -> bool:
        assert self.scheduler.poll() is None, (self.root / "scheduler.log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
