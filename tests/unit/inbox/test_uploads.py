"""Upload records: each is for one file, and what somebody writes there harms nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.core.options import RequestOptions
from daemon.core.records import Claim, Stamp
from daemon.inbox.uploads import MAX_RECORD_BYTES, UploadRecord, UploadRecords, new_record

TOKEN = "ab" * 16
ASKED = RequestOptions(profile="notes", outputs=("text",), pages="1-2")


@pytest.fixture
def records(tmp_path: Path) -> UploadRecords:
    return UploadRecords(tmp_path)


def landed(records: UploadRecords, inbox: Path, options: RequestOptions = ASKED) -> UploadRecord:
    path = inbox / "web/scan.pdf"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"bytes")
    made = new_record(TOKEN, "web/scan.pdf", Stamp.of(path), "5" * 64, options, is_awaited=True)
    records.write(made)
    return made


def test_another_process_reads_what_was_written(records: UploadRecords, tmp_path: Path) -> None:
    written = landed(records, tmp_path)

    assert UploadRecords(tmp_path).read(TOKEN) == written
    assert written.options == ASKED


def test_a_file_is_found_by_its_name_and_stamp(records: UploadRecords, tmp_path: Path) -> None:
    written = landed(records, tmp_path)
    path = tmp_path / written.name
    stamp = Stamp.of(path)
    records.refresh()

    assert records.of(written.name, stamp) == written
    assert records.of("web/other.pdf", stamp) is None
    assert records.of(written.name, replace(stamp, size=6)) is None
    assert records.of(written.name, replace(stamp, modified_ns=7)) is None


def test_a_claim_is_on_an_upload_only_with_its_id_name_and_bytes(
    records: UploadRecords, tmp_path: Path
) -> None:
    written = landed(records, tmp_path)
    claim = Claim(TOKEN, written.name, Path("/work"), Stamp(5, 1, 1), written.sha256)

    assert written.is_of(claim)
    for other in ({"id": "cd" * 16}, {"name": "web/scan (2).pdf"}, {"sha256": "6" * 64}):
        assert not written.is_of(replace(claim, **other))


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"null", b"\xff", b'{"token": "x"}', b"9" * (MAX_RECORD_BYTES + 1),
        json.dumps({"token": "cd" * 16, "name": "a", "bytes": 1, "modified_ns": 1, "sha256": "",
                    "received_at": 0}).encode(),
        json.dumps({"token": TOKEN, "name": "a", "bytes": "1", "modified_ns": 1, "sha256": "",
                    "received_at": 0}).encode(),
        json.dumps({"token": TOKEN, "name": "a", "bytes": 1, "modified_ns": 1, "sha256": "",
                    "received_at": 0, "colour": "red"}).encode(),
    ],
)  # fmt: skip
def test_an_invalid_record_counts_as_none(
    records: UploadRecords, tmp_path: Path, content: bytes
) -> None:
    landed(records, tmp_path)
    (records.folder / f"{TOKEN}.json").write_bytes(content)

    assert records.read(TOKEN) is None
    records.refresh()
    assert records.all() == []


def test_a_record_that_is_a_link_or_a_folder_counts_as_none(
    records: UploadRecords, tmp_path: Path
) -> None:
    landed(records, tmp_path)
    path = records.folder / f"{TOKEN}.json"
    path.rename(tmp_path / "elsewhere.json")
    path.symlink_to(tmp_path / "elsewhere.json")
    (records.folder / f"{'cd' * 16}.json").mkdir()

    records.refresh()
    assert records.all() == []


@pytest.mark.parametrize("token", ["../" * 10 + "etc/passwd", "", "AB" * 16, "ab" * 16 + "/x"])
def test_only_a_token_names_a_record(records: UploadRecords, token: str) -> None:
    assert records.read(token) is None


def test_the_record_of_a_failed_document_is_kept_where_it_has_options(
    records: UploadRecords, tmp_path: Path
) -> None:
    written = landed(records, tmp_path)
    records.close(TOKEN, has_failed=True)

    assert records.read(TOKEN) is None
    assert records.read(TOKEN, has_failed=True) == written

    landed(records, tmp_path, RequestOptions())
    records.remove(TOKEN, has_failed=True)
    records.close(TOKEN, has_failed=True)
    assert records.read(TOKEN, has_failed=True) is None


def test_only_an_abandoned_record_is_swept(records: UploadRecords, tmp_path: Path) -> None:
    written = landed(records, tmp_path)
    later = written.received_at + 100

    records.sweep(later, 50)  # its file waits
    assert records.read(TOKEN) == written

    work = tmp_path / ".ocr-daemon/work/instance" / TOKEN / "web/scan.pdf"
    work.parent.mkdir(parents=True)
    (tmp_path / written.name).rename(work)
    records.sweep(later, 50)  # it is being read
    assert records.read(TOKEN) == written

    work.unlink()
    records.sweep(later, 500)  # it may be about to get its name
    assert records.read(TOKEN) == written
    records.sweep(later, 50)
    assert records.read(TOKEN) is None


def test_records_that_are_new_or_gone_are_noticed(records: UploadRecords, tmp_path: Path) -> None:
    records.refresh()
    assert records.all() == []
    written = landed(records, tmp_path)
    records.refresh()
    assert records.all() == [written]
    (records.folder / f"{TOKEN}.json").unlink()
    records.refresh()
    assert records.all() == []
