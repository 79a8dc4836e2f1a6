"""The short form of the torture: seeded kills at random moments, with pretended reading.

The thousand kills with real reading are `make torture`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.imports import loaded_by
from tests.torture import oracle, pretended, series
from tests.torture.life import IN_PLACE, quick_workspace
from tests.torture.oracle import Landed


@pytest.mark.parametrize("claim", ["rename", "ledger"])
def test_kills_at_random_moments_lose_tear_and_double_nothing(
    claim: series.ClaimMode, tmp_path: Path
) -> None:
    figures = series.run(tmp_path, "pretended", kills=20, seed=7, gap=0.2, limit=60.0, claim=claim)

    assert figures.holds, "\n".join(figures.lines())
    assert figures.verifications > 0
    assert figures.kill_log.kills.total() == 20


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


def test_the_oracle_sees_what_is_wrong_where_originals_stay(tmp_path: Path) -> None:
    workspace = quick_workspace(tmp_path, "pretended", **IN_PLACE)
    files = [Landed(f"{n}.png", pretended.content(f"File {n}"), f"File {n}") for n in range(3)]
    for folder in (workspace.archive, workspace.failed):
        folder.mkdir()
    for file in files[:2]:
        workspace.drop(file.name, file.content)
    (workspace.archive / "1.png").write_bytes(files[1].content)
    for file in files[::2]:
        (workspace.failed / f"{file.name}.error.json").write_text('{"sha256": "other"}')

    counted = oracle.count(workspace, files[:2], in_place=True)

    assert counted.left == [
        "1.png: its bytes lie there more than once",
        f"{workspace.archive / '1.png'}: moved",
        f"{workspace.failed / '0.png.error.json'}: about other bytes",
        f"{workspace.failed / '2.png.error.json'}: about no file",
    ]


def test_the_oracle_imports_nothing_of_the_daemon() -> None:
    loaded = loaded_by("tests.torture.oracle")

    assert not {name for name in loaded if name.partition(".")[0] == "daemon"}
