"""Durable file operations, on a real disk."""

import errno
import os
from pathlib import Path

import pytest

from daemon.core import fs


def test_rename_keeps_what_already_has_the_name(tmp_path: Path) -> None:
    source, target = tmp_path / "new", tmp_path / "taken"
    source.write_text("new")
    target.write_text("old")

    with pytest.raises(FileExistsError):
        fs.rename_no_clobber(source, target)

    assert (source.read_text(), target.read_text()) == ("new", "old")


def test_rename_finishes_what_a_crash_between_link_and_unlink_left(tmp_path: Path) -> None:
    source, target = tmp_path / "draft", tmp_path / "answer"
    source.write_text("text")
    os.link(source, target)

    fs.rename_no_clobber(source, target)

    assert not source.exists()
    assert target.read_text() == "text"


def test_rename_has_done_its_work_where_the_source_goes_after_the_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "draft", tmp_path / "answer"
    source.write_text("text")
    monkeypatch.setattr("daemon.core.failpoints.reach", lambda *_: source.unlink())

    fs.rename_no_clobber(source, target)

    assert target.read_text() == "text"


def without_links(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_named: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)


def test_a_reserved_name_that_another_has_taken_is_left_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who reserved it was stopped before it gave the name, and had its draft withdrawn."""
    without_links(monkeypatch)
    source, target = tmp_path / "draft", tmp_path / "answer"
    source.write_text("text")

    def take_over(*_: str) -> None:
        target.unlink()
        target.write_text("theirs")

    monkeypatch.setattr("daemon.core.failpoints.reach", take_over)

    with pytest.raises(FileExistsError):
        fs.rename_no_clobber(source, target)

    assert target.read_text() == "theirs"


def test_a_name_that_was_reserved_in_vain_is_free_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_links(monkeypatch)

    with pytest.raises(FileNotFoundError):
        fs.rename_no_clobber(tmp_path / "withdrawn", tmp_path / "answer")

    assert not (tmp_path / "answer").exists()


def test_rename_works_where_the_filesystem_has_no_hard_links(tmp_path: Path, monkeypatch) -> None:
    without_links(monkeypatch)
    source, target = tmp_path / "draft", tmp_path / "answer"
    source.write_text("text")

    fs.rename_no_clobber(source, target)
    source.write_text("again")
    with pytest.raises(FileExistsError):
        fs.rename_no_clobber(source, target)

    assert target.read_text() == "text"


def test_move_numbers_a_taken_name(tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    for text in ("first", "second", "third"):
        (tmp_path / "scan.pdf").write_text(text)
        fs.move_no_clobber(tmp_path / "scan.pdf", tmp_path / "archive", "sub/scan.pdf")

    kept = {path.name: path.read_text() for path in (tmp_path / "archive/sub").iterdir()}
    assert kept == {"scan.pdf": "first", "scan.2.pdf": "second", "scan.3.pdf": "third"}


def test_move_copies_across_filesystems_and_leaves_no_draft(tmp_path: Path) -> None:
    other = Path("/dev/shm")
    if not other.is_dir() or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("this machine has no second filesystem at /dev/shm")
    target = other / f"ocr-daemon-test-{os.getpid()}"
    target.mkdir()
    try:
        (tmp_path / "scan.pdf").write_bytes(b"bytes")

        moved = fs.move_no_clobber(tmp_path / "scan.pdf", target, "scan.pdf")

        assert moved.read_bytes() == b"bytes"
        assert [path.name for path in target.iterdir()] == ["scan.pdf"]
        assert list(tmp_path.iterdir()) == []
    finally:
        for path in target.iterdir():
            path.unlink()
        target.rmdir()


@pytest.mark.parametrize("stem", ["a" * 255, "é" * 127 + "x", "字" * 85])
def test_a_name_with_an_ending_never_outgrows_the_filesystem(tmp_path: Path, stem: str) -> None:
    name = fs.shortened(stem, ".json")

    (tmp_path / name).touch()

    assert name.endswith(".json")
    assert name != fs.shortened(stem[:-1] + "y", ".json")


def test_a_failed_write_leaves_nothing_under_the_name(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("old")

    with pytest.raises(FileExistsError):
        fs.write_durable(tmp_path / "x", b"new")

    assert not (tmp_path / "y").exists()


def test_hashing_never_follows_a_link(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "link").symlink_to(tmp_path / "secret")

    with pytest.raises(OSError, match="symbolic links"):
        fs.sha256_of(tmp_path / "link")


@pytest.mark.parametrize("make", ["link", "fifo", "folder"])
def test_nothing_but_a_regular_file_is_opened_and_nothing_waited_for(
    tmp_path: Path, make: str
) -> None:
    path = tmp_path / "odd"
    if make == "link":
        (tmp_path / "real").write_bytes(b"real")
        path.symlink_to(tmp_path / "real")
    elif make == "fifo":
        os.mkfifo(path)
    else:
        path.mkdir()

    with pytest.raises(OSError, match=r"regular|symbolic|directory"):
        fs.open_regular(path)


def test_a_folder_that_is_away_is_never_made_anew(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no such folder"):
        fs.make_folder(tmp_path / "archive/sub/deep", tmp_path / "archive")

    assert list(tmp_path.iterdir()) == []
