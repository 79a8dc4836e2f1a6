"""The short form of `make soak`: twenty seconds of it."""

from __future__ import annotations

from pathlib import Path

from tests.torture.soak import soak


def test_traffic_kills_and_folders_away_lose_nothing(tmp_path: Path) -> None:
    figures = soak(tmp_path, seconds=20.0, seed=2, gap=4.0)

    assert figures.holds, "\n".join(figures.lines())
    assert figures.moves
    assert figures.toll.kills.total()
