"""Sidecars of earlier versions, and files that are no sidecars."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from daemon.core.records import Document
from daemon.outbox import reader
from daemon.outbox.sidecar import is_valid
from tests.support.whole_outputs import sidecar
from tests.unit.outbox.test_sidecar import BY, CLAIM, page


def current() -> dict[str, Any]:
    """A sidecar as this version writes it."""
    content: dict[str, Any] = json.loads(
        sidecar(CLAIM, Document("done", "image/png", (page(), page()), {}, 1), BY)
    )
    return content


def of_version_1_0() -> dict[str, Any]:
    """The same sidecar as version 1.0 wrote it."""
    old = current()
    old["schema_version"] = "1.0"
    del old["warnings"]
    for each in old["pages"]:
        del each["unread"], each["warnings"]
        for line in (line for block in each["blocks"] for line in block["lines"]):
            del line["direction"]
    return old


def before_0_1_0() -> dict[str, Any]:
    """The same sidecar with the name that `curvature` had then."""
    old = of_version_1_0()
    for each in old["pages"]:
        each["sag"] = each.pop("curvature")
    return old


@pytest.mark.parametrize("old", [before_0_1_0(), of_version_1_0(), current()])
def test_a_sidecar_of_each_version_is_read_as_this_version_writes_it(
    old: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(old))

    answer = reader.read(path)

    assert answer == current()
    assert is_valid(answer)


def test_a_sidecar_of_a_later_version_keeps_its_version_and_its_fields(tmp_path: Path) -> None:
    later = {**current(), "schema_version": "1.2", "new": True}
    path = tmp_path / "a.json"
    path.write_text(json.dumps(later))

    assert reader.read(path) == later


@pytest.mark.parametrize(
    "changes",
    [
        {"pages": 5},
        {"pages": None},
        {"pages": [None, 7, "text"]},
        {"pages": [{"blocks": None}, {"blocks": {"lines": []}}]},
        {"pages": [{"blocks": [{"lines": None}, None, {"lines": [None, 3, "line"]}]}]},
    ],
)
def test_a_file_with_other_content_in_place_of_pages_is_no_valid_sidecar(
    changes: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(current() | changes))

    assert not is_valid(reader.read(path))
