"""A ledger that is damaged or deleted, at rest and under the running daemon: made anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.running_daemon import House, until
from tests.support.samples import png, text_page
from tests.system.test_crash import balance


def damage(house: House) -> None:
    for path in (house.state / "ledger.sqlite3", house.state / "ledger.sqlite3-wal"):
        path.write_bytes(b"damaged " * 1000)  # not -shm, which the daemon has mapped


def delete(house: House) -> None:
    for path in house.state.glob("ledger*"):
        path.unlink()


def said(house: House, event: str) -> bool:
    return event in [each["event"] for each in house.events()]


@pytest.mark.parametrize("lose", [damage, delete])
def test_a_lost_ledger_is_made_anew_at_the_start(tmp_path: Path, lose) -> None:
    house = House(tmp_path)
    content = png(text_page(["Remembered"]))
    with house.running():
        house.drop("a.png", content)
        until(lambda: (house.archive / "a.png").exists())
    lose(house)

    with house.running():
        house.drop("b.png", content)

        assert house.answer("b.png.json")["duplicate_of"] == "a.png.json"
        until(lambda: (house.archive / "b.png").exists())

    assert said(house, "ledger.rebuilt")
    assert "landed 2 = answered 2 + waiting 0" in balance(house)


@pytest.mark.parametrize("lose", [damage, delete])
def test_a_ledger_lost_under_the_running_daemon_is_made_anew_while_it_works(
    tmp_path: Path, lose
) -> None:
    house = House(tmp_path)
    with house.running() as daemon:
        house.drop("a.png", png(text_page(["Before"])))
        until(lambda: (house.archive / "a.png").exists())
        lose(house)
        house.drop("b.png", png(text_page(["After"])))

        assert house.answer("b.png.json")["status"] == "done"
        until(lambda: (house.archive / "b.png").exists())
        until(lambda: said(house, "ledger.lost"), what="noticed")
        house.drop("c.png", png(text_page(["Later"])))
        assert house.answer("c.png.json")["status"] == "done"
        until(lambda: (house.archive / "c.png").exists())
        assert daemon.process.poll() is None

    assert "landed 3 = answered 3 + waiting 0" in balance(house)


def test_verify_makes_a_ledger_anew_when_asked(tmp_path: Path) -> None:
    house = House(tmp_path)
    with house.running():
        house.drop("a.png", png(text_page(["Remembered"])))
        until(lambda: (house.archive / "a.png").exists())
    damage(house)
    refused = house.command("verify")

    rebuilt = house.command("verify", "--rebuild")

    assert (refused.returncode, "verify --rebuild" in refused.stderr) == (78, True)
    assert (rebuilt.returncode, "1 answers" in rebuilt.stdout) == (0, True), rebuilt.stderr


def test_copied_sidecars_and_links_in_the_inbox_do_not_keep_a_ledger_from_being_made(
    tmp_path: Path,
) -> None:
    house = House(tmp_path)
    with house.running():
        house.drop("a.png", png(text_page(["Remembered"])))
        until(lambda: (house.archive / "a.png").exists())
    (house.outbox / "copy.json").write_bytes((house.outbox / "a.png.json").read_bytes())
    (house.inbox / "a.png").symlink_to("a.png")
    delete(house)

    rebuilt = house.command("verify", "--rebuild")

    assert (rebuilt.returncode, "answers" in rebuilt.stdout) == (0, True), rebuilt.stderr
    assert "landed 1 = answered 1" in balance(house)
