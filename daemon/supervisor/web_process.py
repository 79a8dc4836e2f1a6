"""The web process beside the daemon: started, restarted and ended by it.

Reading goes on whatever happens to the web process: a thread waits for its end and restarts it
after longer and longer pauses. The kernel ends it where the daemon is killed.
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

REQUIRED_PACKAGES = ("starlette", "uvicorn", "jinja2", "python_multipart")
FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 1.0, 60.0
STEADY_SECONDS = 60.0  # after which a start counts as a success
STOP_SECONDS = 15.0
POLL_SECONDS = 0.5  # between two checks whether it runs
_PR_SET_PDEATHSIG = 1  # prctl(2)


def refuse_missing() -> None:
    """Raise Misconfigured where the extra [web] is not installed."""
    for package in REQUIRED_PACKAGES:
        if importlib.util.find_spec(package) is None:
            remedy = f"needs {package}; install the extra [web], or set web.enabled to false"
            raise Misconfigured("web.enabled", True, remedy)


@contextlib.contextmanager
def running(config: Config) -> Iterator[WebProcess]:
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


def config_from_daemon() -> Config:
    """Return the config that the daemon has in force, read from standard input.

    The config file may differ: by changes that wait for a restart or were refused.
    """
    config: Config = pickle.load(sys.stdin.buffer)  # noqa: S301 -- from our own parent
    return config


class WebProcess:
    """`ocr-daemon web` as a child process, and the thread that supervises it."""

    def __init__(self, config: Config) -> None:
        self._command = [
            sys.executable, "-m", "daemon", "web", "--daemon-pid", str(os.getpid()),
        ]  # fmt: skip
        self._config = config
        self._is_outdated = False
        self._is_ending = Event()
        self._thread = Thread(target=self._supervise, name="web", daemon=True)

    def start(self) -> None:
        """Start the process."""
        self._thread.start()

    def reconfigure(self, config: Config) -> None:
        """Use another config of the same folders; restart where a value changed that it uses."""
        before, self._config = self._config, config
        if _values_used(before) != _values_used(config):
            self._is_outdated = True

    def end(self) -> None:
        """Stop it, and wait until it has ended."""
        self._is_ending.set()
        self._thread.join(STOP_SECONDS + 5.0)

    def _supervise(self) -> None:
        """Run it again and again until told to end; the kernel ties its life to this thread."""
        pause = FIRST_PAUSE_SECONDS
        while not self._is_ending.is_set():
            began = time.monotonic()
            code = self._run_once()
            if self._is_ending.is_set():
                return
            if self._is_outdated:
                continue
            if time.monotonic() - began >= STEADY_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            if code == Exit.MISCONFIGURED:  # it has logged why, and will hardly recover by itself
                pause = MAX_PAUSE_SECONDS
            log.error("web.ended", code=code, again_in=pause)
            self._is_ending.wait(pause)
            pause = min(MAX_PAUSE_SECONDS, 2 * pause)

    def _run_once(self) -> int:
        """Run it until it ends or we do; return its exit code."""
        self._is_outdated = False
        try:
            with _in_memory(pickle.dumps(self._config)) as config:
                child = subprocess.Popen(
                    self._command, stdin=config, stdout=subprocess.DEVNULL,
                    process_group=0,  # Ctrl-C in a terminal ends the daemon, and that ends the page
                )  # fmt: skip
        except OSError as error:
            log.error("web.not_started", reason=error.strerror)
            return -1
        log.info("web.started", pid=child.pid)
        while child.poll() is None and not self._is_ending.wait(POLL_SECONDS):
            if self._is_outdated:
                break
        if child.poll() is None:
            _stop(child)
        return child.returncode


def _values_used(config: Config) -> tuple[object, ...]:
    return config.watch.ignore, config.min_free_megabytes


def _in_memory(content: bytes) -> BinaryIO:
    """Return an open file in memory, at its start: a config holds secrets."""
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
    """Let the kernel end this process when the daemon that started it ends."""
    import ctypes

    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != daemon_pid:  # it has ended already
        raise SystemExit(Exit.SOME_FAILED)
