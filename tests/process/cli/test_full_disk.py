"""A start on a full disk: no config is at fault, and whoever restarts the daemon may try again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.core.errors import Exit
from tests.support.repository import REPOSITORY
from tests.support.running_daemon import Workspace
from tests.torture import upgrade

FULL = """
import ctypes, os, sys
ctypes.CDLL(None).full_disk_set(os.fsencode(sys.argv[1]), ctypes.c_long(int(sys.argv[2])), 0)
from daemon.cli.app import main
sys.argv = ["ocr-daemon", "run", "--config", sys.argv[3]]
main()
"""


@pytest.mark.skipif(upgrade.COMPILER is None, reason="no C compiler for full_disk.c")
# a write of the checks, a sync and a write of the ledger
@pytest.mark.parametrize(
    ("operation", "said"), [(2, "No space left"), (20, "error"), (40, "No space left")]
)
def test_a_start_on_a_full_disk_ends_with_another_exit_code_than_a_bad_config(
    operation: int, said: str, tmp_path: Path
) -> None:
    workspace = Workspace(tmp_path)
    workspace.state.mkdir()

    ended = subprocess.run(
        [sys.executable, "-c", FULL, str(workspace.state), str(operation), str(workspace.config)],
        env=os.environ | {"LD_PRELOAD": str(upgrade.compiled(tmp_path))}, cwd=REPOSITORY,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert ended.returncode == Exit.SOME_FAILED, ended.stderr
    assert said in ended.stderr
    assert str(workspace.state) in ended.stderr
