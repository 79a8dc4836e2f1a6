"""Power cuts: the daemon is restarted on every possible disk image of a run, and must finish.

The restarted daemon is the real one in a forked process, with an engine that answers at once (so
that a thousand restarts take minutes); folders and config are those of the recorded run.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from daemon.config.load import load
from daemon.core.errors import DaemonError
from daemon.core.tasks import CountPages, Outcome, RenderTask, Result, Task
from daemon.engine.protocol import SlotState
from daemon.supervisor import daemon as supervisor
from daemon.supervisor import main
from tests.support.running_daemon import Workspace, until
from tests.torture import disk, oracle, pretended, series
from tests.torture.life import living, quick_workspace
from tests.torture.oracle import Landed
from tests.torture.trace import Record, record

RESTART_SECONDS = 20.0
CONFIG = {"watch": {"mode": "scan", "quiet_seconds": 0.05, "poll_seconds": 0.05}}


@dataclass(slots=True)
class CutReport:
    """The number of cuts and of different images, and the violations."""

    model: disk.Model
    cuts: int = 0
    images: int = 0
    violations: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        summary = f"{self.model}: {self.cuts} cuts, {self.images} images"
        return "\n  ".join([f"{summary}, {len(self.violations)} violations", *self.violations[:20]])


class Engine:
    """Reads in the process of the daemon, at once."""

    slots = 1
    protections = "none: it reads in the daemon process"

    def __init__(self) -> None:
        self._outcomes: list[Outcome] = []
        self._pipeline = pretended.Pipeline()

    @property
    def free(self) -> int:
        """One task at a time."""
        return 1 - len(self._outcomes)

    def start(self) -> None:
        """Nothing is started."""

    def warm(self) -> None:
        """Nothing is loaded."""

    def submit(self, task: Task) -> None:
        """Do the task at once."""
        self._outcomes.append(Outcome(task, self._result(task)))

    def finished(self) -> list[Outcome]:
        """Return the outcomes since the last call."""
        outcomes, self._outcomes = self._outcomes, []
        return outcomes

    def states(self, now: float) -> list[tuple[SlotState, float]]:
        """Return the only slot, always idle."""
        return [("idle", 0.0)]

    def close(self) -> None:
        """Nothing runs."""

    def _result(self, task: Task) -> Result | DaemonError:
        try:
            if isinstance(task, RenderTask):
                return pretended.render_output(task)
            if isinstance(task, CountPages):
                return self._pipeline.count_pages(task.path, task.stamp)
            return self._pipeline.read_pages(task.path, task.first, task.last, task.stamp)
        except DaemonError as error:
            return error


def lives(root: Path) -> Iterator[tuple[str, Record, list[Landed]]]:
    """Record three runs: the first on its state folder, a later one with a file to retry, and one
    with outputs.
    """
    landed = [
        Landed("scan.png", pretended.content("One page"), "One page"),
        Landed("sub/pages.pdf", pretended.content("First", "Second"), "Second"),
        Landed("broken.png", pretended.BROKEN, None),
        Landed("twin.png", pretended.content("One page"), "One page"),
    ]
    first = quick_workspace(root / "first", "pretended", **CONFIG)
    yield "first", _recorded(first, landed), landed
    later = quick_workspace(
        root / "later", "pretended", retry={"attempts": 1, "wait_seconds": 0.2}, **CONFIG
    )
    again = Landed("again.png", pretended.content("Again"), "Again")
    later.drop(again.name, again.content)
    with living(later, "pretended", FAILPOINTS="worker.read=kill") as life:
        until((later.failed / again.name).exists, what="it fails")
        assert life.terminate() == 0
    (later.failed / again.name).rename(later.inbox / again.name)
    later = quick_workspace(root / "later", "pretended", **CONFIG)
    more = [Landed("scan.png", pretended.content("Other"), "Other"), again]
    yield "later", _recorded(later, more), more
    publishing = quick_workspace(
        root / "publishing", "pretended", outputs=["text", "picture"], **CONFIG
    )
    published = [
        Landed("scan.png", pretended.content("One page"), "One page", outputs=2),
        Landed("sub/pages.pdf", pretended.content("First", "Second"), "Second", outputs=3),
        Landed("broken.png", pretended.BROKEN, None),
    ]
    yield "published", _recorded(publishing, published), published


def _recorded(workspace: Workspace, landed: list[Landed]) -> Record:
    for file in landed:
        if not (workspace.inbox / file.name).exists():
            workspace.drop(file.name, file.content)
    ledger_file = workspace.state / "ledger.sqlite3"

    def is_done() -> bool:
        finished = workspace.files_in(workspace.archive) | workspace.files_in(workspace.failed)
        return (
            all(f.name in finished for f in landed)
            and ledger_file.exists()
            and series.is_done(workspace)
        )

    return record(workspace, "pretended", is_done)


def cut(
    recording: Record, landed: list[Landed], model: disk.Model, root: Path, every: int = 1
) -> CutReport:
    """Restart on every image of a model (of each `every`th cut) and count the results."""
    found = CutReport(model)
    seen: set[str] = set()
    for number in range(0, len(recording.ops) + 1, every):
        image = disk.image(recording, model, number)
        found.cuts += 1
        if image.digest in seen:
            continue
        seen.add(image.digest)
        found.images += 1
        if complaints := restarted(image, landed, root):
            last = recording.ops[number - 1] if number else "the start"
            found.violations.append(f"after {number} ({last}): {'; '.join(complaints)}")
    return found


def restarted(image: disk.Image, landed: list[Landed], root: Path) -> list[str]:
    """Write an image, run a daemon on it until all is done; return the complaints."""
    root.mkdir(exist_ok=True)
    image.write_to(root)
    code = _run(root)
    workspace = _workspace_at(root)
    exit_errors = [] if code == 0 else [f"exit code {code} of the daemon: {_tail(root)}"]
    return exit_errors + oracle.count(workspace, landed).complaints


def _workspace_at(root: Path) -> Workspace:
    """Return the `Workspace` at `root`, its config unchanged."""
    config = (root / "config.yaml").read_bytes()
    (root / "inbox").mkdir(exist_ok=True)
    workspace = Workspace(root)
    (root / "config.yaml").write_bytes(config)
    return workspace


def _run(root: Path) -> int:
    """Run a daemon in a fork of this process until all is done; return its exit code."""
    sys.stdout.flush()
    if (child := os.fork()) == 0:
        _run_daemon(root)
    deadline = time.monotonic() + RESTART_SECONDS
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -signal.SIGKILL


def _run_daemon(root: Path) -> None:
    """Run the daemon on `root` until nothing waits; never returns."""
    code = 1
    try:
        output = os.open(root / "output", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.stdout = sys.stderr = os.fdopen(output, "a", buffering=1)
        supervisor.create_engine = lambda *_: Engine()  # type: ignore[attr-defined]
        workspace = _workspace_at(root)
        threading.Thread(target=_stop_when_done, args=(workspace,), daemon=True).start()
        main.run(load(workspace.config), lambda: load(workspace.config))
        code = 0
    except BaseException as error:
        os.write(2, f"{error!r}\n".encode())
    finally:
        os._exit(code)


def _stop_when_done(workspace: Workspace) -> None:
    ledger_file, beat = workspace.state / "ledger.sqlite3", workspace.state / "heartbeat.json"
    while not (beat.exists() and ledger_file.exists() and series.is_done(workspace)):
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGTERM)


def _tail(root: Path) -> str:
    return (root / "output").read_text(errors="replace")[-300:]
