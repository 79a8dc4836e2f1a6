"""Runs one request in a Python process of its own, for decoders outside the worker pool."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys

from daemon.engine.environment import decoder_environment


def run_isolated(module: str, request: object, seconds: float) -> tuple[int, str]:
    """Run `python -m module` with the pickled `request` on its standard input.

    Returns its exit code and the last line of its standard error; TimeoutError after `seconds`.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", module],
            input=pickle.dumps(request), capture_output=True, timeout=seconds, check=False,
            env=decoder_environment(os.environ),
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise TimeoutError from error
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return done.returncode, lines[-1] if lines else ""
