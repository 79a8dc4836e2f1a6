"""What the real daemon removes of answered originals."""

from __future__ import annotations

from pathlib import Path

from tests.support.running_daemon import until
from tests.torture import pretended
from tests.torture.life import house, living


def test_the_daemon_removes_what_has_had_its_time_and_the_proof_holds(tmp_path: Path) -> None:
    home = house(tmp_path, "pretended")
    home.drop("a/scan.png", pretended.content("Good"))
    home.drop("broken.png", pretended.BROKEN)
    with living(home, "pretended") as life:
        until(lambda: len(home.kept(home.archive)) == 1 and len(home.kept(home.failed)) == 2)
        assert life.terminate() == 0
    (home.archive / "stranger.png").write_bytes(b"nobody's")
    limits = {"archive_days": 1e-9, "failed_days": 1e-9}
    home = house(tmp_path, "pretended", retention=limits)
    planned = home.command("retention").stdout
    with living(home, "pretended"):
        until(lambda: not home.kept(home.failed) and home.kept(home.archive) == {"stranger.png"})
        told = until(lambda: [e for e in home.events() if e["event"] == "retention.removed"][:2])
        until(lambda: any(e["event"] == "retention.unknown" for e in home.events()))

    assert "archive/a/scan.png" in planned
    assert "2 originals" in planned
    assert {event["name"] for event in told} == {"a/scan.png", "broken.png"}
    assert "0 are kept as they landed, 2 gone" in home.command("verify", "--deep").stdout


def test_a_limit_of_a_profile_alone_is_told_too(tmp_path: Path) -> None:
    short = {"name": "a", "folders": ["a"], "retention": {"archive_days": 1}}
    home = house(tmp_path, "pretended", profiles=[short])

    said = home.command("retention").stdout

    assert "for ever" not in said


def test_a_kill_between_a_failed_file_and_its_reason_leaves_nothing_in_the_end(
    tmp_path: Path,
) -> None:
    home = house(tmp_path, "pretended")
    home.drop("a/broken.png", pretended.BROKEN)
    with living(home, "pretended") as life:
        until(lambda: len(home.kept(home.failed)) == 2)
        assert life.terminate() == 0
    home = house(tmp_path, "pretended", retention={"failed_days": 1e-9})
    with living(home, "pretended", FAILPOINTS="retention.removed=1*kill") as life:
        until(lambda: life.is_over, what="killed")
    left = home.kept(home.failed)

    with living(home, "pretended"):
        until(lambda: not home.kept(home.failed), what="the reason went too")
    assert left == {"a/broken.png.error.json"}
    assert not (home.failed / "a").exists()
