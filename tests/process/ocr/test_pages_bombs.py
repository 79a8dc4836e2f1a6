"""Decompression bombs: handled in bounded memory and time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.repository import REPOSITORY
from tests.support.samples.bombs import BOMB, bombs

MOST_MEGABYTES = 350  # where the bomb itself is 1 074
MOST_SECONDS = 60  # what a page may take before its worker is stopped
BOMBS = bombs()
OPEN_ALL = """
import sys
from pathlib import Path
from daemon.core.errors import Rejected
from daemon.ocr import pages
from daemon.core.options import Limits, Rendering

said = "ok"
try:
    with pages.open_document(Path(sys.argv[1]), Limits(), Rendering()) as source:
        for number in range(1, source.page_count + 1):
            source.page(number)
except Rejected as rejected:
    said = rejected.reason
print(said, Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the kernel keeps no peak")
@pytest.mark.parametrize("name", BOMBS)
def test_a_decompression_bomb_is_handled_in_bounded_memory_and_time(
    name: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(BOMBS[name])
    assert len(BOMBS[name]) < BOMB // 500

    done = subprocess.run(
        [sys.executable, "-c", OPEN_ALL, str(path)], cwd=REPOSITORY,
        check=True, capture_output=True, text=True, timeout=MOST_SECONDS,
    )  # fmt: skip

    outcome, peak = done.stdout.split()
    assert outcome in {"ok", "corrupt", "too_large"}
    assert int(peak) / 1024 < MOST_MEGABYTES
