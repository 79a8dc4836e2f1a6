"""One life of the daemon as a process of its own, and what can be done to it from outside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from tests.support.repository import REPOSITORY
from tests.support.running_daemon import Workspace, until

PROGRAMS = {"real": "daemon", "pretended": "tests.torture.program"}
GREETING = b"Drop images and PDFs"  # printed when the model is warm and the inbox is watched
END_SECONDS = 60.0


def quick_workspace(root: Path, program: str, **config: Any) -> Workspace:
    """Return a workspace with times as short as its program can follow, and attempts without end.

    A kill at random may hit one document again and again, which is then no fault of its own.
    """
    quick = {"quiet_seconds": 0.05, "incomplete_seconds": 0.2, "rescan_seconds": 1.0}
    values = {
        "retry": {"attempts": 1000, "wait_seconds": 0.2},
        "watch": quick if program == "pretended" else {},
    }
    root.mkdir(parents=True, exist_ok=True)
    return Workspace(root, **values | config)


class Life:
    """A daemon from its start to its end; `started` and `ready` are monotonic seconds."""

    def __init__(self, workspace: Workspace, program: str, **environment: str) -> None:
        self._output = workspace.root / "output"
        self._said_before = self._output.stat().st_size if self._output.exists() else 0
        self.started = time.monotonic()
        self._ready: float | None = None
        with self._output.open("ab") as output:
            self.process = psutil.Popen(
                [sys.executable, "-m", PROGRAMS[program], "run", "--config", str(workspace.config)],
                stdout=output, stderr=subprocess.STDOUT, cwd=REPOSITORY, start_new_session=True,
                env=os.environ | {"PYTHONPATH": str(REPOSITORY)} | environment,
            )  # fmt: skip

    @property
    def ready(self) -> float | None:
        """When it was first seen to be ready, None as long as it loads."""
        if self._ready is None and GREETING in self.said():
            self._ready = time.monotonic()
        return self._ready

    @property
    def is_over(self) -> bool:
        """Whether the process has ended."""
        return self.process.poll() is not None

    def said(self) -> bytes:
        """Return what this life has printed."""
        with self._output.open("rb") as output:
            output.seek(self._said_before)
            return output.read()

    def wait_ready(self) -> None:
        """Return when it is ready; one that ends instead is an error."""
        until(lambda: self.ready or self.is_over, what="ready")
        assert not self.is_over, self.said().decode()

    def workers(self) -> list[psutil.Process]:
        """Return the living worker processes: the children of the fork server."""
        found = []
        with _gone_is_fine():
            for child in self.process.children():
                with _gone_is_fine():
                    if "forkserver" in " ".join(child.cmdline()):
                        found += child.children()
        return found

    def stopped(self) -> psutil.Process | None:
        """Return the process of this daemon that has stopped itself, None where all run."""
        for process in (self.process, *self.workers()):
            with _gone_is_fine():
                if process.status() == psutil.STATUS_STOPPED:
                    return process
        return None

    def kill(self) -> None:
        """SIGKILL, and wait until nothing of it is left: its workers die with it."""
        workers = self.workers()
        self.process.kill()
        self.process.wait(END_SECONDS)
        _, alive = psutil.wait_procs(workers, 10)
        assert not alive, f"workers outlived their daemon: {alive}"

    def terminate(self) -> int:
        """SIGTERM (and SIGCONT, should it stand still); return the exit code."""
        if not self.is_over:
            self.process.send_signal(signal.SIGTERM)
            self.process.send_signal(signal.SIGCONT)
        return int(self.process.wait(END_SECONDS))


@contextmanager
def living(workspace: Workspace, program: str, **environment: str) -> Iterator[Life]:
    """Run a daemon until the block ends, however it ends."""
    life = Life(workspace, program, **environment)
    try:
        yield life
    finally:
        if not life.is_over:
            life.kill()


@contextmanager
def _gone_is_fine() -> Iterator[None]:
    with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
        yield
