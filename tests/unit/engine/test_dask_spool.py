"""The copies that a worker of a cluster has of the documents in work."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from daemon.engine.dask_cluster.spool import IDLE_SECONDS, UPLOAD_SECONDS, MissingError, Spool


def refuse(_: Path) -> None:
    raise AssertionError("the file is there")


def test_a_file_is_written_once_and_found_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path)

    with spool.document("key", "scan.png", lambda path: path.write_text("content") and None):
        pass
    with spool.document("key", "scan.png", refuse) as path:
        found = path.name, path.read_text()

    assert found == ("scan.png", "content")


def test_what_was_not_written_in_full_leaves_no_file(tmp_path: Path) -> None:
    spool = Spool(tmp_path)

    def fail(path: Path) -> None:
        path.write_text("half")
        raise MissingError

    with pytest.raises(MissingError), spool.document("key", "scan.png", fail):
        pass

    assert [path for path in spool.documents.rglob("*") if path.is_file()] == []


def test_two_tasks_of_one_document_write_it_once(tmp_path: Path) -> None:
    spool, written = Spool(tmp_path), []
    both = threading.Barrier(2)

    def fill(path: Path) -> None:
        written.append(path)
        path.write_text("content")

    def use() -> None:
        both.wait()
        with spool.document("key", "scan.png", fill):
            pass

    threads = [threading.Thread(target=use) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(written) == 1


def test_a_copy_is_removed_after_its_last_use_and_not_before(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    later = time.monotonic() + IDLE_SECONDS + 1

    with spool.document("key", "scan.png", lambda path: path.write_text("x") and None) as path:
        spool.sweep(later + IDLE_SECONDS)
        is_kept = path.exists()
    spool.sweep(time.monotonic())
    is_kept_for_a_while = path.exists()
    spool.sweep(later)

    assert is_kept
    assert is_kept_for_a_while
    assert not path.parent.exists()


def test_a_parcel_arrives_in_parts_and_is_taken_once(tmp_path: Path) -> None:
    spool = Spool(tmp_path)

    for offset, part in ((0, b"one "), (4, b"two")):
        spool.write_upload("upload", offset, part)

    assert spool.read_upload("upload") == b"one two"
    with pytest.raises(MissingError):
        spool.read_upload("upload")


def test_a_name_leads_out_of_no_folder(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    spool = Spool(tmp_path / "spool")

    spool.write_upload("../../outside", 0, b"x")

    assert not (tmp_path / "outside").exists()
    assert spool.read_upload("outside") == b"x"


def test_parcels_and_outputs_that_nobody_takes_are_removed(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.write_upload("old", 0, b"x")
    (spool.outputs / "old.pdf").write_bytes(b"x")
    spool.write_upload("new", 0, b"x")
    long_ago = time.time() - UPLOAD_SECONDS - 1
    for path in (tmp_path / "uploads" / "old", spool.outputs / "old.pdf"):
        os.utime(path, (long_ago, long_ago))

    spool.sweep(time.monotonic())

    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["new"]


def test_an_output_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    (tmp_path / "secret").write_text("secret")
    (spool.outputs / "link.pdf").symlink_to(tmp_path / "secret")

    with pytest.raises(OSError, match=r"link\.pdf"):
        spool.output("link.pdf", 0, 10)
