"""What a worker in the sandbox can still do, tried in real worker processes."""

from __future__ import annotations

import fcntl
import os
import platform
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from daemon.core.counters import Counters
from daemon.core.memory import MemoryLimits
from daemon.core.options import Recipe
from daemon.core.records import PagesRead, Stamp
from daemon.core.tasks import ReadPages
from daemon.engine import sandbox, worker_process
from daemon.engine.local_pool import LocalEngine
from daemon.engine.protocol import EngineSetup, WorkerSetup
from daemon.engine.sandbox import Protections, landlock, seccomp
from daemon.engine.sandbox.system_calls import SYSTEM_CALLS
from daemon.engine.worker_process import WorkerProcess
from tests.process.engine import escape_attempts
from tests.support.running_daemon import SHIPPED, until
from tests.support.worker_program import command_with

FORBIDDEN = {
    "outside", "shadow", "environment", "write", "make", "truncate", "remove", "rename", "link",
    "internet", "socket", "program", "child", "signal", "mount",
    "limit", "priority", "affinity", "scheduler", "mode", "open-mode", "owner", "time", "attribute",
    "signal-owner", "signal-number", "lease", "lock", "flock", "shared-memory", "queue",
    "semaphores", "fifo", "token", "working-folder",
}  # fmt: skip
ALLOWED = {"read", "thread", "own", "own-limit"}

RECIPE = Recipe(weights=SHIPPED)


def known_abi() -> int:
    try:
        return landlock.abi()
    except OSError:
        return 0


needs_kernel = pytest.mark.skipif(
    known_abi() < 6 or platform.machine() not in ("x86_64", "aarch64"),
    reason="this kernel or container offers less, which `ocr-daemon check` says",
)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEngine]:
    """One worker that may read below a folder, and reads nothing: it tries what it is told."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(worker_process, "command", command_with(escape_attempts.__name__))
        (tmp_path_factory.getbasetemp() / "secret").write_text("of somebody else")
        started_here = tmp_path_factory.getbasetemp() / "started-here"
        started_here.mkdir()
        (started_here / "cv2.py").write_text("raise SystemExit('imported from a foreign folder')")
        patched.chdir(started_here)
        patched.setenv("PYTHONPATH", f"{started_here}{os.pathsep}.{os.pathsep}")
        patched.setenv("OCR_DAEMON__WEB__TOKEN", "a secret token")
        folder = tmp_path_factory.mktemp("documents")
        setup = EngineSetup(WorkerSetup((RECIPE,), 1, (folder,)), 1, 0, MemoryLimits(2000, 2000))
        made = LocalEngine(setup, lambda: None, Counters())
        made.start()
        made.warm()
        made.folder = folder  # type: ignore[attr-defined]
        yield made
        made.close()


def told(engine: LocalEngine, kind: str) -> str:
    """Let the worker try something on a file that it may read, and say how it went."""
    path = engine.folder / f"{kind}.png"  # type: ignore[attr-defined]
    path.write_bytes(b"a scan")
    engine.submit(ReadPages(kind, path, Stamp.of(path), 10.0, RECIPE, 1, 1))
    (outcome,) = until(engine.finished, 20, what=kind)
    assert isinstance(outcome.result, PagesRead), str(outcome.result)
    assert path.read_bytes() == b"a scan"
    return outcome.result.media_type


@needs_kernel
@pytest.mark.parametrize("kind", sorted(FORBIDDEN))
def test_a_worker_cannot_do_what_reading_does_not_need(engine: LocalEngine, kind: str) -> None:
    assert told(engine, kind) in ("EACCES", "EPERM", "EFBIG", "EROFS")


@pytest.mark.parametrize("kind", sorted(ALLOWED))
def test_a_worker_can_do_what_reading_needs(engine: LocalEngine, kind: str) -> None:
    assert told(engine, kind) == "done"


@needs_kernel
def test_the_engine_says_what_is_in_force(engine: LocalEngine) -> None:
    assert engine.protections.startswith(f"landlock ABI {known_abi()}, seccomp, no_new_privs")


@needs_kernel
def test_what_the_sandbox_refuses_is_logged_at_the_level_debug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_process, "command", command_with(escape_attempts.__name__))
    path = tmp_path / "priority.png"
    path.write_bytes(b"a scan")
    process = WorkerProcess(WorkerSetup((RECIPE,), 1, (tmp_path,), logs_refusals=True))
    with structlog.testing.capture_logs() as logged:
        process.warm().result(60)
        read = process.submit(ReadPages("it", path, Stamp.of(path), 10.0, RECIPE, 1, 1)).result(60)
        process.close()
        process.join(10)

    assert read.media_type == "EPERM"
    refused = [each for each in logged if each["event"] == "worker.refused"]
    number = "140" if platform.machine() == "aarch64" else "141"  # setpriority
    assert number in {each["call"] for each in refused}
    assert {each["pid"] for each in refused} == {process.pid}


def test_protections_are_named_and_none_is_said() -> None:
    assert str(Protections()) == "none"
    assert str(Protections(3, seccomp=True)) == "landlock ABI 3, seccomp"


def test_what_a_kernel_lacks_is_said_with_what_a_worker_could_then_do() -> None:
    assert Protections(7, seccomp=True, no_new_privileges=True).missing == ()
    assert len(Protections().missing) == 3
    (clause,) = Protections(0, seccomp=True, no_new_privileges=True).missing
    assert clause.startswith("Landlock (Linux 5.13 or later): a worker can read")


def test_a_kernel_that_has_none_of_it_lets_the_worker_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(sandbox.kernel, "prctl", refuse)
    monkeypatch.setattr(sandbox.kernel, "call", refuse)
    monkeypatch.setattr(sandbox.kernel, "drop_capabilities", lambda: refuse())
    monkeypatch.setattr(sandbox.resource, "setrlimit", refuse)

    assert str(sandbox.enter([Path("/tmp")])) == "none"


def run_filter(
    code: bytes, number: int, architecture: int, argument: int = 0, second: int = 0
) -> int:
    """Run a filter as the kernel would, by bpf(4); return its answer."""
    data = struct.pack("iIQ6Q", number, architecture, 0, argument, second, 0, 0, 0, 0)
    lines = list(struct.iter_unpack("HBBI", code))
    register = place = 0
    while True:
        opcode, yes, no, value = lines[place]
        place += 1
        match opcode:
            case 0x20:
                (register,) = struct.unpack_from("I", data, value)
            case 0x15:
                place += yes if register == value else no
            case 0x35:
                place += yes if register >= value else no
            case 0x45:
                place += yes if register & value else no
            case 0x06:
                return value


ALLOW, EPERM, ENOSYS = 0x7FFF0000, 0x00050001, 0x00050026
AMD64, ARM64 = 0xC000003E, 0xC00000B7


@pytest.mark.parametrize(
    ("machine", "architecture", "number", "argument", "expected"),
    [
        ("x86_64", AMD64, 0, 0, ALLOW),  # read
        ("x86_64", AMD64, 41, 0, EPERM),  # socket
        ("x86_64", AMD64, 59, 0, EPERM),  # execve
        ("x86_64", AMD64, 427, 0, EPERM),  # io_uring_register
        ("x86_64", AMD64, 449, 0, EPERM),  # futex_waitv
        ("x86_64", AMD64, 450, 0, ENOSYS),  # newer than the list
        ("x86_64", AMD64, 439, 0, ALLOW),  # faccessat2, far down in the list
        ("x86_64", AMD64, 90, 0, EPERM),  # chmod
        ("x86_64", AMD64, 302, 0, ALLOW),  # prlimit64 of itself
        ("x86_64", AMD64, 302, 77, ALLOW),
        ("x86_64", AMD64, 302, 1, EPERM),
        ("x86_64", AMD64, 56, 0x00010000, ALLOW),  # clone of a thread
        ("x86_64", AMD64, 56, 17, EPERM),  # clone of a process
        ("x86_64", AMD64, 435, 0, ENOSYS),  # clone3
        ("x86_64", AMD64, 62, 77, ALLOW),  # kill of itself
        ("x86_64", AMD64, 62, 1, EPERM),
        ("x86_64", AMD64, 0x40000000, 0, EPERM),  # x32
        ("x86_64", 0x40000003, 0, 0, EPERM),  # i386
        ("aarch64", ARM64, 63, 0, ALLOW),  # read
        ("aarch64", ARM64, 198, 0, EPERM),  # socket
        ("aarch64", ARM64, 221, 0, EPERM),  # execve
        ("aarch64", ARM64, 220, 17, EPERM),  # clone of a process
        ("aarch64", ARM64, 129, 77, ALLOW),  # kill of itself
        ("aarch64", ARM64, 261, 1, EPERM),  # prlimit64 of another process
        ("aarch64", ARM64, 53, 0, EPERM),  # fchmodat
    ],
)
def test_the_filter_refuses_by_number_architecture_and_argument(
    machine: str, architecture: int, number: int, argument: int, expected: int
) -> None:
    code = seccomp.program(machine, pid=77)

    assert run_filter(code, number, architecture, argument) == expected


@pytest.mark.parametrize(
    ("number", "second", "expected"),
    [
        (72, fcntl.F_GETFL, ALLOW),
        (72, fcntl.F_DUPFD_CLOEXEC, ALLOW),
        (72, fcntl.F_SETOWN, EPERM),
        (72, fcntl.F_SETSIG, EPERM),
        (16, termios.TCGETS, ALLOW),
        (16, termios.TIOCSTI, EPERM),
    ],
)
def test_the_second_argument_of_fcntl_and_ioctl_decides(
    number: int, second: int, expected: int
) -> None:
    code = seccomp.program("x86_64", pid=77)

    assert run_filter(code, number, AMD64, 3, second) == expected


@pytest.mark.parametrize(
    ("machine", "header", "names"),
    [
        ("x86_64", "/usr/include/x86_64-linux-gnu/asm/unistd_64.h", {}),
        ("aarch64", "/usr/include/asm-generic/unistd.h", {"newfstatat": "fstatat"}),
    ],
)
def test_the_numbers_of_the_calls_are_those_of_the_kernel_headers(
    machine: str, header: str, names: dict[str, str]
) -> None:
    if not Path(header).exists():
        pytest.skip(f"needs {header} (Debian package linux-libc-dev)")
    found = re.findall(r"#define __NR(?:3264)?_(\w+) (\d+)", Path(header).read_text())
    numbers = {name: int(number) for name, number in reversed(found)}

    ours = SYSTEM_CALLS[machine].numbers

    assert ours == {name: numbers[names.get(name, name)] for name in ours}


def test_who_makes_outputs_may_write_in_the_scratch_folder_and_nowhere_else(tmp_path: Path) -> None:
    try:
        landlock.abi()
    except OSError:
        pytest.skip("this kernel has no Landlock")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    attempt = """
import sys
from pathlib import Path
from daemon.engine import sandbox
scratch = Path(sys.argv[1])
sandbox.enter([scratch, scratch.parent / "away"], [scratch, scratch.parent / "away"])
for act in (
    lambda: (scratch / "made").write_bytes(b"x"),
    lambda: (scratch.parent / "other").write_bytes(b"x"),
    lambda: (scratch / "link").symlink_to("/etc/passwd"),
    lambda: (scratch / "made").unlink(),
):
    try:
        act()
    except OSError as error:
        print(error.errno, end=" ")
    else:
        print("done", end=" ")
"""
    said = subprocess.run(
        [sys.executable, "-c", attempt, str(scratch)], capture_output=True, text=True, check=True
    )

    assert said.stdout.split() == ["done", "13", "1", "1"]  # EACCES by Landlock, EPERM by seccomp
