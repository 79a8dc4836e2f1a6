"""A folder of sidecars beside a ledger, as the web process finds it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.web.folder import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)
