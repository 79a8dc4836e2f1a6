"""Starts of several daemons on one inbox, each ended by a kill or by SIGTERM at a random moment.

    python -m tests.torture.starts --starts 200

Each daemon has its own state folder and shares inbox, outbox, archive and failed with the others,
so that it starts while they sweep the empty folders of the dead. One file is dropped for each
start. Prints how many starts failed and which files have not exactly one answer; exit code 1 if any
did. OCR is simulated.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.support.running_daemon import Workspace, until
from tests.torture.life import Life, quick_workspace
from tests.torture.pretended import content

SHARED = ("inbox", "outbox", "archive", "failed")
LIFE_SECONDS = 0.5  # at most, after a daemon is ready


def workspaces(root: Path, count: int) -> list[Workspace]:
    """Return the workspaces of daemons that share all folders but state and logs."""
    shared = {name: str(root / name) for name in SHARED}
    (root / "inbox").mkdir(parents=True)
    made = [
        quick_workspace(root / f"daemon-{n}", "pretended", folders=shared) for n in range(count)
    ]
    for workspace in made:
        for name in SHARED:
            setattr(workspace, name, root / name)
    return made


def failed_starts(root: Path, starts: int, daemons: int, seed: int) -> list[str]:
    """Start daemons until `starts` have begun; return what went wrong, a line each."""
    chance = random.Random(seed)
    spaces = workspaces(root, daemons)
    lives: list[Life | None] = [None] * daemons
    ends = [0.0] * daemons
    begun, faults = 0, []
    while begun < starts or any(lives):
        for n, life in enumerate(lives):
            if life is None and begun < starts:
                begun += 1
                spaces[n].drop(f"{begun}.txt.png", content(f"page of {begun}"))
                lives[n] = Life(spaces[n], "pretended")
                ends[n] = 0.0
            elif life is not None and life.is_over:
                faults.append(f"start {begun}, daemon {n}: {_last_line(life)}")
                lives[n] = None
            elif life is not None and life.ready and not ends[n]:
                ends[n] = time.monotonic() + chance.uniform(0, LIFE_SECONDS)
            elif life is not None and ends[n] and time.monotonic() >= ends[n]:
                life.kill() if chance.random() < 0.5 else life.terminate()
                lives[n] = None
        time.sleep(0.01)
    return faults + _unanswered(spaces[0], begun)


def _unanswered(workspace: Workspace, files: int) -> list[str]:
    """Let one daemon finish, and return the files without exactly one answer."""
    life = Life(workspace, "pretended")
    until(lambda: len(workspace.answers()) >= files, what=f"{files} answers")
    life.terminate()
    answers = Counter(answer["source"]["name"] for answer in workspace.answers().values())
    names = {f"{n}.txt.png" for n in range(1, files + 1)}
    return [f"{name}: {answers[name]} answers" for name in sorted(names) if answers[name] != 1]


def _last_line(life: Life) -> str:
    lines = life.printed().decode().strip().splitlines() or [""]
    return f"exit code {life.process.returncode}: {lines[-1]}"


def main() -> None:
    """Run the starts and print what failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture.starts", description=__doc__)
    parser.add_argument("--starts", type=int, default=200)
    parser.add_argument("--daemons", type=int, default=2, help="that run at the same time")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="starts-"))
    faults = failed_starts(root, args.starts, args.daemons, args.seed)
    print(
        *faults, f"{args.starts} starts of {args.daemons} daemons, {len(faults)} failed", sep="\n"
    )
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
