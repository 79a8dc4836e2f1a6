"""The proof, held against folders in which something is wrong: it must be able to fail."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from daemon.cli.verify import verify, verify_deep
from daemon.config.load import load
from tests.support.running_daemon import House, until
from tests.torture import pretended, series
from tests.torture.life import house, living


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of a house in which one file was read and one has failed."""
    home = house(tmp_path_factory.mktemp("verify"), "pretended")
    home.drop("scan.png", pretended.content("Good"))
    home.drop("broken.png", pretended.BROKEN)
    with living(home, "pretended") as life:
        until(lambda: len(home.kept(home.archive)) == 1 and len(home.kept(home.failed)) == 2)
        until(lambda: series.is_done(home))
        assert life.terminate() == 0
    return home.root


@pytest.fixture
def home(answered: Path, tmp_path: Path) -> House:
    shutil.copytree(answered, tmp_path / "house")
    return house(tmp_path / "house", "pretended")


def test_what_was_answered_and_kept_holds(home: House) -> None:
    balance, depth = verify(load(home.config)), verify_deep(load(home.config))

    assert (balance.landed, balance.answered, balance.waiting, balance.holds) == (2, 2, 0, True)
    assert (depth.kept, depth.removed, depth.holds) == (2, (), True)


def test_a_cut_answer_is_torn(home: House) -> None:
    path = home.outbox / "scan.png.json"
    path.write_bytes(path.read_bytes()[:100])

    assert verify(load(home.config)).torn == ("scan.png.json",)


def test_an_answer_against_the_schema_is_torn(home: House) -> None:
    path = home.outbox / "scan.png.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"status": "fine"}))

    assert verify(load(home.config)).torn == ("scan.png.json",)


def test_an_answer_that_was_taken_away_is_collected(home: House) -> None:
    (home.outbox / "scan.png.json").unlink()

    balance = verify(load(home.config))

    assert (balance.answered, balance.collected, balance.holds) == (2, 1, True)


def test_an_original_with_other_bytes_is_altered(home: House) -> None:
    (home.archive / "scan.png").write_bytes(b"rot")

    depth = verify_deep(load(home.config))

    assert (depth.kept, depth.altered, depth.holds) == (1, ("scan.png",), False)


def test_an_original_that_was_taken_away_is_told_and_no_fault(home: House) -> None:
    (home.archive / "scan.png").unlink()

    depth = verify_deep(load(home.config))

    assert (depth.kept, depth.removed, depth.holds) == (1, ("scan.png",), True)


def test_a_second_answer_to_one_claim_is_told(home: House) -> None:
    shutil.copy(home.outbox / "scan.png.json", home.outbox / "scan.png.2.json")

    depth = verify_deep(load(home.config))

    assert (len(depth.twice), depth.holds) == (1, False)


def test_a_failed_file_dragged_back_waits(home: House) -> None:
    (home.failed / "broken.png").rename(home.inbox / "broken.png")

    assert verify(load(home.config)).waiting == 1


def test_the_command_tells_how_many_originals_are_kept(home: House) -> None:
    said = home.command("verify", "--deep")

    assert (said.returncode, "2 are kept as they landed, 0 gone" in said.stdout) == (0, True)
