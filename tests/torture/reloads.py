"""Kills while a config is reloaded: each step x {kill the daemon or its workers, SIGTERM, ...}.

The daemon stops itself at a step (a failpoint of supervisor/reload.py and supervisor/daemon.py)
with files in progress, something happens to it, and it goes on or is started again. In the end
every file has its answer, and the config in force is the one that lies there, or the one before
where that one is refused.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tests.support.running_daemon import Workspace, until
from tests.torture import oracle, pretended
from tests.torture.kills import Killer
from tests.torture.life import Life, living, quick_workspace
from tests.torture.oracle import Landed
from tests.torture.series import Feeder, is_done

Act = Literal["kill daemon", "kill workers", "terminate", "break config", "break and kill"]
ACTS: tuple[Act, ...] = (
    "kill daemon", "kill workers", "terminate", "break config", "break and kill",
)  # fmt: skip
QUICK = {"quiet_seconds": 0.05, "incomplete_seconds": 0.2, "rescan_seconds": 1.0}
BROKEN = "no_such_key: 1\n"
STEP_SECONDS = 40.0
MISCONFIGURED = 78
_TRIED = ("reload.trying", "reload.tried", "reload.accepted")


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the config, and the steps that its reload passes."""

    config: dict[str, Any]
    steps: tuple[str, ...]
    is_refused: bool = False


CHANGES = {
    "immediate": Change(
        {"watch": QUICK | {"quiet_seconds": 0.06}}, (*_TRIED, "reload.reconfigured")
    ),
    "another daemon": Change(
        {"lease_seconds": 7.0}, (*_TRIED, "reload.applied", "reload.warmed", "reload.committed")
    ),
    "another engine": Change(
        {"workers": 1}, (*_TRIED, "reload.applied", "reload.warmed", "reload.committed")
    ),
    # the port is in use, which the new daemon finds out: the config before comes back
    "failing": Change(
        {"metrics": {"enabled": True}}, (*_TRIED, "reload.applied", "reload.fallen_back"), True
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ending:
    """What was wrong after one cell, nothing if it is empty."""

    change: str
    step: str
    act: Act
    complaints: tuple[str, ...]


def endings(
    root: Path, change: str, acts: tuple[Act, ...] = ACTS, only: str = ""
) -> Iterator[Ending]:
    """Yield the ending of each step and act of a change; `only` is a part of the steps' names."""
    with socket.socket() as used:
        used.bind(("127.0.0.1", 0))
        used.listen()
        for step in CHANGES[change].steps:
            for act in acts:
                if only in step:
                    folder = root / f"{change}-{step}-{act}".replace(" ", "-")
                    cell = _Cell(folder, CHANGES[change], step, act, used.getsockname()[1])
                    yield Ending(change, step, act, tuple(cell.run()))


class _Cell:
    """One step and one act, on folders of its own."""

    def __init__(self, root: Path, change: Change, step: str, act: Act, port: int) -> None:
        self._change, self._step, self._act = change, step, act
        self._metrics = {"port": port}
        self._landed: list[Landed] = []
        self._workspace = self._write(root, {})

    def run(self) -> Iterator[str]:
        """Yield what is wrong."""
        with living(self._workspace, "pretended", FAILPOINTS=f"{self._step}=1*stop") as life:
            life.wait_ready()
            self._drop(3)
            self._write(self._workspace.root, self._change.config)
            life.process.send_signal(signal.SIGHUP)
            until(life.stopped, STEP_SECONDS, what=f"{self._step} is reached")
            self._drop(2)
            self._do(life)
            if not life.is_over:
                yield from self._end(life)
                return
        if "break" in self._act:
            yield from self._refused_start()
        if self._change.is_refused:
            with living(self._workspace, "pretended") as life:
                yield from _refuses(life)
            self._write(self._workspace.root, {})
        with living(self._workspace, "pretended") as life:
            yield from self._end(life)

    def _write(self, root: Path, config: dict[str, Any]) -> Workspace:
        values: dict[str, Any] = {"workers": 2, "watch": QUICK} | config
        if "metrics" in values:
            values["metrics"] = values["metrics"] | self._metrics
        return quick_workspace(root, "pretended", **values)

    def _drop(self, number: int) -> None:
        for _ in range(number):
            text = f"File {len(self._landed)}"
            file = Landed(f"{len(self._landed)}.pdf", pretended.content(text, "two"), text)
            self._workspace.drop(file.name, file.content)
            self._landed.append(file)

    def _do(self, life: Life) -> None:
        if "break" in self._act:
            self._workspace.config.write_text(BROKEN)
            life.process.send_signal(signal.SIGHUP)
        if "kill" in self._act and "workers" not in self._act:
            life.kill()
            return
        for worker in life.workers() if self._act == "kill workers" else ():
            worker.kill()
        if self._act == "terminate":
            life.process.send_signal(signal.SIGTERM)
        os.kill(life.process.pid, signal.SIGCONT)
        if self._act == "terminate":
            life.process.wait(STEP_SECONDS)

    def _refused_start(self) -> Iterator[str]:
        with living(self._workspace, "pretended") as life:
            yield from _refuses(life)
        self._write(self._workspace.root, self._change.config)

    def _end(self, life: Life) -> Iterator[str]:
        """Answer everything, and some files more; the config in force must be a good one."""
        life.wait_ready()
        self._drop(2)
        try:
            until(self._is_answered, STEP_SECONDS)
        except AssertionError:
            yield f"not all is answered: {self._workspace.log_tail()[-1500:]}"
        if (code := life.terminate()) != 0:
            yield f"exit code {code}"
        yield from oracle.count(self._workspace, self._landed).complaints
        refused = [e for e in self._workspace.events() if e["event"] == "config.refused"]
        if refused and not (self._change.is_refused or "break" in self._act):
            yield f"a good config was refused: {refused}"
        if not refused and self._act == "break config":
            yield "a broken config was not refused"

    def _is_answered(self) -> bool:
        names = [f"{file.name}.json" for file in self._landed]
        outbox = self._workspace.outbox
        return all((outbox / name).exists() for name in names) and is_done(self._workspace)


def _refuses(life: Life) -> Iterator[str]:
    """Yield what is wrong with a start under a config that must be refused."""
    code = life.process.wait(STEP_SECONDS)
    if code not in (MISCONFIGURED, 1):
        yield f"exit code {code} of a start that must be refused: {life.printed().decode()[-500:]}"
    if b"Traceback" in life.printed():
        yield f"a traceback: {life.printed().decode()[-1500:]}"


def random_reloads(root: Path, kills: int, seed: int, gap: float, limit: float) -> list[str]:
    """Kill at random while the config changes at random; return what is wrong."""
    rng, root = random.Random(seed), root.resolve()
    workspace = quick_workspace(root, "pretended", workers=2)
    feeder = Feeder(workspace, "pretended", seed)
    next_at, reloads = time.monotonic() + gap, 0

    def on_tick() -> None:
        nonlocal next_at, reloads
        feeder.top_up()
        if time.monotonic() >= next_at:
            next_at = time.monotonic() + rng.uniform(0, gap)
            change = rng.choice(list(CHANGES.values())[:3]).config | {"workers": rng.choice([1, 2])}
            quick_workspace(root, "pretended", **({"workers": 2} | change))
            if not killer.life.is_over and killer.life.ready is not None:
                killer.life.process.send_signal(signal.SIGHUP)
                reloads += 1

    killer = Killer(workspace, "pretended", seed, gap, feeder.top_up)
    killer.on_tick = on_tick
    killer.run(kills, time.monotonic() + limit)
    killer.on_tick = feeder.top_up
    feeder.limit = len(feeder.landed)
    finished = killer.run_undisturbed(lambda: is_done(workspace), 300.0)
    killer.end()
    counted = oracle.count(workspace, feeder.landed)
    total = killer.kill_log.kills.total()
    print(f"{reloads} reloads, {total} kills; {counted}", flush=True)
    return [
        *counted.complaints,
        *killer.kill_log.unexpected_exits,
        *([] if finished else ["not all is answered"]),
    ]


def main() -> None:
    """Run every cell, then kill at random while configs change."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture.reloads", description=__doc__)
    parser.add_argument("--kills", type=int, default=300, help="at random moments")
    parser.add_argument("--seed", type=int, default=1, help="of traffic, kills and changes")
    parser.add_argument("--minutes", type=float, default=30.0, help="of the random kills at most")
    args = parser.parse_args()
    wrong: list[str] = []
    with tempfile.TemporaryDirectory(prefix="reloads-") as folder:
        cells = 0
        for change in CHANGES:
            for ending in endings(Path(folder), change):
                cells += 1
                found = "; ".join(ending.complaints) or "holds"
                print(ending.change, ending.step, ending.act, found, sep=" | ", flush=True)
                wrong += ending.complaints
        print(f"{cells} cells, {len(wrong)} complaints", flush=True)
        root = Path(folder) / "random"
        wrong += random_reloads(root, args.kills, args.seed, 0.5, args.minutes * 60)
    print("\n".join(wrong[:20]))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
