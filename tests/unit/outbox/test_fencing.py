"""A daemon that was stopped while publishing and lost its claim removes nothing when it continues.

The stop is a failpoint at which the successor does its work, in the same process; the real thing
is in tests/system/test_outputs.py.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.core.errors import Deferred
from daemon.outbox.publish import Outbox
from tests.unit.outbox.test_output_files import (
    answer,
    claim,
    drafts,
    endings,
    kept,
    killed_before_the_answer,
    publish,
)

NAMES = ["a.pdf.hocr", "a.pdf.txt"]
LISTED = [{"name": name} for name in NAMES]
WHOLE = {"a.pdf.json", *NAMES}


def stopped_at(
    monkeypatch: pytest.MonkeyPatch, point: str, label: str, meanwhile: Callable[[], object]
) -> None:
    """Let this happen when the point is reached for the first time."""
    waiting = [(point, label)]

    def reach(*reached: str) -> None:
        if reached in waiting:
            waiting.clear()
            meanwhile()

    monkeypatch.setattr("daemon.core.failpoints.reach", reach)


def take_over(folder: Path) -> None:
    """Do what a successor does that finds no answer, up to its own."""
    outbox = Outbox(folder)
    outbox.discard_drafts("one")
    assert outbox.answer_of("one", "a.pdf", "a.pdf.json") is None
    outbox.roll_back("one")
    assert publish(outbox, outputs=LISTED) == "a.pdf.json"


def settle(folder: Path) -> None:
    """Do what a successor does that finds the answer."""
    outbox = Outbox(folder)
    outbox.discard_drafts("one")
    outbox.commit("a.pdf.json", "one")


def publish_late(folder: Path) -> None:
    """Publish as a daemon does that has lost its claim, and drop what is left of it."""
    outbox = Outbox(folder)
    made = drafts(outbox)
    try:
        outbox.publish("a.pdf.json", answer(outputs=LISTED), claim(), lambda: True, made)
    except (Deferred, FileExistsError):
        pass
    finally:
        outbox.drop(made)


def test_an_answer_that_the_successor_has_found_keeps_its_outputs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped_at(monkeypatch, "rename.linked", "a.pdf.json", lambda: settle(tmp_path))

    publish_late(tmp_path)

    assert kept(tmp_path) == WHOLE


@pytest.mark.parametrize(
    ("point", "label"),
    [
        ("outputs.noted", "a.pdf.json"),
        ("rename.linked", "a.pdf.hocr"),
        ("outputs.named", "a.pdf.hocr"),
        ("rename.linked", "a.pdf.txt"),
        ("outputs.synced", "a.pdf.json"),
    ],
)
def test_outputs_of_the_successor_stay_where_they_are(
    point: str, label: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped_at(monkeypatch, point, label, lambda: take_over(tmp_path))

    publish_late(tmp_path)

    assert kept(tmp_path) == WHOLE


@pytest.mark.parametrize("point", ["rename.reserved", "outputs.named", "outputs.synced"])
def test_outputs_of_the_successor_stay_where_there_are_no_hard_links(
    point: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    label = "a.pdf.json" if point == "outputs.synced" else "a.pdf.txt"
    stopped_at(monkeypatch, point, label, lambda: take_over(tmp_path))

    publish_late(tmp_path)

    assert kept(tmp_path) == WHOLE


def test_an_error_after_the_answer_has_its_name_takes_no_output_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    stopped_at(monkeypatch, "rename.linked", "a.pdf.json", fail)
    publish_late(tmp_path)
    assert kept(tmp_path) >= WHOLE

    settle(tmp_path)

    assert kept(tmp_path) == WHOLE


def test_an_error_when_an_output_has_its_name_and_its_draft_leaves_neither(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    stopped_at(monkeypatch, "rename.linked", "a.pdf.txt", fail)

    publish_late(tmp_path)

    assert kept(tmp_path) == set()


def test_the_journal_of_the_successor_survives_the_stopped_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So what a successor leaves that is killed then is removed by whoever comes next."""

    def take_over_and_die() -> None:
        outbox = Outbox(tmp_path)
        outbox.discard_drafts("one")
        outbox.roll_back("one")
        killed_before_the_answer(tmp_path, monkeypatch)

    stopped_at(monkeypatch, "outputs.synced", "a.pdf.json", take_over_and_die)
    publish_late(tmp_path)
    assert set(NAMES) <= kept(tmp_path)

    Outbox(tmp_path).discard_drafts("one")
    Outbox(tmp_path).roll_back("one")

    assert kept(tmp_path) == set()


def test_outputs_that_another_answer_lists_are_not_rolled_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have read the same bytes: neither name nor digest tells their outputs apart."""

    killed_before_the_answer(tmp_path, monkeypatch, "outputs.noted")
    publish(Outbox(tmp_path), "two", outputs=LISTED)

    Outbox(tmp_path).discard_drafts("one")
    Outbox(tmp_path).roll_back("one")

    assert kept(tmp_path) == WHOLE


def test_without_stable_inodes_outputs_are_rolled_back_by_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(old: Path, new: Path, **_: object) -> None:
        with new.open("xb") as file:
            file.write(old.read_bytes())

    monkeypatch.setattr(os, "link", link)
    outbox = Outbox(tmp_path)
    made = drafts(outbox)
    (tmp_path / "a.pdf.txt").write_bytes(b"theirs")
    assert endings(made) == [".hocr", ".txt"]
    with pytest.raises(FileExistsError):
        outbox.publish("a.pdf.json", answer(), claim(), lambda: True, made)

    outbox.roll_back("one")

    outbox.drop(made)
    assert kept(tmp_path) == {"a.pdf.txt"}
