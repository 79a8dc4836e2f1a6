"""A start beside a daemon that removes empty folders, with the test as the scheduler.

Each test lets the neighbour act at one point in the start: the call that is patched.
"""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from daemon.core.records import Claim
from daemon.inbox.claims.by_rename import RenameClaims

STARTS = 60


def rename_claims(root: Path, instance: str) -> RenameClaims:
    return RenameClaims(root / "inbox", instance, root / "archive", root / "failed")


def before_first(
    monkeypatch: pytest.MonkeyPatch, module: Any, name: str, act: Callable[[], None]
) -> None:
    """Let `act` run before the first call of `module.name`."""
    original, pending = getattr(module, name), [act]

    def patched(*args: Any, **options: Any) -> Any:
        if pending:
            pending.pop()()
        return original(*args, **options)

    monkeypatch.setattr(module, name, patched)


@pytest.fixture
def neighbour(root: Path) -> RenameClaims:
    """A running daemon; another one was killed with a claim, and is about to start again."""
    running, killed = rename_claims(root, "running"), rename_claims(root, "killed")
    killed.take("sub/scan.pdf")
    killed.close()  # as the kernel does
    return running


@pytest.mark.parametrize(("module", "call"), [(os, "open"), (fcntl, "flock"), (os, "pwrite")])
def test_one_of_two_daemons_gets_a_claim_whenever_one_sweeps_and_the_other_starts(
    root: Path, neighbour: RenameClaims, monkeypatch: pytest.MonkeyPatch, module: Any, call: str
) -> None:
    taken: list[Claim] = []
    before_first(monkeypatch, module, call, lambda: taken.extend(neighbour.orphans(0.0)))

    starting = rename_claims(root, "killed")

    held = [*taken, *starting.held([], 1.0), *neighbour.orphans(1.0, {each.id for each in taken})]
    assert [claim.name for claim in held] == ["sub/scan.pdf"]
    assert (root / "inbox/.ocr-daemon/work/killed/lock").exists()


def test_claims_are_found_after_the_work_folder_was_removed(
    root: Path, neighbour: RenameClaims
) -> None:
    starting = rename_claims(root, "restarted")
    shutil.rmtree(root / "inbox/.ocr-daemon/work/restarted")

    assert [claim.name for claim in neighbour.orphans(0.0)] == ["sub/scan.pdf"]
    assert list(starting.held([], 0.0)) == []
    assert (root / "inbox/.ocr-daemon/work/restarted").exists()


def _start_and_end(root: Path, instance: str, errors: Any) -> None:
    try:
        for _ in range(STARTS):
            claims = rename_claims(root, instance)
            list(claims.held([], 0.0))
            claims.close()
    except BaseException as error:
        errors.put(repr(error))


def test_three_daemons_that_start_and_end_all_the_time_never_fail(root: Path) -> None:
    context = multiprocessing.get_context("fork")
    errors = context.SimpleQueue()
    daemons = [
        context.Process(target=_start_and_end, args=(root, str(n), errors)) for n in range(3)
    ]
    for daemon in daemons:
        daemon.start()
    for daemon in daemons:
        daemon.join()

    assert errors.empty(), errors.get()
