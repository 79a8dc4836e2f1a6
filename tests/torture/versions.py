"""`python -m tests.torture.versions CHECKOUT`: this version beside another one, and after it.

Two daemons with state folders of their own share one inbox, and both are killed now and then; then
one state folder is used by the other version, by this one, and by the other one again. CHECKOUT is
a checkout of the other version (`git worktree add`), an older one say, which runs with the
libraries that are installed here, with real OCR. Its answers may have its own schema.
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import jsonschema_rs
import yaml

from tests.support.running_daemon import Workspace, until
from tests.torture import oracle
from tests.torture.life import Life, quick_workspace
from tests.torture.matrix import open_rows
from tests.torture.series import waits
from tests.torture.traffic import drop, endless

SHARED = ("inbox", "outbox", "archive", "failed")
MISCONFIGURED = 78
ANSWER_SECONDS = 180.0


def other_workspace(root: Path, checkout: Path, beside: Workspace | None) -> Workspace:
    """Return a workspace with the config of another version, on the folders of another workspace.

    Its own config.yaml is taken, since keys have other names in other versions.
    """
    made = Workspace.__new__(Workspace)
    root.mkdir(parents=True, exist_ok=True)
    made.root, made.config = root, root / "other.yaml"
    own = {name: root / name for name in (*SHARED, "logs", "state")}
    shared = {name: getattr(beside, name) for name in SHARED} if beside else {}
    for name, folder in (own | shared).items():
        setattr(made, name, folder)
    made.inbox.mkdir(exist_ok=True)
    config = yaml.safe_load((checkout / "config.yaml").read_text())
    for section in ("model", "detector"):
        for key, value in config[section].items():
            if isinstance(value, str) and (checkout / value).is_file():
                config[section][key] = str(checkout / value)
    config |= {"workers": 1, "allow_root": True, "lease_seconds": 4.0}
    config["folders"] = {name: str(folder) for name, folder in (own | shared).items()}
    config["watch"] |= {"quiet_seconds": 0.3, "incomplete_seconds": 1.0, "rescan_seconds": 2.0}
    config["retry"] |= {"attempts": 100, "wait_seconds": 0.5}
    made.config.write_text(yaml.safe_dump(config))
    return made


class _Pair:
    """Both daemons on one inbox, each killed and started again as told."""

    def __init__(self, root: Path, checkout: Path) -> None:
        self.here = quick_workspace(root / "here", "real", workers=1, lease_seconds=4.0)
        self._there = other_workspace(root / "there", checkout, self.here)
        self._checkout = checkout
        self.lives = {"this": self._started("this"), "other": self._started("other")}

    def _started(self, which: str) -> Life:
        if which == "this":
            return Life(self.here, "real")
        return Life(self._there, "real", self._checkout)

    def wait_ready(self) -> None:
        """Wait until both are ready."""
        for life in self.lives.values():
            life.wait_ready()

    def kill(self, which: str) -> None:
        """Kill one of them and start it again."""
        self.lives[which].kill()
        self.lives[which] = self._started(which)

    def end(self) -> Iterator[str]:
        """Stop both, and yield what is wrong with that."""
        for which, life in self.lives.items():
            if not life.is_over and (code := life.terminate()) != 0:
                yield f"exit code {code} of the version: {which}"


def side_by_side(root: Path, checkout: Path, seed: int, rounds: int) -> Iterator[str]:
    """Run both on one inbox and yield what is wrong."""
    rng, traffic, landed = random.Random(seed), endless("real", seed), []
    pair = _Pair(root, checkout)
    here, kills = pair.here, Counter[str]()
    try:
        for _ in range(rounds):
            pair.wait_ready()
            landed += [drop(here, next(traffic)) for _ in range(rng.randint(4, 12))]
            time.sleep(rng.uniform(0.3, 2.5))
            which = rng.choice(("this", "other", "none"))
            kills[which] += 1
            if which != "none":
                pair.kill(which)
        pair.wait_ready()
        until(lambda: not waits(here) and not open_rows(here), ANSWER_SECONDS)
    except AssertionError as error:
        yield str(error)
    finally:
        wrong = list(pair.end())
    yield from wrong
    counted = oracle.count(here, landed, validators=_validators(checkout))
    answers = [json.loads(path.read_bytes()) for path in here.outbox.rglob("*.json")]
    attempts = Counter(answer["processing"]["attempt"] for answer in answers)
    print(f"side by side: kills {dict(kills)}; {counted}; answers by attempt {dict(attempts)}")
    for name in ("here", "there"):
        rows = _rows_by_state(root / name / "state" / "ledger.sqlite3")
        print(f"  ledger {name}: {rows}", flush=True)
        if set(rows) - {"closed"}:
            yield f"rows left in the ledger of {name}: {rows}"
    yield from counted.complaints


def one_after_the_other(root: Path, checkout: Path) -> Iterator[str]:
    """Use one state folder by the other version, by this one, and by the other one again."""
    there = other_workspace(root, checkout, None)
    here = quick_workspace(root, "real", workers=1)
    traffic, landed = endless("real", 77), []
    for workspace, repository in ((there, checkout), (here, None)):
        life = Life(workspace, "real", *([repository] if repository else []))
        try:
            life.wait_ready()
            landed += [drop(here, next(traffic)) for _ in range(8)]
            time.sleep(1.0)
            life.kill()  # with documents in progress
            life = Life(workspace, "real", *([repository] if repository else []))
            life.wait_ready()
            until(lambda: not waits(here), ANSWER_SECONDS)
            life.terminate()
        finally:
            if not life.is_over:
                life.kill()
    ledger_file = here.state / "ledger.sqlite3"
    before = _content(ledger_file)
    landed.append(drop(here, next(traffic)))
    back = Life(there, "real", checkout)
    code = back.process.wait(120)
    print(f"downgrade: exit code {code}: {back.printed().decode(errors='replace')[-400:]}")
    if code != MISCONFIGURED:
        yield f"the other version took the ledger of this one: exit code {code}"
    if _content(ledger_file) != before:
        yield "the other version changed the ledger of this one"
    again = Life(here, "real")
    try:
        again.wait_ready()
        until(lambda: not waits(here), ANSWER_SECONDS)
        again.terminate()
    finally:
        if not again.is_over:
            again.kill()
    counted = oracle.count(here, landed, validators=_validators(checkout))
    print(f"one after the other: {counted}", flush=True)
    yield from counted.complaints


def _validators(checkout: Path) -> list[jsonschema_rs.Validator]:
    schemas = (checkout / "daemon").rglob("sidecar.schema.json")
    others = [jsonschema_rs.validator_for(json.loads(path.read_text())) for path in schemas]
    return [oracle.VALIDATOR, *others]


def _rows_by_state(ledger_file: Path) -> dict[str, int]:
    with closing(sqlite3.connect(f"file:{ledger_file}?mode=ro", uri=True)) as db:
        return dict(db.execute("SELECT state, count(*) FROM claims GROUP BY 1"))


def _content(ledger_file: Path) -> list[str]:
    with closing(sqlite3.connect(f"file:{ledger_file}?mode=ro", uri=True)) as db:
        return list(db.iterdump())


def main() -> None:
    """Run both parts and print what is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture.versions", description=__doc__)
    parser.add_argument("checkout", type=Path, help="of the other version")
    parser.add_argument("--rounds", type=int, default=20, help="side by side, with a kill or none")
    parser.add_argument("--seed", type=int, default=1, help="of traffic and kills")
    args = parser.parse_args()
    checkout = args.checkout.resolve()
    with tempfile.TemporaryDirectory(prefix="versions-") as folder:
        wrong = list(one_after_the_other(Path(folder) / "after", checkout))
        wrong += side_by_side(Path(folder) / "beside", checkout, args.seed, args.rounds)
    print("\n".join(wrong) or "holds")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
