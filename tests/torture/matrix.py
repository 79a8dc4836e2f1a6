"""The crash matrix: every failpoint x {kill the daemon, kill the worker, SIGTERM}.

The daemon stops itself at the failpoint (FAILPOINTS `point@label=1*stop`), gets a real signal from
outside once it has stopped, and is restarted if it ended. Then the oracle counts.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from tests.support.running_daemon import Workspace, until
from tests.torture import oracle, pretended
from tests.torture.life import IN_PLACE, Life, living, quick_workspace
from tests.torture.oracle import Landed

Act = Literal["kill daemon", "kill worker", "terminate"]
ACTS: tuple[Act, ...] = ("kill daemon", "kill worker", "terminate")
STEP_SECONDS = 60.0
NOTIFICATIONS = "notifications.jsonl"  # received by the hook, one per line

# the label of worker.page is the page number, not the file name: it comes first, since the file of
# the previous step would stop there too
_READ = (
    "worker.page@1", "claim.moved@{name}", "claim.hashed@{name}", "ledger.claimed@{name}",
    "ledger.started@{name}", "task.submitted@{name}", "worker.count@{name}", "worker.read@{name}",
    "worker.done@{name}", "task.finished@{name}", "ledger.answering@{name}",
    "publish.drafted@{name}.json",
)  # fmt: skip
_ANSWERED = ("publish.named@{name}.json", "publish.synced@{name}.json", "ledger.answered@{name}")
_LET_GO = ("original.released@{name}", "ledger.closed@{name}")
_MOVED = ("rename.linked@{name}", "move.named@{name}")


@dataclass(frozen=True, slots=True)
class Scenario:
    """The failpoints that a file passes; with `failed_before` it is moved back from failed/."""

    steps: tuple[str, ...]
    fails: bool = False
    failed_before: bool = False
    notified: bool = False  # a hook is called for every answer
    outputs: tuple[str, ...] = ()
    naming: Mapping[str, str] | None = None
    in_place: bool = False  # claim: ledger
    parts: int = 0  # a batch that is separated into so many parts


# it fails when its pages are counted
_UNREADABLE = tuple(
    s for s in _READ if not s.startswith(("worker.page", "worker.read", "worker.done"))
)
SCENARIOS = {
    "good": Scenario((*_READ, "rename.linked@{name}.json", *_ANSWERED, *_MOVED, *_LET_GO)),
    "failing": Scenario(
        (
            *_UNREADABLE, "rename.linked@{name}.json", *_ANSWERED, "fail.reason_written@{name}",
            *_MOVED, *_LET_GO,
        ),
        fails=True,
    ),
    # its answer replaces that of the failure, so nothing is linked
    "retried": Scenario((*_READ, *_ANSWERED, *_MOVED, *_LET_GO), failed_before=True),
    # a worker renders the picture; all outputs are named before the answer
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
    # of a table: the supervising process writes two of them, workers the others
    "tables": Scenario(
        (
            "worker.render@{name}.pdfa", "worker.rendered@{name}.pdfa",
            "worker.render@{name}.docx", "worker.rendered@{name}.docx",
            "worker.render@{name}.xlsx", "worker.rendered@{name}.xlsx",
            "outputs.noted@{name}.json", "outputs.named@{name}.docx", "outputs.named@{name}.md",
            "outputs.named@{name}.pdfa.pdf",
            "outputs.named@{name}.table-0001.csv", "outputs.named@{name}.xlsx",
            "outputs.synced@{name}.json", "publish.named@{name}.json",
            "outputs.settled@{name}.json",
        ),
        outputs=("markdown", "csv", "xlsx", "docx", "pdfa"),
    ),
    # a template names the outputs and picks their folder
    "named": Scenario(
        (
            "outputs.noted@{name}.json", "outputs.named@sorted/1/p{stem}.page-0001.png",
            "outputs.named@sorted/1/p{stem}.txt", "outputs.synced@{name}.json",
            "publish.named@{name}.json", "publish.synced@{name}.json",
            "outputs.settled@{name}.json", "ledger.answered@{name}", *_MOVED, *_LET_GO,
        ),
        outputs=("text", "picture"),
        naming={"name": "p{stem}", "folder": "sorted/{page_count}"},
    ),
    # two parts with a text and a picture each, named before the answer to the whole
    "separated": Scenario(
        (
            "worker.render@{name}.picture", "outputs.noted@{name}.json",
            "outputs.named@{name}.part-0001.json",
            "outputs.named@{name}.part-0001.page-0001.png",
            "outputs.named@{name}.part-0001.txt", "outputs.named@{name}.part-0002.json",
            "outputs.named@{name}.part-0002.txt", "outputs.synced@{name}.json",
            "publish.drafted@{name}.json", "publish.named@{name}.json",
            "publish.synced@{name}.json", "outputs.settled@{name}.json", "ledger.answered@{name}",
            *_MOVED, *_LET_GO,
        ),
        outputs=("text", "picture"),
        parts=2,
    ),
    # the archive is on another filesystem: the bytes are copied
    "across": Scenario((*_MOVED, "copy.synced@{name}", *_LET_GO)),
    "notified": Scenario(
        (*_ANSWERED, "hook.due@{name}", "hook.sent@{name}", *_LET_GO), notified=True
    ),
    # claim: ledger, nothing is moved
    "in place": Scenario(
        (
            *(step for step in _READ if not step.startswith("claim.")),
            "rename.linked@{name}.json", *_ANSWERED, *_LET_GO,
        ),
        in_place=True,
    ),
    "failing in place": Scenario(
        (
            *(step for step in _UNREADABLE if not step.startswith("claim.")),
            "rename.linked@{name}.json", *_ANSWERED, "fail.reason_written@{name}", *_LET_GO,
        ),
        fails=True,
        in_place=True,
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ending:
    """One cell: the folders and the ledger at the failpoint, and the complaints afterwards."""

    point: str
    act: Act
    at_step: dict[str, str]
    complaints: tuple[str, ...]
    attempt: int
    seconds: float

    def lines(self) -> tuple[str, ...]:
        """Return the cell as text: failpoint, act, contents, attempt of the answer, complaints."""
        found = "; ".join(f"{place}: {names}" for place, names in self.at_step.items())
        complaints = "; ".join(self.complaints) or "holds"
        return self.point, self.act, found, f"attempt {self.attempt}", complaints


class Chain:
    """The steps of a scenario, one after the other on the same folders: each run ends at one step.

    The next run recovers from the previous one and is then stopped with a file of its own, so that
    a cell needs one start.
    """

    def __init__(
        self,
        root: Path,
        program: str,
        scenario: str,
        act: Act,
        other_filesystem: Path,
        only: str = "",
    ) -> None:
        """`only` is a pattern for steps, `other_filesystem` an empty folder on one."""
        self._program = program
        complete = SCENARIOS[scenario]
        steps = tuple(step for step in complete.steps if re.search(only, step))
        self._scenario = replace(complete, steps=steps)
        self._act = act
        self._is_across = scenario == "across"
        self._outputs = list(complete.outputs)
        self._workspace = self._make_workspace(root, other_filesystem)
        self._landed = [self._file(number) for number in range(len(self._scenario.steps))]
        self._known: set[str] = set()

    def run(self) -> Iterator[Ending]:
        """Yield the ending of each step once the restarted daemon has answered its file."""
        if self._scenario.failed_before:
            self._fail_all()
        last: tuple[str, dict[str, str], float] | None = None
        for number, file in enumerate(self._landed):
            point = self._scenario.steps[number].format(name=file.name, stem=Path(file.name).stem)
            with living(self._workspace, self._program, FAILPOINTS=f"{point}=1*stop") as life:
                if last is not None:
                    yield self._ending(life, number, *last)
                last = (point, self._stopped_at(life, point, file), time.monotonic())
                self._apply_act(life, number)
        with living(self._workspace, self._program) as life:
            assert last is not None, "a scenario has steps"
            yield self._ending(life, len(self._landed), *last)

    def _make_workspace(self, root: Path, other_filesystem: Path) -> Workspace:
        config: dict[str, Any] = {}
        if self._is_across:
            config["folders"] = {"archive": str(other_filesystem)}
        if self._scenario.notified:
            command = ["tee", "-a", str(root / NOTIFICATIONS)]
            config["hooks"] = [{"name": "tell", "command": command}]
        config |= {"outputs": self._outputs} if self._outputs else {}
        config |= {"naming": dict(self._scenario.naming)} if self._scenario.naming else {}
        config |= IN_PLACE if self._scenario.in_place else {}
        if self._scenario.parts:
            config |= {"codes": ["any"], "separation": {"by": "barcode"}}
        made = quick_workspace(root, self._program, **config)
        if self._is_across:
            made.archive = other_filesystem
        return made

    def _file(self, number: int) -> Landed:
        ruled = f"{pretended.RULED} " * ("csv" in self._outputs)
        text = None if self._scenario.fails else f"{ruled}Step number {number}"
        parts = self._scenario.parts
        content = file_of(self._program, text, number) if not parts else batch_of(number, parts)
        outputs = (len(self._outputs) + 1) * parts if parts else len(self._outputs)
        return Landed(f"{number}.png", content, text, outputs=outputs)

    def _fail_all(self) -> None:
        """Let every file fail once: each worker that reads one is killed."""
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
        """Drop a file, wait until the daemon stops; return what is in folders and ledger."""
        life.wait_ready()
        before = state_of(self._workspace)
        if self._scenario.failed_before:
            (self._workspace.failed / file.name).rename(self._workspace.inbox / file.name)
        else:
            self._workspace.drop(file.name, file.content)
        until(life.stopped, STEP_SECONDS, what=f"{point} is reached")
        now = state_of(self._workspace)
        return {place: short_names(now[place] - before[place]) for place in now}

    def _apply_act(self, life: Life, number: int) -> None:
        stopped = life.stopped()
        assert stopped is not None
        if self._act == "kill daemon":
            life.kill()
        elif self._act == "terminate":
            life.process.send_signal(signal.SIGTERM)
            _continue_until(life, lambda: life.is_over)
        else:
            for worker in [stopped] if stopped != life.process else life.workers():
                worker.kill()
            _continue_until(life, lambda: self._is_done(number + 1))

    def _ending(
        self, life: Life, landed: int, point: str, at_step: dict[str, str], began: float
    ) -> Ending:
        """Wait until the dropped files are answered and released; then count."""
        life.wait_ready()
        with contextlib.suppress(AssertionError):  # the count shows what is missing
            until(lambda: self._is_done(landed), STEP_SECONDS)
        counted = oracle.count(
            self._workspace, self._present(landed), in_place=self._scenario.in_place
        )
        found = counted.complaints
        if self._scenario.notified:
            found = found + notification_errors(self._workspace)
        new = [complaint for complaint in found if complaint not in self._known]
        self._known.update(new)
        answer = self._workspace.answers().get(f"{self._landed[landed - 1].name}.json", {})
        attempt = answer.get("processing", {}).get("attempt", 0)
        return Ending(point, self._act, at_step, tuple(new), attempt, time.monotonic() - began)

    def _present(self, landed: int) -> list[Landed]:
        """Return the expected files; those still in failed/ have failed."""
        files = self._landed[:landed]
        if self._scenario.failed_before:
            files = files + [replace(file, text=None) for file in self._landed[landed:]]
        return files

    def _is_done(self, landed: int) -> bool:
        names = [file.name for file in self._landed[:landed]]
        folder = self._workspace.failed if self._scenario.fails else self._workspace.archive
        return (
            (self._scenario.in_place or all((folder / name).exists() for name in names))
            and all((self._workspace.outbox / f"{name}.json").exists() for name in names)
            and not open_rows(self._workspace)
            and not (self._scenario.notified and undelivered_count(self._workspace))
        )


def file_of(program: str, text: str | None, number: int) -> bytes:
    """Return a file with the text `text`, or an unreadable one if it is None."""
    if program == "pretended":
        return pretended.content(text) if text else pretended.BROKEN + b"%d" % number
    from tests.support.samples import png, text_page

    return png(text_page([text])) if text else b"\x89PNG\r\n\x1a\n broken %d" % number


def batch_of(number: int, parts: int) -> bytes:
    """Return a batch of `parts` pages with a separator between each two, for the pretended OCR."""
    pages = [f"Step number {number}", *(f"part {k} of {number}" for k in range(2, parts + 1))]
    separated = [line for page in pages for line in (page, pretended.SEPARATOR)]
    return pretended.content(*separated)


def state_of(workspace: Workspace) -> dict[str, set[str]]:
    """Return the files in each folder and the rows of the ledger."""
    folders = ("inbox", "outbox", "archive", "failed")
    found = {folder: workspace.files_in(getattr(workspace, folder)) for folder in folders}
    rows = _query(
        workspace, "SELECT id, state, starts, attempts, coalesce(status, '-') FROM claims"
    )
    found["ledger"] = {" ".join(map(str, row)) for row in rows}
    return found


def short_names(found: set[str]) -> str:
    """Return the names without tokens, instances and digests, joined."""
    words = [re.sub(r"[0-9a-f]{32}/?", "", name).replace("//", "/").strip() for name in found]
    return ", ".join(sorted(words)) or "-"


def notification_errors(workspace: Workspace) -> list[str]:
    """Return the answers without a notification and the notifications with differing contents."""
    notifications: dict[str, set[str]] = {}
    for line in (workspace.root / NOTIFICATIONS).read_text().splitlines():
        notifications.setdefault(json.loads(line)["id"], set()).add(line)
    claims = {answer["processing"]["claim"] for answer in workspace.answers().values()}
    missing = {f"{claim}-tell" for claim in claims} ^ set(notifications)
    return [f"notifications and answers differ: {token}" for token in missing] + [
        f"notified with differing contents: {token}"
        for token, contents in notifications.items()
        if len(contents) > 1
    ]


def undelivered_count(workspace: Workspace) -> int:
    """Return the number of notifications still to be delivered."""
    ((number,),) = _query(workspace, "SELECT count(*) FROM deliveries WHERE state != 'delivered'")
    return int(number)


def postponed_count(workspace: Workspace) -> int:
    """Return the number of notifications of which an attempt has failed."""
    ((number,),) = _query(
        workspace, "SELECT count(*) FROM deliveries WHERE state = 'waiting' AND attempts > 0"
    )
    return int(number)


def open_rows(workspace: Workspace) -> int:
    """Return the number of unfinished claims in the ledger."""
    ((number,),) = _query(workspace, "SELECT count(*) FROM claims WHERE state != 'closed'")
    return int(number)


def _query(workspace: Workspace, query: str) -> list[tuple[Any, ...]]:
    with closing(
        sqlite3.connect(f"file:{workspace.state}/ledger.sqlite3?mode=ro", uri=True)
    ) as ledger_file:
        return ledger_file.execute(query).fetchall()


def _continue_until(life: Life, is_so: Callable[[], bool]) -> None:
    """Continue every process that stops until `is_so`: a new worker stops there again."""
    deadline = time.monotonic() + STEP_SECONDS
    while not is_so():
        if (stopped := life.stopped()) is not None and stopped.is_running():
            os.kill(stopped.pid, signal.SIGCONT)
        assert time.monotonic() < deadline, f"it did not happen: {life.printed().decode()[-2000:]}"
        time.sleep(0.02)
