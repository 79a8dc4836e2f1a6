"""The web process beside the daemon: started, looked after, and ended with it.

Whatever becomes of it, reading goes on: a thread waits for its end and starts it again, ever more
patiently. Where the daemon is killed the kernel ends it too.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from threading import Event, Thread
from typing import TYPE_CHECKING, BinaryIO

import structlog

from daemon.core.errors import Exit, Misconfigured

if TYPE_CHECKING:
    from daemon.config.settings import Config

log = structlog.get_logger()

NEEDED = ("starlette", "uvicorn", "jinja2", "python_multipart")
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 1.0, 60.0
STEADY_SECONDS = 60.0  # after which a start counts as a success
STOP_SECONDS = 15.0
LOOK_SECONDS = 0.5  # between two looks whether it runs
_PR_SET_PDEATHSIG = 1  # prctl(2)


def refuse_missing() -> None:
    """Raise Misconfigured where the extra [web] is not installed."""
    for package in NEEDED:
        if importlib.util.find_spec(package) is None:
            remedy = f"needs {package}; install 'ocr-daemon[web]', or set it to false"
            raise Misconfigured("web.enabled", True, remedy)


@contextlib.contextmanager
def beside(config: Config) -> Iterator[WebProcess]:
    """Keep `ocr-daemon web` running until the block ends, where the config has it enabled."""
    process = WebProcess(config)
    if not config.web.enabled:
        yield process
        return
    refuse_missing()
    process.start()
    try:
        yield process
    finally:
        process.end()


def handed_over() -> Config:
    """Return the config that the daemon has in force, which is at standard input.

    The file may say something else: what waits for a restart, or was refused.
    """
    config: Config = pickle.load(sys.stdin.buffer)  # noqa: S301 -- our parent's, who started us
    return config


class WebProcess:
    """`ocr-daemon web` as a child, and the thread that looks after it."""

    def __init__(self, config: Config) -> None:
        self._command = [
            sys.executable, "-m", "daemon", "web", "--config", os.fspath(config.file),
            "--daemon-pid", str(os.getpid()),
        ]  # fmt: skip
        self._config = config
        self._is_outdated = False
        self._is_ending = Event()
        self._thread = Thread(target=self._keep_up, name="web", daemon=True)

    def start(self) -> None:
        """Start the process."""
        self._thread.start()

    def take(self, config: Config) -> None:
        """Go on by another config of the same folders; started anew where it keeps what changed."""
        before, self._config = self._config, config
        if _kept(before) != _kept(config):
            self._is_outdated = True

    def end(self) -> None:
        """Ask it to stop, and see that it does."""
        self._is_ending.set()
        self._thread.join(STOP_SECONDS + 5.0)

    def _keep_up(self) -> None:
        """Run it again and again until told to end; the kernel ties it to this thread."""
        pause = FIRST_WAIT_SECONDS
        while not self._is_ending.is_set():
            began = time.monotonic()
            code = self._run_once()
            if self._is_ending.is_set():
                return
            if self._is_outdated:
                continue
            if time.monotonic() - began >= STEADY_SECONDS:
                pause = FIRST_WAIT_SECONDS
            if code == Exit.MISCONFIGURED:  # it has said why, and will hardly heal by itself
                pause = LONGEST_WAIT_SECONDS
            log.error("web.ended", code=code, again_in=pause)
            self._is_ending.wait(pause)
            pause = min(LONGEST_WAIT_SECONDS, 2 * pause)

    def _run_once(self) -> int:
        """Run it to its end, or to ours; return its exit code."""
        self._is_outdated = False
        try:
            with _in_memory(pickle.dumps(self._config)) as config:
                child = subprocess.Popen(self._command, stdin=config, stdout=subprocess.DEVNULL)
        except OSError as error:
            log.error("web.not_started", reason=error.strerror)
            return -1
        log.info("web.started", pid=child.pid)
        while child.poll() is None and not self._is_ending.wait(LOOK_SECONDS):
            if self._is_outdated:
                break
        if child.poll() is None:
            _stop(child)
        return child.returncode


def _kept(config: Config) -> tuple[object, ...]:
    return config.watch.ignore, config.min_free_megabytes


def _in_memory(content: bytes) -> BinaryIO:
    """Return an open file of no folder, to be read from its start: a config holds secrets."""
    file = os.fdopen(os.memfd_create("config"), "w+b")
    file.write(content)
    file.seek(0)
    return file


def _stop(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def die_with(daemon_pid: int) -> None:
    """Have the kernel end this process when the daemon that started it ends, in whatever way."""
    import ctypes

    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != daemon_pid:  # it has ended before we could ask
        raise SystemExit(Exit.SOME_FAILED)
