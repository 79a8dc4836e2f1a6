"""Folders that fill, go and come back: nothing is lost, all is answered when they are mended."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.house import House, until
from tests.samples import png, text_page
from tests.test_crash import balance


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_an_outbox_that_refuses_is_waited_for(tmp_path: Path) -> None:
    house = House(tmp_path)
    with house.running():
        house.outbox.chmod(0o500)
        house.drop("held.png", png(text_page(["Held up"])))
        until(lambda: "document.retrying" in [event["event"] for event in house.events()])
        house.outbox.chmod(0o700)

        assert house.answer("held.png.json")["processing"]["attempt"] == 1


def test_an_outbox_that_is_no_folder_any_more_is_waited_for(tmp_path: Path) -> None:
    house = House(tmp_path)
    with house.running():
        house.outbox.rename(tmp_path / "moved")
        house.outbox.write_text("in the way")
        house.drop("held.png", png(text_page(["Held up"])))
        until(lambda: "intake.paused" in [event["event"] for event in house.events()])
        health = house.command("health")
        house.outbox.unlink()
        (tmp_path / "moved").rename(house.outbox)

        answer = house.answer("held.png.json")

    assert answer["processing"]["attempt"] == 1
    assert "not all is well" in health.stdout


def test_an_inbox_that_goes_and_comes_back_is_watched_again(tmp_path: Path) -> None:
    house = House(tmp_path)
    with house.running():
        house.inbox.rename(tmp_path / "moved")
        until(lambda: "intake.paused" in [event["event"] for event in house.events()])
        (tmp_path / "moved").rename(house.inbox)
        house.drop("back.png", png(text_page(["Back again"])))

        assert house.answer("back.png.json")["status"] == "done"


def test_an_inbox_that_goes_while_files_wait_is_never_made_anew(tmp_path: Path) -> None:
    house = House(tmp_path)
    with house.running():
        for number in range(8):
            house.drop(f"{number}.png", png(text_page([f"Waiting {number}"])))
        until(lambda: house.answers(), what="the first answer")
        house.inbox.rename(tmp_path / "moved")
        until(lambda: "intake.paused" in [event["event"] for event in house.events()])
        was_made_anew = house.inbox.exists()
        (tmp_path / "moved").rename(house.inbox)

        until(lambda: len(house.kept(house.archive)) == 8, what="all archived")

    assert not was_made_anew
    assert "landed 8 = answered 8 + waiting 0" in balance(house)


def test_a_folder_named_like_an_earlier_file_holds_up_nothing(tmp_path: Path) -> None:
    house = House(tmp_path)
    with house.running():
        house.drop("good", png(text_page(["A file"])))
        house.drop("bad", b"no image at all")
        until(lambda: (house.archive / "good").exists() and (house.failed / "bad").exists())
        for folder in ("good", "bad"):
            for number in range(2):
                house.drop(f"{folder}/{number}.png", png(text_page([f"{folder} {number}"])))

        until(lambda: len(house.kept(house.archive)) == 5, what="all archived")

    assert {"good~/0.png", "good~/1.png", "bad/0.png", "bad/1.png"} < house.kept(house.archive)


def test_errors_of_the_disk_at_any_step_cost_no_attempt_and_heal(tmp_path: Path) -> None:
    """Quotas, broken disks and servers: errors that no test can make for real."""
    steps = {
        "claim.moved@a.png": "ENOSPC", "claim.hashed@b.png": "EIO",
        "publish.drafted@c.png.json": "EDQUOT", "publish.named@d.png.json": "ESTALE",
        "rename.linked@e.png.json": "EIO", "rename.linked@f.png": "EDQUOT",
        "move.named@g.png": "EROFS", "original.released@h.png": "ENOTCONN",
        "fail.told@broken.png": "EIO",
    }  # fmt: skip
    house = House(tmp_path)
    rules = ";".join(f"{step}=2*{error}" for step, error in steps.items())
    names = [f"{notification}.png" for notification in "abcdefgh"]
    with house.running(FAILPOINTS=rules) as daemon:
        for name in names:
            house.drop(name, png(text_page([f"The {name}"])))
        house.drop("broken.png", b"\x89PNG\r\n\x1a\n broken")
        until(lambda: len(house.kept(house.archive)) == len(names), what="all archived")
        until(lambda: (house.failed / "broken.png").exists(), what="the broken one kept")
        assert daemon.process.poll() is None

    answers = house.answers()
    assert {name: answer["processing"]["attempt"] for name, answer in answers.items()} == {
        f"{name}.json": 1 for name in [*names, "broken.png"]
    }
    assert "landed 9 = answered 9 + waiting 0" in balance(house)
