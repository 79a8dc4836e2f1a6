"""Failpoints: what a rule means, and that without the variable there is nothing to pass."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from signal import SIGKILL, SIGSEGV

import pytest

from daemon.core import failpoints


def passing(rules: str, *points: str) -> subprocess.CompletedProcess[str]:
    """Pass some points in a process of its own."""
    script = "".join(f"failpoints.reach(*{point.split('@')!r});" for point in points)
    return subprocess.run(
        [sys.executable, "-c", f"from daemon.core import failpoints; {script} print('through')"],
        env={failpoints.VARIABLE: rules}, capture_output=True, text=True, timeout=30,
    )  # fmt: skip


def test_without_the_variable_a_point_is_an_empty_function() -> None:
    assert failpoints._reach(None) is failpoints._nothing
    assert failpoints._reach("") is failpoints._nothing


@pytest.mark.parametrize(
    ("rules", "points", "code"),
    [
        ("here=kill", ["there", "here"], -SIGKILL),
        ("here=kill", ["there"], 0),
        ("here@b.png=segv", ["here@a.png"], 0),
        ("here@b.png=segv", ["here@b.png"], -SIGSEGV),
        ("other=kill;here=exit", ["here", "other"], 0),
    ],
)
def test_a_rule_holds_for_its_point_and_label(rules: str, points: list[str], code: int) -> None:
    ended = passing(rules, *points)

    assert ended.returncode == code
    assert ("through" in ended.stdout) == (code == 0 and "exit" not in rules)


def test_a_count_ends_a_rule() -> None:
    reach = failpoints._reach("here=2*ENOSPC")
    for _ in range(2):
        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
            reach("here")

    reach("here")


@pytest.mark.parametrize("rules", ["here", "here=nothing", "here=x*kill"])
def test_a_rule_that_means_nothing_is_refused(rules: str) -> None:
    assert passing(rules, "here").returncode == 1
