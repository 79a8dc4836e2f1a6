"""A workspace for a test: folders, a config, and the daemon as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import yaml

from daemon.config.load import load
from daemon.core.options import Weights
from tests.support.repository import REPOSITORY

_CONFIG = load(REPOSITORY / "config.yaml").model_dump(mode="json")  # paths absolute
MODEL, DETECTOR = _CONFIG["model"], _CONFIG["detector"]
SHIPPED = Weights(file=Path(f"{MODEL['file']}.pt"))
SHIPPED_ONNX = Weights(file=SHIPPED.file.with_suffix(".onnx"), backend="onnxruntime")
# The same network in a runtime that loads in a third of the time, on every processor: for tests
# that are not about the backend. Those of the whole path, of poison and of memory take MODEL.
QUICK_MODEL = MODEL | {
    "file": str(SHIPPED_ONNX.file),
    "sha256": MODEL["sha256"]["onnx"],
    "backend": "onnxruntime",
}
READY_SECONDS = 60.0
ANSWER_SECONDS = 60.0


def until(
    condition: Callable[[], Any],
    seconds: float = ANSWER_SECONDS,
    *,
    what: str = "",
    every: float = 0.05,
) -> Any:
    """Return the first true answer; an AssertionError says what never came true.

    A condition that starts a process takes `every` half a second.
    """
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if answer := condition():
            return answer
        time.sleep(every)
    raise AssertionError(f"not within {seconds} s: {what or condition}")


class Workspace:
    """The folders of one daemon under `root`, and its config with short times."""

    def __init__(self, root: Path, **config: Any) -> None:
        self.root = root
        self.working_directory = REPOSITORY  # of its processes
        for name in ("inbox", "outbox", "archive", "failed", "logs", "state"):
            setattr(self, name, root / name)
        self.inbox: Path
        self.outbox: Path
        self.archive: Path
        self.failed: Path
        self.logs: Path
        self.state: Path
        self.inbox.mkdir(exist_ok=True)
        self.config = root / "config.yaml"
        watch = {
            "quiet_seconds": 0.3, "incomplete_seconds": 1.0, "rescan_seconds": 2.0,
            "poll_seconds": 0.2,
        }  # fmt: skip
        values = {
            "workers": 1,
            "allow_root": os.geteuid() == 0,
            "watch": watch | config.pop("watch", {}),
            "retry": {"wait_seconds": 0.5} | config.pop("retry", {}),
            "model": QUICK_MODEL | config.pop("model", {}),
            "detector": DETECTOR | config.pop("detector", {}),
            **config,
        }
        draft = self.config.with_name(".config.yaml.tmp")
        draft.write_text(yaml.safe_dump(values, sort_keys=False))
        draft.replace(self.config)  # a daemon that starts at this moment reads one or the other

    def drop(self, name: str, content: bytes) -> Path:
        """Put a file into the inbox as a careful program would: written aside, then renamed."""
        path = self.inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.inbox / ".draft"
        draft.write_bytes(content)
        draft.rename(path)
        return path

    def answer(self, name: str, seconds: float = ANSWER_SECONDS) -> dict[str, Any]:
        """Return the answer `outbox/name`, waiting for it."""
        path = self.outbox / name
        until(path.exists, seconds, what=f"{name} in {sorted(self.answers())}\n{self.log_tail()}")
        return json.loads(path.read_text())

    def answers(self) -> dict[str, dict[str, Any]]:
        """Return every answer by its path in the outbox."""
        return {
            str(path.relative_to(self.outbox)): json.loads(path.read_text())
            for path in self.outbox.rglob("*.json")
        }

    def bytes_of(self, path: Path) -> bytes:
        """Return what a file holds once it is there: originals move after the answer."""
        until(path.exists, what=str(path))
        return path.read_bytes()

    def files_in(self, folder: Path) -> set[str]:
        """Return the relative paths of the files below one of the folders."""
        return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}

    def events(self) -> list[dict[str, Any]]:
        """Return what the log file says."""
        log = self.logs / "ocr-daemon.jsonl"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def log_tail(self) -> str:
        """Return the last events, for a failing test."""
        return "\n".join(json.dumps(event) for event in self.events()[-15:])

    def command(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the console script to its end."""
        return subprocess.run(
            [sys.executable, "-m", "daemon", *arguments, "--config", str(self.config)],
            capture_output=True, text=True, timeout=120, cwd=self.working_directory,
            env=os.environ | environment,
        )  # fmt: skip

    @contextmanager
    def running(self, **environment: str) -> Iterator[RunningDaemon]:
        """Run the daemon until the block ends; it must have ended by itself or end on SIGTERM."""
        daemon = RunningDaemon(self, environment)
        try:
            daemon.wait_ready()
            yield daemon
        finally:
            daemon.end()


class RunningDaemon:
    """The daemon as a process."""

    def __init__(self, workspace: Workspace, environment: dict[str, str]) -> None:
        self._workspace = workspace
        before = len(workspace.events())
        self._event_names = lambda: [event["event"] for event in workspace.events()[before:]]
        self.output = (workspace.root / "output").open("a")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "daemon", "run", "--config", str(workspace.config)],
            stdout=self.output, stderr=subprocess.STDOUT, cwd=workspace.working_directory,
            env=os.environ | environment, start_new_session=True,
        )  # fmt: skip

    def wait_ready(self) -> None:
        """Return when the model is warm and the inbox is watched."""
        until(
            lambda: "daemon.ready" in self._event_names() or self.process.poll() is not None,
            READY_SECONDS,
            what="daemon.ready",
        )
        assert self.process.poll() is None, (self._workspace.root / "output").read_text()

    def workers(self) -> list[psutil.Process]:
        """Return the worker processes."""
        found = []
        for child in psutil.Process(self.process.pid).children():
            with suppress(psutil.Error):  # it is ending
                if "worker_main" in " ".join(child.cmdline()):
                    found.append(child)
        return found

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the daemon itself."""
        self.process.send_signal(number)

    def wait(self, seconds: float = 60.0) -> int:
        """Return the exit code."""
        return self.process.wait(seconds)

    def end(self) -> None:
        """Stop it, whatever it does; its workers die with it."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
        self.output.close()
