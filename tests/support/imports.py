"""Which modules a program loads by its imports."""

from __future__ import annotations

import subprocess
import sys

from tests.support.repository import REPOSITORY


def loaded_by(*modules: str) -> set[str]:
    """Return the names of all modules that a new process has loaded after importing some."""
    program = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())
