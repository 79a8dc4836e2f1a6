"""A folder with an inbox with one file in its inbox."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "inbox/sub").mkdir(parents=True)
    (tmp_path / "inbox/sub/scan.pdf").write_bytes(b"bytes")
    return tmp_path
