"""The crash matrix: every named step of the path x {kill the daemon, kill the worker, SIGTERM}.

The daemon stops itself at the step (FAILPOINTS `point@label=1*stop`), is seen to stand still, gets
a real signal from outside, and is started again where it ended. Then the oracle counts.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from tests.support.running_daemon import Workspace, until
from tests.torture import oracle, pretended
from tests.torture.life import Life, living, quick_workspace
from tests.torture.oracle import Landed

Act = Literal["kill daemon", "kill worker", "terminate"]
ACTS: tuple[Act, ...] = ("kill daemon", "kill worker", "terminate")
STEP_SECONDS = 60.0
TOLD = "told.jsonl"  # what hooks have been told, a letter a line

# the label of worker.page is the page's number, not the file's name: it comes first, as the file
# of the step before would stop there too
_READ = (
    "worker.page@1", "claim.moved@{name}", "claim.hashed@{name}", "ledger.claimed@{name}",
    "ledger.started@{name}", "task.submitted@{name}", "worker.read@{name}", "worker.done@{name}",
    "task.finished@{name}", "ledger.answering@{name}", "publish.drafted@{name}.json",
)  # fmt: skip
_ANSWERED = ("publish.named@{name}.json", "publish.synced@{name}.json", "ledger.answered@{name}")
_LET_GO = ("original.released@{name}", "ledger.closed@{name}")
_MOVED = ("rename.linked@{name}", "move.named@{name}")


@dataclass(frozen=True, slots=True)
class Scenario:
    """The steps that a file passes, in order; `failed_before` files come back from failed/."""

    steps: tuple[str, ...]
    fails: bool = False
    failed_before: bool = False
    told: bool = False  # a program is told of every answer
    outputs: tuple[str, ...] = ()


_UNREADABLE = tuple(s for s in _READ if not s.startswith(("worker.page", "worker.done")))
SCENARIOS = {
    "good": Scenario((*_READ, "rename.linked@{name}.json", *_ANSWERED, *_MOVED, *_LET_GO)),
    "failing": Scenario(
        (
            *_UNREADABLE, "rename.linked@{name}.json", *_ANSWERED, "fail.told@{name}", *_MOVED,
            *_LET_GO,
        ),
        fails=True,
    ),
    # its answer replaces that of the failure, so that nothing is linked
    "retried": Scenario((*_READ, *_ANSWERED, *_MOVED, *_LET_GO), failed_before=True),
    # a picture is made by a worker; all get their names before the answer does
    "outputs": Scenario(
        (
            "worker.render@{name}.picture", "worker.rendered@{name}.picture",
            "outputs.noted@{name}.json",
            "outputs.named@{name}.page-0001.png", "outputs.named@{name}.txt",
            "outputs.synced@{name}.json", "publish.named@{name}.json", "publish.synced@{name}.json",
            "outputs.settled@{name}.json", "ledger.answered@{name}", *_MOVED, *_LET_GO,
        ),
        outputs=("text", "picture"),
    ),
    # the archive lies on another filesystem: the bytes are copied
    "across": Scenario((*_MOVED, "copy.synced@{name}", *_LET_GO)),
    "told": Scenario((*_ANSWERED, "hook.due@{name}", "hook.sent@{name}", *_LET_GO), told=True),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ending:
    """One cell: what was found at the step (folder or ledger: content) and what went wrong."""

    point: str
    act: Act
    at_step: dict[str, str]
    complaints: tuple[str, ...]
    attempt: int
    seconds: float

    def lines(self) -> tuple[str, ...]:
        """Return the cell for people: step, act, what was found, attempt of the answer, wrongs."""
        found = "; ".join(f"{place}: {what}" for place, what in self.at_step.items())
        wrong = "; ".join(self.complaints) or "holds"
        return self.point, self.act, found, f"attempt {self.attempt}", wrong


class Chain:
    """A scenario's steps one after the other in one workspace: each life ends at the next step.

    The life that follows takes up what the one before it has left, and is then stopped itself with
    a file of its own: so a cell costs one start.
    """

    def __init__(
        self, root: Path, program: str, scenario: str, act: Act, far: Path, only: str = ""
    ) -> None:
        """`far` is an empty folder on another filesystem, `only` a pattern for the steps."""
        self._program = program
        whole = SCENARIOS[scenario]
        steps = tuple(step for step in whole.steps if re.search(only, step))
        self._scenario = replace(whole, steps=steps)
        self._act = act
        self._far = scenario == "across"
        self._outputs = list(whole.outputs)
        self._workspace = self._made(root, far)
        self._landed = [self._file(number) for number in range(len(self._scenario.steps))]
        self._known: set[str] = set()

    def run(self) -> Iterator[Ending]:
        """Return each step's ending once the restart has answered its file."""
        if self._scenario.failed_before:
            self._fail_all()
        last: tuple[str, dict[str, str], float] | None = None
        for number, file in enumerate(self._landed):
            point = self._scenario.steps[number].format(name=file.name)
            with living(self._workspace, self._program, FAILPOINTS=f"{point}=1*stop") as life:
                if last is not None:
                    yield self._ending(life, number, *last)
                last = (point, self._stopped_at(life, point, file), time.monotonic())
                self._hit(life, number)
        with living(self._workspace, self._program) as life:
            assert last is not None, "a scenario has steps"
            yield self._ending(life, len(self._landed), *last)

    def _made(self, root: Path, far: Path) -> Workspace:
        config: dict[str, Any] = {"folders": {"archive": str(far)}} if self._far else {}
        if self._scenario.told:
            config["hooks"] = [{"name": "tell", "command": ["tee", "-a", str(root / TOLD)]}]
        config |= {"outputs": self._outputs} if self._outputs else {}
        made = quick_workspace(root, self._program, **config)
        if self._far:
            made.archive = far
        return made

    def _file(self, number: int) -> Landed:
        text = None if self._scenario.fails else f"Step number {number}"
        content = file_of(self._program, text, number)
        return Landed(f"{number}.png", content, text, outputs=len(self._outputs))

    def _fail_all(self) -> None:
        """Let every file fail once: whatever worker reads it is killed."""
        once = quick_workspace(
            self._workspace.root, self._program, retry={"attempts": 1, "wait_seconds": 0.2}
        )
        for file in self._landed:
            once.drop(file.name, file.content)
        with living(once, self._program, FAILPOINTS="worker.read=kill") as life:
            until(lambda: len(once.files_in(once.failed)) == 2 * len(self._landed), 300)
            assert life.terminate() == 0
        self._workspace = quick_workspace(self._workspace.root, self._program)

    def _stopped_at(self, life: Life, point: str, file: Landed) -> dict[str, str]:
        """Land a file and wait until the daemon stands still; return what a person would find."""
        life.wait_ready()
        before = state_of(self._workspace)
        if self._scenario.failed_before:
            (self._workspace.failed / file.name).rename(self._workspace.inbox / file.name)
        else:
            self._workspace.drop(file.name, file.content)
        until(life.stopped, STEP_SECONDS, what=f"{point} is reached")
        now = state_of(self._workspace)
        return {place: told(now[place] - before[place]) for place in now}

    def _hit(self, life: Life, number: int) -> None:
        stopped = life.stopped()
        assert stopped is not None
        if self._act == "kill daemon":
            life.kill()
        elif self._act == "terminate":
            life.process.send_signal(signal.SIGTERM)
            _go_on_until(life, lambda: life.is_over)
        else:
            for worker in [stopped] if stopped != life.process else life.workers():
                worker.kill()
            _go_on_until(life, lambda: self._is_done(number + 1))

    def _ending(
        self, life: Life, landed: int, point: str, at_step: dict[str, str], began: float
    ) -> Ending:
        """Wait until what landed is answered and let go of; then count."""
        life.wait_ready()
        with contextlib.suppress(AssertionError):  # the count says better what is missing
            until(lambda: self._is_done(landed), STEP_SECONDS)
        counted = oracle.count(self._workspace, self._present(landed))
        found = counted.complaints + (untold(self._workspace) if self._scenario.told else [])
        new = [complaint for complaint in found if complaint not in self._known]
        self._known.update(new)
        answer = self._workspace.answers().get(f"{self._landed[landed - 1].name}.json", {})
        attempt = answer.get("processing", {}).get("attempt", 0)
        return Ending(point, self._act, at_step, tuple(new), attempt, time.monotonic() - began)

    def _present(self, landed: int) -> list[Landed]:
        """Return the files as they should be now; what still lies in failed/ has failed."""
        files = self._landed[:landed]
        if self._scenario.failed_before:
            files = files + [replace(file, text=None) for file in self._landed[landed:]]
        return files

    def _is_done(self, landed: int) -> bool:
        names = [file.name for file in self._landed[:landed]]
        kept = self._workspace.failed if self._scenario.fails else self._workspace.archive
        return (
            all((kept / name).exists() for name in names)
            and all((self._workspace.outbox / f"{name}.json").exists() for name in names)
            and not open_rows(self._workspace)
            and not (self._scenario.told and undelivered(self._workspace))
        )


def file_of(program: str, text: str | None, number: int) -> bytes:
    """Return a file that is read as `text`, or cannot be read where it is None."""
    if program == "pretended":
        return pretended.content(text) if text else pretended.BROKEN + b"%d" % number
    from tests.support.samples import png, text_page

    return png(text_page([text])) if text else b"\x89PNG\r\n\x1a\n broken %d" % number


def state_of(workspace: Workspace) -> dict[str, set[str]]:
    """Return what lies in each folder, and the rows of the ledger."""
    folders = ("inbox", "outbox", "archive", "failed")
    found = {folder: workspace.files_in(getattr(workspace, folder)) for folder in folders}
    rows = _ask(workspace, "SELECT id, state, starts, attempts, coalesce(status, '-') FROM claims")
    found["ledger"] = {" ".join(map(str, row)) for row in rows}
    return found


def told(found: set[str]) -> str:
    """Return names in few words: tokens, instances and digests are left out."""
    words = [re.sub(r"[0-9a-f]{32}/?", "", name).replace("//", "/").strip() for name in found]
    return ", ".join(sorted(words)) or "-"


def untold(workspace: Workspace) -> list[str]:
    """Return the answers that no letter tells of, and the letters that say two things."""
    notifications: dict[str, set[str]] = {}
    for line in (workspace.root / TOLD).read_text().splitlines():
        notifications.setdefault(json.loads(line)["id"], set()).add(line)
    claims = {answer["processing"]["claim"] for answer in workspace.answers().values()}
    missing = {f"{claim}-tell" for claim in claims} ^ set(notifications)
    return [f"told and answered are not one: {token}" for token in missing] + [
        f"told in two ways: {token}" for token, said in notifications.items() if len(said) > 1
    ]


def undelivered(workspace: Workspace) -> int:
    """Return how many letters the ledger is still to deliver."""
    ((number,),) = _ask(workspace, "SELECT count(*) FROM deliveries WHERE state != 'delivered'")
    return int(number)


def open_rows(workspace: Workspace) -> int:
    """Return how many claims the ledger holds for unfinished."""
    ((number,),) = _ask(workspace, "SELECT count(*) FROM claims WHERE state != 'closed'")
    return int(number)


def _ask(workspace: Workspace, question: str) -> list[tuple[Any, ...]]:
    with closing(
        sqlite3.connect(f"file:{workspace.state}/ledger.sqlite3?mode=ro", uri=True)
    ) as ledger_file:
        return ledger_file.execute(question).fetchall()


def _go_on_until(life: Life, is_so: Callable[[], bool]) -> None:
    """Let whatever has stopped go on until it is so: a new worker stops at the step again."""
    ends = time.monotonic() + STEP_SECONDS
    while not is_so():
        if (stopped := life.stopped()) is not None and stopped.is_running():
            os.kill(stopped.pid, signal.SIGCONT)
        assert time.monotonic() < ends, f"nothing came of it: {life.said().decode()[-2000:]}"
        time.sleep(0.02)
