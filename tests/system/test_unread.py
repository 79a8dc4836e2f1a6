"""What a real daemon tells of text that it could not read, wherever it tells of an answer."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from daemon.outbox.sidecar import is_valid
from tests.process.monitoring.test_http_server import free_port
from tests.support.running_daemon import Workspace, until
from tests.torture import pretended
from tests.torture.life import living, quick_workspace

PAGES = ("First page", "faded", "faded again", "Last page")


@dataclass(frozen=True)
class Told:
    """An answer with unread regions, and what the daemon told of it elsewhere."""

    workspace: Workspace
    answer: dict[str, Any]
    notification: dict[str, Any]
    environment: str
    metrics: dict[tuple[str, str], float]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    root = tmp_path_factory.mktemp("unread")
    notification, environment = root / "notification", root / "environment"
    hooks = [
        {"name": "letter", "command": ["tee", str(notification)]},
        {
            "name": "variables",
            "command": ["sh", "-c", f'echo "$OCR_UNREAD $OCR_WARNINGS" > {environment}'],
        },
    ]
    port = free_port()
    workspace = quick_workspace(
        root / "workspace", "pretended", hooks=hooks, pages_per_task=2,
        metrics={"enabled": True, "port": port},
    )  # fmt: skip
    with living(workspace, "pretended") as life:
        life.wait_ready()
        workspace.drop("scan.png", pretended.content(*PAGES))
        answer = workspace.answer("scan.png.json")
        for file in (notification, environment):
            until(
                lambda file=file: file.exists() and file.read_text().endswith("\n"), what=str(file)
            )
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
            families = text_string_to_metric_families(page.read().decode())
        metrics = {
            (sample.name, *sample.labels.values()): sample.value
            for family in families
            for sample in family.samples
            if len(sample.labels) == 1
        }
    letter = json.loads(notification.read_text())
    return Told(workspace, answer, letter, environment.read_text().strip(), metrics)  # type: ignore[arg-type]


def test_the_answer_has_the_regions_of_each_page_and_each_warning_once(told: Told) -> None:
    assert is_valid(told.answer)
    assert [page["unread"] for page in told.answer["pages"]] == [
        [], [{"box": [10, 5, 60, 15], "reason": "too_small"}],
        [{"box": [10, 5, 60, 15], "reason": "too_small"}], [],
    ]  # fmt: skip
    assert [len(page["warnings"]) for page in told.answer["pages"]] == [0, 1, 1, 0]
    assert [warning["class"] for warning in told.answer["warnings"]] == ["attachments_not_read"]


def test_the_log_event_of_the_file_has_the_number_of_regions_and_warnings(told: Told) -> None:
    (event,) = (each for each in told.workspace.events() if each["event"] == "document.done")

    assert (event["unread"], event["warnings"]) == (2, 3)


def test_the_metrics_count_regions_by_reason_and_warnings_by_class(told: Told) -> None:
    counted = {key: value for key, value in told.metrics.items() if value}

    assert counted["ocr_daemon_unread_regions_total", "too_small"] == 2
    assert counted["ocr_daemon_warnings_total", "renderer_message"] == 2
    assert counted["ocr_daemon_warnings_total", "attachments_not_read"] == 1
    assert ("ocr_daemon_unread_regions_total", "low_confidence") not in counted
    assert told.metrics["ocr_daemon_unread_regions_total", "low_confidence"] == 0


def test_a_hook_is_told_the_number_of_regions_and_the_warnings(told: Told) -> None:
    data = told.notification["data"]

    assert data["unread"] == 2
    assert [(warning["class"], warning["page"]) for warning in data["warnings"]] == [
        ("attachments_not_read", None), ("renderer_message", 2), ("renderer_message", 3),
    ]  # fmt: skip
    assert told.environment == "2 3"
