"""The short form of the power cuts: some of the cuts of two lives, under each model of a disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.torture import disk, powercut
from tests.torture.disk import Model
from tests.torture.trace import STRACE, Op, Record

EVERY = 13  # a prime, so that other kinds of operation are hit in each file's turn
MODELS: tuple[Model, ...] = ("journalled", "half")  # `make torture` has them all


@pytest.mark.skipif(STRACE is None, reason="strace is not installed")
def test_whatever_the_disk_holds_after_a_cut_is_answered_once(tmp_path: Path) -> None:
    found = [
        powercut.cut(record, landed, model, tmp_path / "restart", EVERY)
        for _, record, landed in powercut.lives(tmp_path)
        for model in MODELS
    ]

    assert [str(cuts) for cuts in found if cuts.violations] == []
    assert sum(cuts.images for cuts in found) > 20


@pytest.mark.parametrize(
    ("model", "held"),
    [
        ("written", {"b": b"new"}), ("journalled", {"a": b"new"}),
        ("named", {"b": b"new"}), ("half", {"b": b"new"}),
    ],
)  # fmt: skip
def test_a_rename_after_the_last_fsync_is_lost_with_the_journal(
    model: Model, held: dict[str, bytes]
) -> None:
    ops = (
        Op("create", "a", 1), Op("write", "a", 1, data=b"new"), Op("sync", "a", 1),
        Op("rename", "a", 1, target="b"),
    )  # fmt: skip

    assert contents(ops, model) == held


@pytest.mark.parametrize(
    ("model", "held"),
    [("written", b"bytes!"), ("journalled", None), ("named", b""), ("half", b"byt")],
)
def test_bytes_that_were_never_synced_are_lost_or_torn(model: Model, held: bytes | None) -> None:
    ops = (Op("create", "a", 1), Op("write", "a", 1, data=b"bytes!"))

    assert contents(ops, model).get("a") == held


def contents(ops: tuple[Op, ...], model: Model) -> dict[str, bytes]:
    image = disk.image(Record({}, {}, frozenset(), ops), model, len(ops))
    return {path: image.contents[inode] for path, inode in image.files.items()}
