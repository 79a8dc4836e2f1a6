"""A run of the daemon as a process: start, readiness, workers, signals."""

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
GREETING = b"Drop images and PDFs"  # printed when the daemon is ready
END_SECONDS = 60.0
IN_PLACE = {"claim": "ledger", "originals": "leave"}  # keys of the config


def quick_workspace(root: Path, program: str, **config: Any) -> Workspace:
    """Return a `Workspace` with times as short as its program allows and unlimited attempts.

    Random kills may hit one document again and again, which is not the fault of the document.
    """
    quick = {"quiet_seconds": 0.05, "incomplete_seconds": 0.2, "rescan_seconds": 1.0}
    values = {
        "retry": {"attempts": 1000, "wait_seconds": 0.2},
        "watch": quick if program == "pretended" else {},
    }
    root.mkdir(parents=True, exist_ok=True)
    return Workspace(root, **values | config)


class Life:
    """A daemon process from start to end; `started` and `ready` are monotonic seconds."""

    def __init__(
        self,
        workspace: Workspace,
        program: str,
        repository: Path = REPOSITORY,
        **environment: str,
    ) -> None:
        """`repository` is the checkout whose code runs."""
        self._output = workspace.root / "output"
        self._output_offset = self._output.stat().st_size if self._output.exists() else 0
        self.started = time.monotonic()
        self._ready: float | None = None
        with self._output.open("ab") as output:
            self.process = psutil.Popen(
                [sys.executable, "-m", PROGRAMS[program], "run", "--config", str(workspace.config)],
                stdout=output, stderr=subprocess.STDOUT, cwd=repository, start_new_session=True,
                env=os.environ | {"PYTHONPATH": str(repository)} | environment,
            )  # fmt: skip

    @property
    def ready(self) -> float | None:
        """The time when it was first seen to be ready, None while it loads."""
        if self._ready is None and GREETING in self.printed():
            self._ready = time.monotonic()
        return self._ready

    @property
    def is_over(self) -> bool:
        """Whether the process has ended."""
        return self.process.poll() is not None

    def printed(self) -> bytes:
        """Return the output of this run."""
        with self._output.open("rb") as output:
            output.seek(self._output_offset)
            return output.read()

    def wait_ready(self) -> None:
        """Wait until it is ready; raises AssertionError if it ends instead."""
        until(lambda: self.ready or self.is_over, what="ready")
        assert not self.is_over, self.printed().decode()

    def workers(self) -> list[psutil.Process]:
        """Return the running worker processes."""
        found = []
        with _ignoring_ended():
            for child in self.process.children():
                with _ignoring_ended():
                    if "worker_main" in " ".join(child.cmdline()):
                        found.append(child)
        return found

    def stopped(self) -> psutil.Process | None:
        """Return the process of this daemon that is stopped, or None."""
        for process in (self.process, *self.workers()):
            with _ignoring_ended():
                if process.status() == psutil.STATUS_STOPPED:
                    return process
        return None

    def kill(self) -> None:
        """Send SIGKILL and wait until the daemon and its workers are gone."""
        workers = self.workers()
        self.process.kill()
        self.process.wait(END_SECONDS)
        _, alive = psutil.wait_procs(workers, 10)
        assert not alive, f"workers still run after their daemon: {alive}"

    def terminate(self) -> int:
        """Send SIGTERM (and SIGCONT, if it is stopped); return the exit code."""
        if not self.is_over:
            self.process.send_signal(signal.SIGTERM)
            self.process.send_signal(signal.SIGCONT)
        return int(self.process.wait(END_SECONDS))


@contextmanager
def living(
    workspace: Workspace, program: str, repository: Path = REPOSITORY, **environment: str
) -> Iterator[Life]:
    """Run a daemon for the block and kill it at the end."""
    life = Life(workspace, program, repository, **environment)
    try:
        yield life
    finally:
        if not life.is_over:
            life.kill()


@contextmanager
def _ignoring_ended() -> Iterator[None]:
    with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
        yield
