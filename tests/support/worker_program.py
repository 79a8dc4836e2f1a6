"""Starts workers whose functions a test replaces, by a command line of their own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from tests.support.repository import REPOSITORY

_PROGRAM = """
import sys
sys.path.insert(0, {repository!r})
import {module} as replacement
from daemon.engine import wire, worker_main
replacement.{install}()
channel, *others = map(int, sys.argv[1:])
worker_main.main(wire.Channel(channel), *others)
"""


def command_with(module: str, install: str = "install") -> Callable[[Sequence[int]], list[str]]:
    """Return a replacement of `worker_process.command`: the worker calls `module.install` first."""

    def command(descriptors: Sequence[int]) -> list[str]:
        program = _PROGRAM.format(module=module, install=install, repository=str(REPOSITORY))
        return [sys.executable, "-P", "-c", program, *map(str, descriptors)]

    return command
