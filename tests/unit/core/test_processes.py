"""What /proc tells of another process."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.core import processes
from daemon.core.processes import cpu_seconds, waits_for

SLEEP, READ = {"x86_64": (230, 0), "aarch64": (115, 63)}.get(platform.machine(), (-2, -2))
known_machine = pytest.mark.skipif(SLEEP == -2, reason="no numbers of calls for this machine")


def thread(proc: Path, name: str, state: str, call: str) -> None:
    folder = proc / "7" / "task" / name
    folder.mkdir(parents=True)
    (folder / "stat").write_text(f"{name} (a ) R name) {state} 1 7 7")
    (folder / "syscall").write_text(call)


def test_processor_time_is_that_in_user_and_kernel_mode(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    fields = " ".join(str(number) for number in range(4, 40))
    (tmp_path / "7/stat").write_text(f"7 (py) 9 9 (thon) S {fields}")  # utime is 14, stime 15

    assert cpu_seconds(7, tmp_path) == (14 + 15) / processes.TICKS_PER_SECOND
    assert cpu_seconds(8, tmp_path) is None


@known_machine
@pytest.mark.parametrize(
    ("threads", "expected"),
    [
        ([("S", f"{SLEEP} 0x0")], "itself"),
        ([("S", f"{READ} 0x3")], "disk"),
        ([("S", "-1 0x7f 0x7f")], "disk"),
        ([("D", "running")], "disk"),
        ([("R", "running")], "processor"),
        ([("T", "0 0x0")], "stopped"),
        ([("S", f"{SLEEP} 0x0"), ("R", "running")], "processor"),
        ([("S", f"{SLEEP} 0x0"), ("S", f"{READ} 0x3")], "disk"),
        ([("S", "")], "itself"),
        ([], "itself"),
    ],
)
def test_what_a_process_waits_for(
    tmp_path: Path, threads: list[tuple[str, str]], expected: str
) -> None:
    for number, (state, call) in enumerate(threads):
        thread(tmp_path, str(70 + number), state, call)

    assert waits_for(7, tmp_path) == expected


@pytest.fixture
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[int]:
    os.mkfifo(tmp_path / "fifo")
    program = f"import os, threading, time\nprint(end='x', flush=True)\n{request.param}"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "fifo")], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.read(1)
        time.sleep(0.3)  # it has reached the call
        yield process.pid
        process.kill()


@pytest.mark.parametrize(
    ("running", "expected"),
    [
        ("time.sleep(60)", "itself"),
        ("lock = threading.Lock(); lock.acquire(); lock.acquire()", "itself"),
        ("import sys; open(sys.argv[1])", "disk"),
        ("import sys; os.read(os.open(sys.argv[1], os.O_RDWR), 1)", "disk"),
        ("import signal; os.kill(os.getpid(), signal.SIGSTOP)", "stopped"),
        ("while True: pass", "processor"),
    ],
    indirect=["running"],
)
def test_a_real_process_waits_for(running: int, expected: str) -> None:
    assert waits_for(running) == expected


@pytest.mark.parametrize("running", ["while True: pass"], indirect=True)
def test_the_time_of_a_real_process_grows_while_it_computes(running: int) -> None:
    before = cpu_seconds(running)
    assert before is not None

    ends = time.monotonic() + 30
    while (cpu_seconds(running) or 0) < before + 0.1:
        assert time.monotonic() < ends
        time.sleep(0.01)
