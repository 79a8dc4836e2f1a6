"""Starts workers whose functions a test replaces, by a command line of their own."""

from __future__ import annotations

import sys
from collections.abc import Callable

from tests.support.repository import REPOSITORY

_PROGRAM = """
import sys
sys.path.insert(0, sys.argv[3])
import {module} as replacement
from daemon.engine import wire, worker_main
replacement.{install}()
worker_main.main(wire.Channel(int(sys.argv[1])), int(sys.argv[2]))
"""


def command_with(module: str, install: str = "install") -> Callable[[int, int], list[str]]:
    """Return a replacement of `worker_process.command`: the worker calls `module.install` first."""

    def command(channel: int, lifeline: int) -> list[str]:
        program = _PROGRAM.format(module=module, install=install)
        return [sys.executable, "-c", program, str(channel), str(lifeline), str(REPOSITORY)]

    return command
