"""What the fuzzers found, and where they got far: every kept input keeps its target's promise."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fuzz import CORPUS, TARGETS
from tests.support.repository import REPOSITORY

INPUTS = [(target, path) for target in TARGETS for path in sorted((CORPUS / target).iterdir())]
MOST_SECONDS = 10.0
MOST_MEGABYTES = 500


@pytest.mark.parametrize(
    ("target", "kept"), INPUTS, ids=lambda given: getattr(given, "name", given)
)
def test_a_kept_input_breaks_no_promise(target: str, kept: Path, tmp_path: Path) -> None:
    check = importlib.import_module(f"tests.fuzz.{target}").check
    path = tmp_path / "landed"
    shutil.copyfile(kept, path)
    began = time.monotonic()

    check(path)

    assert time.monotonic() - began < MOST_SECONDS


CHECK_ALL = """
import importlib, sys
from pathlib import Path
check = importlib.import_module("tests.fuzz." + sys.argv[1]).check
for path in sorted(Path(sys.argv[2]).iterdir()):
    check(path)
print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the kernel keeps no peak")
@pytest.mark.parametrize("target", TARGETS)
def test_all_kept_inputs_together_stay_within_memory(target: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHECK_ALL, target, str(CORPUS / target)],
        cwd=REPOSITORY, check=True, capture_output=True, text=True, timeout=120,
    )  # fmt: skip

    assert int(done.stdout) / 1024 < MOST_MEGABYTES


def test_the_kept_inputs_stay_small() -> None:
    assert sum(path.stat().st_size for _, path in INPUTS) < 1_000_000
