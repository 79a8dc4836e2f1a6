"""The short form of `make soak`: twenty seconds of it, and two short runs in one folder."""

from __future__ import annotations

from pathlib import Path

from tests.torture import memory
from tests.torture.soak import MEMORY, soak


def test_traffic_kills_and_folders_away_lose_nothing(tmp_path: Path) -> None:
    figures = soak(tmp_path, seconds=20.0, seed=2, gap=4.0)

    assert figures.holds, "\n".join(figures.lines())
    assert figures.moves
    assert figures.kill_log.kills.total()


def test_a_second_run_continues_on_the_folders_and_the_memory_log_of_the_first(
    tmp_path: Path,
) -> None:
    first = soak(tmp_path, seconds=6.0, seed=2, gap=3.0, program="pretended")

    second = soak(tmp_path, seconds=6.0, seed=2, gap=3.0, program="pretended")

    assert first.holds, "\n".join(first.lines())
    assert second.holds, "\n".join(second.lines())
    assert second.counted.landed > first.counted.landed
    found = memory.read(tmp_path / MEMORY)
    assert {row.run for row in found} == {1, 2}
    assert {row.role for row in found} >= {"daemon", "worker"}
    assert all(0 < row.anon < row.resident for row in found)
