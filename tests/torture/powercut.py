"""Every cut of one life: the daemon is started on what the disk may hold then, and must finish.

The daemon of a restart is the real one in a forked process, with an engine inside it that reads at
once (so that a thousand restarts take minutes); folders and config are the recorded ones.
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
from daemon.core.records import PagesRead
from daemon.core.tasks import Outcome, RenderTask, Task
from daemon.supervisor import main, wiring
from tests.support.running_daemon import Workspace, until
from tests.torture import disk, oracle, pretended, series
from tests.torture.life import living, quick_workspace
from tests.torture.oracle import Landed
from tests.torture.trace import Record, record

RESTART_SECONDS = 20.0
CONFIG = {"watch": {"mode": "scan", "quiet_seconds": 0.05, "poll_seconds": 0.05}}


@dataclass(slots=True)
class Cuts:
    """How many boundaries were cut at, how many images differed, and what went wrong."""

    model: disk.Model
    cuts: int = 0
    images: int = 0
    violations: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        said = f"{self.model}: {self.cuts} cuts, {self.images} images"
        return "\n  ".join([f"{said}, {len(self.violations)} violations", *self.violations[:20]])


class Engine:
    """Reads in the daemon's own process, at once."""

    slots = 1
    sandbox = "none: it reads in the daemon itself"

    def __init__(self) -> None:
        self._outcomes: list[Outcome] = []
        self._pipeline = pretended.Pipeline()

    @property
    def free(self) -> int:
        """One task at a time."""
        return 1 - len(self._outcomes)

    def warm(self) -> None:
        """Nothing is loaded."""

    def submit(self, task: Task | RenderTask) -> None:
        """Read or make now."""
        result = pretended.make(task) if isinstance(task, RenderTask) else self._read(task)
        self._outcomes.append(Outcome(task, result))

    def finished(self) -> list[Outcome]:
        """Return what has been read since the last call."""
        outcomes, self._outcomes = self._outcomes, []
        return outcomes

    def stop(self) -> None:
        """Nothing runs."""

    def _read(self, task: Task) -> PagesRead | DaemonError:
        try:
            return self._pipeline.read_pages(task.path, task.first, task.last, task.stamp)
        except DaemonError as error:
            return error


def lives(root: Path) -> Iterator[tuple[str, Record, list[Landed]]]:
    """Record three lives: the first on this state folder, a later one with a file to retry, and one
    that publishes outputs beside its answers.
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
    beside = quick_workspace(root / "beside", "pretended", outputs=["text", "picture"], **CONFIG)
    shown = [
        Landed("scan.png", pretended.content("One page"), "One page", outputs=2),
        Landed("sub/pages.pdf", pretended.content("First", "Second"), "Second", outputs=3),
        Landed("broken.png", pretended.BROKEN, None),
    ]
    yield "published", _recorded(beside, shown), shown


def _recorded(workspace: Workspace, landed: list[Landed]) -> Record:
    for file in landed:
        if not (workspace.inbox / file.name).exists():
            workspace.drop(file.name, file.content)
    ledger_file = workspace.state / "ledger.sqlite3"

    def is_done() -> bool:
        kept = workspace.files_in(workspace.archive) | workspace.files_in(workspace.failed)
        return (
            all(f.name in kept for f in landed)
            and ledger_file.exists()
            and series.is_done(workspace)
        )

    return record(workspace, "pretended", is_done)


def cut(taken: Record, landed: list[Landed], model: disk.Model, root: Path, every: int = 1) -> Cuts:
    """Restart on every image of a model (of each `every`th cut), and count what came of it."""
    found = Cuts(model)
    seen: set[str] = set()
    for number in range(0, len(taken.ops) + 1, every):
        image = disk.image(taken, model, number)
        found.cuts += 1
        if image.digest in seen:
            continue
        seen.add(image.digest)
        found.images += 1
        if wrong := restarted(image, landed, root):
            last = taken.ops[number - 1] if number else "the start"
            found.violations.append(f"after {number} ({last}): {'; '.join(wrong)}")
    return found


def restarted(image: disk.Image, landed: list[Landed], root: Path) -> list[str]:
    """Lay an image, run a daemon on it until all is done; return what is wrong then."""
    root.mkdir(exist_ok=True)
    image.lay(root)
    code = _run(root)
    workspace = _found(root)
    wrong = [] if code == 0 else [f"the daemon ended with {code}: {_tail(root)}"]
    return wrong + oracle.count(workspace, landed).complaints


def _found(root: Path) -> Workspace:
    """Return the workspace that an image is, its config untouched."""
    config = (root / "config.yaml").read_bytes()
    (root / "inbox").mkdir(exist_ok=True)
    workspace = Workspace(root)
    (root / "config.yaml").write_bytes(config)
    return workspace


def _run(root: Path) -> int:
    """Run a daemon in a fork of this process until all is done; return its exit code."""
    sys.stdout.flush()
    if (child := os.fork()) == 0:
        _be_daemon(root)
    ends = time.monotonic() + RESTART_SECONDS
    while time.monotonic() < ends:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -signal.SIGKILL


def _be_daemon(root: Path) -> None:
    """Be the daemon on `root`, stop when nothing waits, and never return."""
    code = 1
    try:
        output = os.open(root / "output", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.stdout = sys.stderr = os.fdopen(output, "a", buffering=1)
        wiring.engine = lambda *_, **__: Engine()  # type: ignore[assignment]
        workspace = _found(root)
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
