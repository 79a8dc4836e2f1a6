"""The payload of a notification."""

from __future__ import annotations

import json
from typing import Any

from daemon.config.hook import Hook
from daemon.outbox.hooks.payload import notifications
from tests.support.hooks.sidecars import notification, sidecar

ALL = Hook(name="all", on=("done", "partial", "failed", "duplicate"), command=("tell",))


def told(**changes: object) -> dict:
    return json.loads(notification(ALL, **changes).text)


def test_a_notification_has_status_file_and_path_of_the_answer() -> None:
    said = told()

    assert (said["id"], said["type"]) == ("c1-all", "document.done")
    assert said["timestamp"] == "2026-11-24T13:32:00.896Z"
    data = said["data"]
    assert (data["document"], data["status"], data["pages"]) == ("c1", "done", 3)
    assert (data["relative_path"], data["answer"]) == ("in/scan.png", "in/scan.png.json")
    assert (data["confidence"], data["text"], data["text_is_cut"]) == (0.85, "发票 2041", False)


def test_a_hook_gets_only_the_statuses_that_it_wants() -> None:
    bad = Hook(name="bad", on=("failed", "partial"), command=("tell",))

    made = notifications("a", "a.json", sidecar(), [ALL, bad])
    later = notifications("a", "a.json", sidecar(status="partial"), [ALL, bad])

    assert [each.hook for each in made] == ["all"]
    assert [each.hook for each in later] == ["all", "bad"]


def test_without_hooks_the_answer_is_not_even_parsed() -> None:
    assert notifications("a", "a.json", b"no JSON at all", ()) == []


def test_a_long_text_is_cut_and_marked_so() -> None:
    short = Hook(name="short", command=("tell",), text_characters=2)

    data = json.loads(notification(short).text)["data"]

    assert (data["text"], data["text_is_cut"]) == ("发票", True)


def test_a_notification_has_the_error_and_the_answer_of_a_duplicate() -> None:
    error = {"class": "corrupt", "message": "It is broken.", "page": None}

    assert told(status="failed", error=error)["data"]["error"] == error
    assert told(status="duplicate", duplicate_of="b.json")["data"]["duplicate_of"] == "b.json"


def test_a_notification_lists_no_outputs_of_which_there_may_be_thousands() -> None:
    outputs = [
        {"kind": "text", "name": "scan.png.txt"},
        {"kind": "picture", "name": "p1.png"},
        {"kind": "csv", "name": "scan.png.table-0001.csv"},
        {"kind": "text", "name": "scan.png.part-0001.txt", "part": 1},
    ]

    assert told(outputs=outputs)["data"]["outputs"] == outputs[:1]


def warning(number: int) -> dict[str, Any]:
    return {"class": "renderer_message", "message": f"warning {number}", "page": None}


def test_a_notification_counts_unread_regions_and_lists_warnings_with_their_pages() -> None:
    region = {"box": [0, 0, 9, 9], "reason": "too_small"}
    pages = [
        {"number": 1, "confidence": 0.9, "unread": [region, region], "warnings": []},
        {"number": 2, "confidence": 0.9, "unread": [region], "warnings": [warning(2)]},
    ]

    data = told(pages=pages, warnings=[warning(1)])["data"]

    assert data["unread"] == 3
    assert data["warnings"] == [warning(1), {**warning(2), "page": 2}]
    assert data["warnings_are_cut"] is False


def test_a_notification_has_at_most_twenty_warnings() -> None:
    data = told(warnings=[warning(number) for number in range(21)])["data"]

    assert [each["message"] for each in data["warnings"]] == [f"warning {n}" for n in range(20)]
    assert data["warnings_are_cut"] is True


def test_a_notification_of_an_answer_of_version_1_0_has_nothing_unread() -> None:
    data = told()["data"]

    assert (data["unread"], data["warnings"]) == (0, [])


def test_a_notification_has_the_fields_of_the_document() -> None:
    total = {"name": "total", "type": "amount", "value": "9.50", "text": "9,50", "page": 1}

    assert told(fields=[total])["data"]["fields"] == [total]
    assert "fields" not in told()["data"]
