"""How much memory a worker may take, from made-up control groups; and how much this one takes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from daemon.core import memory
from daemon.core.memory import MemoryLimits

MACHINE = "MemTotal:        4000000 kB\nMemFree:         1 kB\n"  # 4 096 million bytes


def available(tmp_path: Path, memberships: str, limits: dict[str, str]) -> int:
    """Return what is available on a machine of 4 GB with these groups and limits."""
    (tmp_path / "meminfo").write_text(MACHINE)
    (tmp_path / "cgroup").write_text(memberships)
    for name, limit in limits.items():
        path = tmp_path / "groups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(limit)
    return memory.available(tmp_path / "meminfo", tmp_path / "cgroup", tmp_path / "groups")


@pytest.mark.parametrize(
    ("memberships", "limits", "expected"),
    [
        ("", {}, 4096),
        ("0::/\n", {"memory.max": "2000000000\n"}, 2000),
        ("0::/\n", {"memory.max": "max\n"}, 4096),
        ("0::/a/b\n", {"a/b/memory.max": "max\n", "a/memory.max": "1000000000\n"}, 1000),
        ("0::/a\n", {"a/memory.max": "9000000000\n"}, 4096),
        ("4:memory:/job\n", {"memory/job/memory.limit_in_bytes": "1500000000\n"}, 1500),
        ("4:cpu,memory:/\n", {"memory/memory.limit_in_bytes": "9223372036854771712\n"}, 4096),
        ("0::/gone\n", {"memory.max": "3000000000\n"}, 3000),
    ],
)
def test_the_tightest_of_machine_and_groups_counts(
    tmp_path: Path, memberships: str, limits: dict[str, str], expected: int
) -> None:
    assert available(tmp_path, memberships, limits) == expected


@pytest.mark.parametrize(
    ("most", "idle", "workers", "megabytes", "expected"),
    [
        (0, 0, 2, 2147, MemoryLimits(945, 708)),
        (0, 0, 2, 24_000, MemoryLimits(11_872, 1000)),
        (0, 0, 4, 1000, MemoryLimits(600, 450)),
        (800, 0, 2, 24_000, MemoryLimits(800, 600)),
        (800, 500, 2, 24_000, MemoryLimits(800, 500)),
    ],
)
def test_workers_share_what_the_daemon_leaves(
    monkeypatch: pytest.MonkeyPatch, most: int, idle: int, workers: int, megabytes: int,
    expected: MemoryLimits,
) -> None:  # fmt: skip
    monkeypatch.setattr(memory, "available", lambda *_: megabytes)

    assert memory.memory_limits(most, idle, workers) == expected


def test_what_a_process_takes_grows_with_what_it_holds() -> None:
    script = (
        "import os; from daemon.core import memory\n"
        "before = memory.taken_by(os.getpid()); held = b'x' * 50_000_000\n"
        "print(memory.taken_by(os.getpid()) - before)"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)

    assert 45 < float(said.stdout) < 60, said.stderr


def test_a_process_that_is_gone_takes_nothing() -> None:
    assert memory.taken_by(2**22 + 1) is None


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9"), True),
        (RuntimeError("std::bad_alloc"), True),
        (RuntimeError("malloc (99 bytes) failed"), True),
        (RuntimeError("shape mismatch"), False),
        (ZeroDivisionError(), False),
    ],
)
def test_a_shortage_is_told_from_other_errors(error: Exception, expected: bool) -> None:
    assert memory.is_short(error) is expected
