"""The short form of the torture: seeded kills at random moments, with pretended reading.

The thousand kills with real reading are `make torture`.
"""

from __future__ import annotations

from pathlib import Path

from tests.torture import oracle, pretended, series
from tests.torture.life import quick_workspace
from tests.torture.oracle import Landed


def test_kills_at_random_moments_lose_tear_and_double_nothing(tmp_path: Path) -> None:
    figures = series.run(tmp_path, "pretended", kills=20, seed=7, gap=0.2, limit=60.0)

    assert figures.holds, "\n".join(figures.lines())
    assert figures.proofs > 0
    assert figures.toll.kills.total() == 20


def test_the_oracle_sees_what_is_lost_torn_doubled_and_left(tmp_path: Path) -> None:
    workspace = quick_workspace(tmp_path, "pretended")
    landed = [Landed(f"{n}.png", pretended.content(f"File {n}"), f"File {n}") for n in range(3)]
    for folder in (workspace.archive, workspace.outbox):
        folder.mkdir()
    (workspace.archive / "0.png").write_bytes(landed[0].content)
    (workspace.archive / "0.2.png").write_bytes(landed[0].content)
    (workspace.archive / "1.png").write_bytes(landed[1].content)
    (workspace.outbox / "0.png.json").write_text('{"schema_version": ')

    counted = oracle.count(workspace, landed)

    assert len(counted.torn) == 1
    assert counted.left == ["0.png: its bytes lie there more than once"]
    assert "2.png: its bytes are nowhere" in counted.lost
    assert "1.png: not answered" in counted.lost
    assert not counted.holds
