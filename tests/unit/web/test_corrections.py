"""Corrected lines: kept beside the results, durable, found again by their place."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from daemon.web.index.corrections import (
    FOLDER,
    Correction,
    CorrectionStore,
    by_line,
    corrected_text,
)
from daemon.web.index.deletion import delete_result
from tests.support.web.folder import Folder, names

SHA = "a" * 64
LINE = Correction(
    1, (10, 20, 110, 40), 1000, 800, "horizontal", 0, 0.0, "Tota1", "Total", "crnn",
    "2026-07-01T00:00:00.000Z",
)  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> CorrectionStore:
    return CorrectionStore(tmp_path)


def page(*lines: tuple[str, tuple[int, int, int, int]], number: int = 1) -> dict[str, Any]:
    content = [{"text": text, "box": list(box)} for text, box in lines]
    text = "\n".join(text for text, _ in lines)
    size = {"width": 1000, "height": 800}
    return {"number": number, "text": text, "blocks": [{"lines": content}], **size}


def test_a_correction_is_there_after_a_restart(store: CorrectionStore, tmp_path: Path) -> None:
    store.add(SHA, [LINE])

    assert CorrectionStore(tmp_path).of(SHA) == (LINE,)


def test_the_last_correction_of_a_place_counts_and_the_others_are_kept(
    store: CorrectionStore, tmp_path: Path
) -> None:
    store.add(SHA, [LINE])
    store.add(SHA, [replace(LINE, text="Total:")])

    assert [each.text for each in store.of(SHA)] == ["Total:"]
    assert (tmp_path / FOLDER / f"{SHA}.jsonl").read_text().count("\n") == 2


def test_a_withdrawn_correction_does_not_count(store: CorrectionStore) -> None:
    store.add(SHA, [LINE])
    store.add(SHA, [replace(LINE, text=None)])

    assert store.of(SHA) == ()


@pytest.mark.parametrize("kept", [1, 40, -2])
def test_a_record_torn_by_a_power_cut_spoils_neither_those_before_nor_after(
    store: CorrectionStore, tmp_path: Path, kept: int
) -> None:
    other = replace(LINE, box=(10, 60, 110, 80))
    store.add(SHA, [LINE])
    path = tmp_path / FOLDER / f"{SHA}.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:kept])

    store.add(SHA, [other])

    assert store.of(SHA) == (LINE, other)


def test_a_full_disk_leaves_no_half_of_a_record(
    store: CorrectionStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add(SHA, [LINE])
    before = (tmp_path / FOLDER / f"{SHA}.jsonl").read_bytes()

    def full(descriptor: int, content: bytes) -> int:
        import os

        os.pwrite(descriptor, content[:20], len(before))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("daemon.web.index.corrections.os.write", full)
    with pytest.raises(OSError, match="No space"):
        store.add(SHA, [replace(LINE, text="Other")])

    assert (tmp_path / FOLDER / f"{SHA}.jsonl").read_bytes() == before


@pytest.mark.parametrize("content", [b"[]\n", b'"x"\n', b'{"page": 1}\n', b"\xff\xfe\n", b"{\n"])
def test_what_is_no_correction_is_ignored(
    store: CorrectionStore, tmp_path: Path, content: bytes
) -> None:
    store.add(SHA, [LINE])
    with (tmp_path / FOLDER / f"{SHA}.jsonl").open("ab") as file:
        file.write(content)

    assert store.of(SHA) == (LINE,)


def test_a_link_in_place_of_the_file_is_not_followed(
    store: CorrectionStore, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    target.write_text("untouched")
    (tmp_path / FOLDER).mkdir(parents=True)
    (tmp_path / FOLDER / f"{SHA}.jsonl").symlink_to(target)

    with pytest.raises(OSError, match="symbolic links"):
        store.add(SHA, [LINE])
    assert target.read_text() == "untouched"


def test_a_correction_is_found_by_its_place_when_the_file_is_read_again() -> None:
    moved = page(("Other", (10, 60, 110, 80)), ("Totel", (12, 21, 109, 41)))

    assert by_line(moved, [LINE]) == {"0-1": LINE}


def test_a_correction_is_found_on_a_page_of_another_size() -> None:
    twice = page(("Totel", (20, 40, 220, 80))) | {"width": 2000, "height": 1600}

    assert by_line(twice, [LINE]) == {"0-0": LINE}


@pytest.mark.parametrize(
    "other", [page(("Total", (10, 20, 110, 40)), number=2), page(("Total", (500, 20, 600, 40)))]
)
def test_a_correction_of_another_place_is_not_that_of_a_line(other: dict[str, Any]) -> None:
    assert by_line(other, [LINE]) == {}


def test_the_corrected_text_differs_in_the_corrected_lines_only() -> None:
    read = page(("Tota1", (10, 60, 110, 80)), ("Tota1", (10, 20, 110, 40)), ("rest", (0, 0, 9, 9)))

    assert corrected_text(read, {"0-1": LINE}) == "Tota1\nTotal\nrest"


def test_corrected_words_are_found_by_the_search(folder: Folder) -> None:
    claim = folder.claim("a.png", SHA)
    place = folder.answer(claim, "Tota1")
    before = place.read_bytes()
    catalogue = folder.catalogue()
    details = catalogue.document(claim.id)
    assert details
    assert names(catalogue, "total") == []

    catalogue.correct(details, [LINE])

    assert names(catalogue, "total") == ["a.png"]
    assert place.read_bytes() == before
    folder.paths.index_file.unlink()
    assert names(folder.catalogue(), "total") == ["a.png"]


def test_corrections_are_deleted_with_the_last_result_of_their_content(folder: Folder) -> None:
    first, again = folder.claim("a.png", SHA), folder.claim("b.png", SHA)
    folder.answer(first, "Tota1")
    folder.answer(again, "Tota1")
    catalogue = folder.catalogue()
    details = [catalogue.document(claim.id) for claim in (first, again)]
    assert details[0]
    assert details[1]
    catalogue.correct(details[0], [LINE])

    delete_result(catalogue, details[0])
    assert catalogue.corrections(details[1]) == (LINE,)
    delete_result(catalogue, details[1])

    assert catalogue.corrections(details[1]) == ()


def test_corrections_outlive_a_result_that_was_collected(folder: Folder) -> None:
    claim = folder.claim("a.png", SHA)
    place = folder.answer(claim, "Tota1")
    catalogue = folder.catalogue()
    details = catalogue.document(claim.id)
    assert details
    catalogue.correct(details, [LINE])

    place.unlink()

    assert [each.sha256 for each in catalogue.corrected()] == [SHA]
    assert catalogue.corrections(details) == (LINE,)


def test_a_record_says_what_was_read_and_what_it_is(store: CorrectionStore, tmp_path: Path) -> None:
    store.add(SHA, [LINE])

    record = json.loads((tmp_path / FOLDER / f"{SHA}.jsonl").read_text())
    assert (record["page"], record["box"]) == (1, [10, 20, 110, 40])
    assert (record["read"], record["text"]) == ("Tota1", "Total")
