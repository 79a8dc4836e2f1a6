"""The saved inputs of the fuzzers: each one keeps the guarantee of its target."""

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
MAX_SECONDS = 10.0
MAX_MEGABYTES = 500


@pytest.mark.parametrize(
    ("target", "saved"), INPUTS, ids=lambda given: getattr(given, "name", given)
)
def test_a_saved_input_violates_no_guarantee(target: str, saved: Path, tmp_path: Path) -> None:
    check = importlib.import_module(f"tests.fuzz.{target}").check
    path = tmp_path / "landed"
    shutil.copyfile(saved, path)
    began = time.monotonic()

    check(path)

    assert time.monotonic() - began < MAX_SECONDS


CHECK_ALL = """
import importlib, sys
from pathlib import Path
check = importlib.import_module("tests.fuzz." + sys.argv[1]).check
for path in sorted(Path(sys.argv[2]).iterdir()):
    check(path)
print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
"""


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="the kernel reports no peak memory"
)
@pytest.mark.parametrize("target", TARGETS)
def test_all_saved_inputs_together_stay_within_the_memory_limit(
    target: str, tmp_path: Path
) -> None:
    copies = shutil.copytree(CORPUS / target, tmp_path / target)  # a check may change its file
    done = subprocess.run(
        [sys.executable, "-c", CHECK_ALL, target, str(copies)],
        cwd=REPOSITORY, check=True, capture_output=True, text=True, timeout=120,
    )  # fmt: skip

    assert int(done.stdout) / 1024 < MAX_MEGABYTES


def test_the_saved_inputs_are_small() -> None:
    assert sum(path.stat().st_size for _, path in INPUTS) < 1_000_000
