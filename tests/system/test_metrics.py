"""What a real daemon exports, asked as Prometheus asks, and what is said of it elsewhere."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.process.monitoring.test_http_server import free_port
from tests.support.imports import loaded_by
from tests.support.repository import REPOSITORY
from tests.support.running_daemon import RunningDaemon, Workspace, until
from tests.support.samples import png, text_page

ALERTS = REPOSITORY / "deploy/prometheus/alerts.yml"
DASHBOARD = REPOSITORY / "deploy/grafana/ocr-daemon.json"
TABLE = REPOSITORY / "docs/monitoring.md"
# from whoever sends hooks, where somebody does; `up` is Prometheus' own
OPTIONAL = {"ocr_daemon_hooks_waiting", "ocr_daemon_hooks_dead", "up"}


class Watched(Workspace):
    """A workspace whose daemon says how it is."""

    def __init__(self, root: Path, **config: Any) -> None:
        self.port = free_port()
        super().__init__(root, metrics={"enabled": True, "port": self.port}, **config)

    def get(self, path: str) -> tuple[int, str]:
        """Return status and body; status 0 while nobody listens."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as page:
                return page.status, page.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def failing(self, path: str) -> dict[str, str]:
        """Return what does not hold, by check."""
        checks = json.loads(self.get(path)[1])["checks"]
        return {check["check"]: check["message"] for check in checks if not check["ok"]}

    def samples(self) -> dict[str, float]:
        """Return every sample by its name and labels."""
        families = text_string_to_metric_families(self.get("/metrics")[1])
        return {
            sample.name + "".join(f" {value}" for value in sample.labels.values()): sample.value
            for family in families
            for sample in family.samples
        }


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    return Watched(tmp_path_factory.mktemp("watched"))


@pytest.fixture(scope="module")
def daemon(workspace: Watched) -> Iterator[RunningDaemon]:
    """A daemon that has answered a page, the same page, and something else than a page."""
    made = RunningDaemon(workspace, {})
    try:
        until(lambda: workspace.get("/healthz")[0], what="the endpoint")
        workspace.at_start = (workspace.get("/healthz")[0], workspace.get("/readyz")[0],  # type: ignore[attr-defined]
                          workspace.failing("/readyz"))  # fmt: skip
        made.wait_ready()
        page = png(text_page())
        workspace.drop("a.png", page)
        workspace.answer("a.png.json")
        workspace.drop("b.png", page)
        workspace.drop("c.png", b"no picture")
        workspace.answer("b.png.json")
        workspace.answer("c.png.json")
        until(lambda: workspace.samples()["ocr_daemon_documents_in_progress"] == 0)
        yield made
    finally:
        made.end()


def test_while_the_model_is_loaded_the_daemon_is_live_and_not_ready(
    workspace: Watched, daemon: RunningDaemon
) -> None:
    live, ready, failing = workspace.at_start  # type: ignore[attr-defined]

    assert (live, ready) == (200, 503)
    assert failing == {"model": "the model is being loaded"}


def test_what_was_answered_is_counted(workspace: Watched, daemon: RunningDaemon) -> None:
    lines = sum(
        len(block["lines"]) for block in workspace.answer("a.png.json")["pages"][0]["blocks"]
    )

    found = workspace.samples()

    expected = {
        "ocr_daemon_files_total done": 1, "ocr_daemon_files_total failed": 1,
        "ocr_daemon_files_total duplicate": 1, "ocr_daemon_failures_total unsupported": 1,
        "ocr_daemon_pages_total done": 1, "ocr_daemon_lines_total": lines,
        "ocr_daemon_line_confidence_ratio_count": lines, "ocr_daemon_document_seconds_count": 2,
        "ocr_daemon_stage_seconds_count recognize": 1, "ocr_daemon_attempts_total": 2,
        "ocr_daemon_workers idle": 1,
        "ocr_daemon_live": 1, "ocr_daemon_ready": 1,
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected
    assert found["ocr_daemon_stage_seconds_sum recognize"] > 0
    assert found["ocr_daemon_folder_free_bytes outbox"] > 0


def test_no_label_holds_what_came_with_a_file(workspace: Watched, daemon: RunningDaemon) -> None:
    text = workspace.get("/metrics")[1]

    assert ".png" not in text
    assert str(workspace.root) not in text


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_finds_names_and_units_in_order(workspace: Watched, daemon: RunningDaemon) -> None:
    text = workspace.get("/metrics")[1]

    said = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )

    assert (said.returncode, said.stdout + said.stderr) == (0, "")


def test_openmetrics_is_spoken_where_it_is_asked_for(
    workspace: Watched, daemon: RunningDaemon
) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{workspace.port}/metrics",
        headers={"Accept": "application/openmetrics-text; version=1.0.0"},
    )

    with urllib.request.urlopen(request, timeout=10) as page:
        assert page.read().endswith(b"# EOF\n")


def names_in(expression: str) -> set[str]:
    return set(re.findall(r"\b(?:ocr|process)_[a-z0-9_]+\b|\bup\b", expression))


def expressions() -> list[str]:
    """Return what is asked in alerts and dashboard."""
    alerts = re.findall(r"expr: (?:\|\n((?: {10}.*\n)+)|(.*)\n)", ALERTS.read_text())
    panels = json.loads(DASHBOARD.read_text())["panels"]
    targets = [target["expr"] for panel in panels for target in panel.get("targets", ())]
    return [many or one for many, one in alerts] + targets


def test_every_metric_that_alerts_and_dashboard_ask_for_is_exported(
    workspace: Watched, daemon: RunningDaemon
) -> None:
    exported = {name.split(" ")[0] for name in workspace.samples()}
    asked = set().union(*map(names_in, expressions()))

    assert len(asked) > 25
    assert asked - exported == OPTIONAL & asked


def test_every_metric_of_ours_has_its_row_in_the_document_and_the_other_way_round(
    workspace: Watched, daemon: RunningDaemon
) -> None:
    families = text_string_to_metric_families(workspace.get("/metrics")[1])
    exported = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in families
        if family.name.startswith("ocr_")
    }

    documented = set(re.findall(r"^\| `(ocr_[a-z_]+)`", TABLE.read_text(), re.MULTILINE))
    assert documented - OPTIONAL == exported


def test_a_folder_that_is_away_is_not_ready_and_lives(
    workspace: Watched, daemon: RunningDaemon
) -> None:
    aside = workspace.root / "aside"
    workspace.outbox.rename(aside)

    until(lambda: workspace.get("/readyz")[0] == 503, what="not ready")
    says = workspace.failing("/readyz")
    live = workspace.get("/healthz")[0]
    faults = workspace.samples()["ocr_daemon_faults inbox"]
    aside.rename(workspace.outbox)

    assert "outbox is not available" in says["fault"]
    assert (live, faults) == (200, 1)
    until(lambda: workspace.get("/readyz")[0] == 200, what="ready again")


def test_a_worker_that_dies_is_counted_by_what_ended_it(
    workspace: Watched, daemon: RunningDaemon
) -> None:
    before = workspace.samples()
    (worker,) = daemon.workers()
    worker.send_signal(signal.SIGSTOP)
    workspace.drop("d.png", png(text_page(["another"])))
    until(lambda: workspace.samples()["ocr_daemon_workers reading"] == 1, what="reading")
    worker.kill()
    workspace.answer("d.png.json")
    after = workspace.samples()

    assert (
        after["ocr_daemon_task_deaths_total killed"]
        == before["ocr_daemon_task_deaths_total killed"] + 1
    )
    assert (
        after["ocr_daemon_worker_recycles_total died"]
        == before["ocr_daemon_worker_recycles_total died"] + 1
    )


def test_a_taken_port_ends_the_start_with_a_remedy(tmp_path: Path) -> None:
    workspace = Watched(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", workspace.port))
        taken.listen()
        said = workspace.command("run")

    assert said.returncode == 78
    assert (
        f"metrics = 127.0.0.1:{workspace.port}: Address already in use; free the port"
        in said.stderr
    )


def test_check_says_where_it_can_be_asked_and_warns_where_others_can(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, metrics={"enabled": True, "address": "0.0.0.0"})

    said = workspace.command("check").stdout

    assert "reports its health at http://0.0.0.0:9478" in said
    assert "warning: metrics.address = 0.0.0.0: everybody who can reach port 9478" in said


def test_what_it_needs_is_not_loaded_where_it_is_off() -> None:
    loaded = loaded_by("daemon.supervisor.main", "daemon.supervisor.wiring")

    assert not loaded & {"prometheus_client", "http.server"}
