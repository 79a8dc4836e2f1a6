"""Which documents the list has: counts, dates, order, neighbours, and why files wait."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from daemon.inbox.intake import WaitingFiles
from daemon.monitoring import heartbeat, waiting
from daemon.web.index.catalogue import Catalogue
from daemon.web.index.records import DocumentFilter, Order, WaitingReason
from daemon.web.rest.serializers import summary_json
from tests.support.web.folder import Folder


def found(catalogue: Catalogue, wanted: DocumentFilter) -> list[str]:
    return [each.name for each in catalogue.find(wanted).documents]


def answered(folder: Folder, name: str, at: str, confidence: float = 0.9) -> str:
    """Answer a file that arrived at a time, with a confidence; return its claim."""
    claim = folder.claim(name, name.encode().hex().ljust(64, "0"))
    page = {"number": 1, "text": "x", "confidence": confidence, "blocks": []}
    processing = {"claim": claim.id, "finished_at": at}
    folder.answer(claim, f"The text of {name}", pages=[page], processing=processing)
    folder.ledger._run("UPDATE claims SET claimed_at = ? WHERE id = ?", (at, claim.id))
    return claim.id


def test_each_status_is_counted_whatever_status_is_shown(folder: Folder) -> None:
    (folder.paths.inbox / "waits.png").write_bytes(b"png")
    folder.claim("reading.png")
    folder.answer(folder.claim("a.png"), "One")
    folder.answer(folder.claim("b.png"), "Two", "failed")
    catalogue = folder.catalogue()

    shown = catalogue.find(DocumentFilter(status="failed"))

    assert [each.name for each in shown.documents] == ["b.png"]
    assert shown.total == 1
    assert shown.counts == {"": 4, "waiting": 1, "reading": 1, "done": 1, "failed": 1}


def test_the_counts_are_those_of_the_words_searched_for(folder: Folder) -> None:
    folder.answer(folder.claim("a.png"), "Harbour")
    folder.answer(folder.claim("b.png"), "Library")

    assert folder.catalogue().find(DocumentFilter("harbour")).counts == {
        "": 1, "waiting": 0, "done": 1,
    }  # fmt: skip


def test_a_day_includes_its_first_moment_and_not_that_of_the_next(folder: Folder) -> None:
    answered(folder, "before.png", "2026-06-30T23:59:59.999Z")
    answered(folder, "first.png", "2026-07-01T00:00:00.000Z")
    answered(folder, "last.png", "2026-07-01T23:59:59.999Z")
    answered(folder, "after.png", "2026-07-02T00:00:00.000Z")
    day = DocumentFilter(since="2026-07-01T00:00:00", until="2026-07-02T00:00:00")

    assert found(folder.catalogue(), day) == ["last.png", "first.png"]


def test_a_waiting_file_is_filtered_by_its_modification(folder: Folder) -> None:
    for name, at in (("old.png", 1_000_000_000), ("new.png", 1_800_000_000)):
        (folder.paths.inbox / name).write_bytes(b"png")
        os.utime(folder.paths.inbox / name, (at, at))

    assert found(folder.catalogue(), DocumentFilter(since="2020-01-01T00:00:00")) == ["new.png"]


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("newest", ["b/scan10.png", "a/scan2.png", "scan1.png"]),
        ("oldest", ["scan1.png", "a/scan2.png", "b/scan10.png"]),
        ("name", ["scan1.png", "a/scan2.png", "b/scan10.png"]),
        ("confidence", ["a/scan2.png", "b/scan10.png", "scan1.png"]),
    ],
)
def test_the_list_has_the_order_that_was_asked_for(
    folder: Folder, order: Order, names: list[str]
) -> None:
    ids = [
        answered(folder, "scan1.png", "2026-07-01T00:00:00.000Z", 0.99),
        answered(folder, "a/scan2.png", "2026-07-01T00:00:01.000Z", 0.3),
        answered(folder, "b/scan10.png", "2026-07-01T00:00:02.000Z", 0.8),
    ]
    catalogue, wanted = folder.catalogue(), DocumentFilter(order=order)
    assert found(catalogue, wanted) == names

    by_name = {each.name: each.id for each in catalogue.find(wanted).documents}
    details = catalogue.document(by_name[names[1]])
    assert details
    before, after = catalogue.neighbours(details, wanted)

    assert (before and before.name, after and after.name) == (names[0], names[2])
    assert sorted(by_name.values()) == sorted(ids)


@pytest.mark.parametrize("order", ["newest", "name"])
def test_neighbours_are_those_of_the_filtered_list(folder: Folder, order: Order) -> None:
    for name, text in (("a.png", "Ship"), ("b.png", "Train"), ("c.png", "Ship")):
        folder.answer(folder.claim(name), text)
    catalogue, wanted = folder.catalogue(), DocumentFilter("ship", order=order)
    first, last = catalogue.find(wanted).documents
    details = catalogue.document(first.id)
    assert details

    before, after = catalogue.neighbours(details, wanted)

    assert before is None
    assert after
    assert after.name == last.name


def reasons(folder: Folder) -> dict[str, WaitingReason | None]:
    listed = folder.catalogue().find(DocumentFilter()).documents
    return {each.name: each.waiting for each in listed}


def alive(state: Path, status: heartbeat.HealthStatus = "ok") -> None:
    heartbeat.beat(state, heartbeat.pulse(status, time.monotonic(), 0, False, ()))


def test_a_waiting_file_has_the_reason_that_the_daemon_reported(folder: Folder) -> None:
    names = ("still.png", "cut.png", "locked.png", "first.png", "second.png", "arrived.png")
    for name in names:
        (folder.paths.inbox / name).write_bytes(b"png")
    alive(folder.paths.state)
    files = WaitingFiles(
        ("still.png",), {"cut.png": "its end is missing"},
        {"locked.png": "it cannot be read; /data/in/locked.png"},
        ("taken.png", "first.png", "second.png"), 3,
    )  # fmt: skip
    waiting.publish(folder.paths.state, waiting.WaitingReport(files))

    assert reasons(folder) == {
        "still.png": WaitingReason("unstable"),
        "cut.png": WaitingReason("incomplete", "its end is missing"),
        "locked.png": WaitingReason("blocked", "it cannot be read; locked.png"),
        "first.png": WaitingReason("next"),
        "second.png": WaitingReason("ready", ahead=1),
        "arrived.png": WaitingReason("arrived"),
    }


def test_the_interface_tells_the_reason_as_well(folder: Folder) -> None:
    (folder.paths.inbox / "cut.png").write_bytes(b"png")
    folder.answer(folder.claim("read.png"), "Read")
    alive(folder.paths.state)
    files = WaitingFiles((), {"cut.png": "its end is missing"})
    waiting.publish(folder.paths.state, waiting.WaitingReport(files))

    listed = folder.catalogue().find(DocumentFilter()).documents

    assert {each.name: summary_json(each)["waiting"] for each in listed} == {
        "cut.png": {"cause": "incomplete", "message": "its end is missing", "ahead": 0},
        "read.png": None,
    }


def test_a_daemon_that_starts_is_not_one_that_does_not_run(folder: Folder) -> None:
    (folder.paths.inbox / "waits.png").write_bytes(b"png")
    assert reasons(folder) == {"waits.png": WaitingReason("down")}

    alive(folder.paths.state, "starting")

    assert reasons(folder) == {"waits.png": WaitingReason("starting")}


def test_a_full_disk_is_the_reason_of_all_files_that_could_be_read(folder: Folder) -> None:
    (folder.paths.inbox / "waits.png").write_bytes(b"png")
    alive(folder.paths.state)
    report = waiting.WaitingReport(
        WaitingFiles(upcoming=("waits.png",), ready=1), "37 MB free; free some space"
    )
    waiting.publish(folder.paths.state, report)

    assert reasons(folder)["waits.png"] == WaitingReason("paused", "37 MB free; free some space")


def test_a_damaged_report_is_no_reason(folder: Folder) -> None:
    (folder.paths.inbox / "waits.png").write_bytes(b"png")
    alive(folder.paths.state)
    (folder.paths.state / waiting.WAITING_NAME).write_text('{"files": [')

    assert reasons(folder)["waits.png"] == WaitingReason("arrived")


def test_a_file_that_was_just_claimed_is_not_listed_twice(folder: Folder) -> None:
    (folder.paths.inbox / "taken.png").write_bytes(b"png")
    catalogue = folder.catalogue()
    assert found(catalogue, DocumentFilter()) == ["taken.png"]

    (folder.paths.inbox / "taken.png").unlink()
    folder.claim("taken.png")

    listed = catalogue.find(DocumentFilter())
    assert [each.status for each in listed.documents] == ["reading"]
    assert listed.counts == {"": 1, "waiting": 0, "reading": 1}
