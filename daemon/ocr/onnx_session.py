"""Sessions of ONNX Runtime, with the settings that keep a worker small.

A session takes its memory from an arena that grows and is never freed, and by default plans one
block for each shape of input. Shapes of lines and pages vary: without such plans a line of 8 192
columns takes 100 MB less, at no more CPU time. `releasing` returns the arena to the allocator after
a run: after that line a process keeps 106 MB instead of 373 (475 with plans), for a quarter more
time of that run. Without any arena every run takes a quarter more.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnxruntime

# The builds for Linux (1.32) collect usage data in ~/.cache/Microsoft and send it to their maker,
# and keep an identifier there and in /tmp, unless this is set before they are loaded.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


@dataclass(slots=True)
class _Settings:
    """Settings of all sessions of this process."""

    threads: int = 1


_process = _Settings()


def set_num_threads(threads: int) -> None:
    """Let the sessions that are opened from now on compute with `threads` threads."""
    _process.threads = threads


def open_session(content: bytes, *, has_arena: bool = True) -> onnxruntime.InferenceSession:
    """Return a session of the ONNX network `content`, by default with an arena.

    Raises ImportError where ONNX Runtime is not installed, and its own errors, which have no common
    base class, for a network that it cannot run.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _process.threads
    options.enable_mem_pattern = False
    options.enable_cpu_mem_arena = has_arena
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"])


@cache
def releasing() -> onnxruntime.RunOptions:
    """Return the options of a run after which the session keeps no memory but its weights."""
    import onnxruntime

    options = onnxruntime.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return options
