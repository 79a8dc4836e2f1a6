"""Killed while it reloads; all steps and acts, and kills at random, are `make reloads`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.torture import reloads
from tests.torture.reloads import Act


@pytest.mark.parametrize(
    ("change", "act", "only"),
    [
        ("immediate", "kill daemon", "reconfigured"),
        ("another engine", "kill daemon", "warmed"),
        ("another engine", "kill workers", "committed"),
        ("another daemon", "break config", "applied"),
        ("failing", "terminate", "applied"),
        ("failing", "break and kill", "fallen_back"),
    ],
)
def test_a_kill_at_a_step_of_a_reload_loses_no_file(
    change: str, act: Act, only: str, tmp_path: Path
) -> None:
    (ending,) = reloads.endings(tmp_path, change, (act,), only)

    assert ending.complaints == ()
