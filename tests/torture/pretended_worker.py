"""Replaces what a worker loads and renders, in each worker that the program (program.py) starts.

Tests import pretended.py, which replaces nothing.
"""

from daemon.engine import worker, worker_process
from tests.support.worker_program import command_with
from tests.torture import pretended

worker_process.command = command_with(__name__)


def install() -> None:
    """Replace the functions, in a worker."""
    worker.load_pipeline = pretended.load  # type: ignore[assignment]
    worker._render_output = pretended.render_output
