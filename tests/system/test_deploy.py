"""The files in deploy/ agree with the daemon and with the programs that read them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from daemon.config.load import load
from daemon.config.settings import ENV_PREFIX
from tests.support.repository import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
ALERTS = DEPLOY / "prometheus/alerts.yml"
UNIT = DEPLOY / "systemd/ocr-daemon.service"
MONITORING = REPOSITORY / "docker-compose.monitoring.yml"
needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)"
)


class _Reset(yaml.SafeLoader):
    """Reads Compose's `!reset`, which removes a value of the file before, as that string."""


_Reset.add_constructor("!reset", lambda loader, node: "!reset")


@pytest.fixture(scope="module")
def monitoring() -> dict[str, Any]:
    return yaml.load(MONITORING.read_text(), _Reset)


def rules() -> list[dict[str, Any]]:
    return yaml.safe_load(ALERTS.read_text())["groups"][0]["rules"]


@needs_promtool
@pytest.mark.parametrize(
    "command", [["rules", "alerts.yml"], ["config", "prometheus.yml"]], ids=["rules", "config"]
)
def test_promtool_accepts_the_files_of_prometheus(command: list[str]) -> None:
    result = subprocess.run(
        ["promtool", "check", *command], cwd=ALERTS.parent, capture_output=True, text=True
    )

    assert result.returncode == 0, result.stdout + result.stderr


DOCUMENTS = 'ocr_daemon_files_total{job="ocr-daemon",instance="a",status="%s"}'
LABELS = 'job="ocr-daemon",instance="a"'
CONFIDENCE = "ocr_daemon_line_confidence_ratio"
FIRING = {
    "OcrDaemonDown": {f"up{{{LABELS}}}": "0x60"},
    "OcrDaemonNotLive": {f"ocr_daemon_live{{{LABELS}}}": "0x60"},
    "OcrDaemonNotReady": {
        f"ocr_daemon_live{{{LABELS}}}": "1x60", f"ocr_daemon_ready{{{LABELS}}}": "0x60",
    },
    "OcrFilesWaitingLong": {
        f"ocr_daemon_oldest_waiting_seconds{{{LABELS}}}": "0+60x60",
        f'ocr_daemon_files_waiting{{{LABELS},state="ready"}}': "5x60",
    },
    "OcrFilesBlocked": {f'ocr_daemon_files_waiting{{{LABELS},state="blocked"}}': "2x60"},
    "OcrFailureRateHigh": {DOCUMENTS % "done": "0+1x60", DOCUMENTS % "failed": "0+1x60"},
    "OcrWorkersDying": {f'ocr_daemon_task_deaths_total{{{LABELS},kind="memory"}}': "0+1x60"},
    "OcrDiskFillingUp": {
        f'ocr_daemon_folder_free_bytes{{{LABELS},folder="outbox"}}': "5e8x60",
        f'ocr_daemon_folder_size_bytes{{{LABELS},folder="outbox"}}': "1e11x60",
    },
    "OcrEventsMissed": {f"ocr_daemon_events_missed_total{{{LABELS}}}": "0+1x60"},
    "OcrConfidenceFalling": {
        f"{CONFIDENCE}_sum{{{LABELS}}}": "0+98x600 58800+80x200",
        f"{CONFIDENCE}_count{{{LABELS}}}": "0+100x800",
    },
    "OcrUnreadText": {
        f'ocr_daemon_unread_regions_total{{{LABELS},reason="too_small"}}': "0+4x60",
        f'ocr_daemon_unread_regions_total{{{LABELS},reason="not_legible"}}': "0+4x60",
        f'ocr_daemon_pages_total{{{LABELS},status="done"}}': "0+5x60",
        f'ocr_daemon_pages_total{{{LABELS},status="partial"}}': "0+2x60",
    },
    "OcrHookNotificationsGivenUp": {f"ocr_daemon_hooks_dead{{{LABELS}}}": "1x60"},
}  # fmt: skip
HEALTHY = {
    f"up{{{LABELS}}}": "1x60", f"ocr_daemon_live{{{LABELS}}}": "1x60",
    f"ocr_daemon_ready{{{LABELS}}}": "1x60",
    f"ocr_daemon_oldest_waiting_seconds{{{LABELS}}}": "4x60",
    f'ocr_daemon_files_waiting{{{LABELS},state="ready"}}': "3x60",
    f'ocr_daemon_files_waiting{{{LABELS},state="blocked"}}': "0x60",
    DOCUMENTS % "done": "0+10x60", DOCUMENTS % "failed": "0+1x60",
    f'ocr_daemon_task_deaths_total{{{LABELS},kind="memory"}}': "0+0.1x60",
    f'ocr_daemon_folder_free_bytes{{{LABELS},folder="outbox"}}': "5e10x60",
    f'ocr_daemon_folder_size_bytes{{{LABELS},folder="outbox"}}': "1e11x60",
    f"ocr_daemon_events_missed_total{{{LABELS}}}": "0x60",
    f'ocr_daemon_unread_regions_total{{{LABELS},reason="too_small"}}': "0+1x60",
    f'ocr_daemon_pages_total{{{LABELS},status="done"}}': "0+10x60",
    f"{CONFIDENCE}_sum{{{LABELS}}}": "0+98x60", f"{CONFIDENCE}_count{{{LABELS}}}": "0+100x60",
}  # fmt: skip


def firing(series: dict[str, str], minutes: int, folder: Path) -> str:
    """Return the output of promtool when no alert is expected; it lists those that fire."""
    test = {
        "rule_files": [str(ALERTS)],
        "evaluation_interval": "1m",
        "tests": [{
            "interval": "1m",
            "input_series": [{"series": name, "values": v} for name, v in series.items()],
            "alert_rule_test": [
                {"eval_time": f"{minutes}m", "alertname": rule["alert"], "exp_alerts": []}
                for rule in rules()
            ],
        }],
    }  # fmt: skip
    path = folder / "test.yml"
    path.write_text(yaml.safe_dump(test))
    result = subprocess.run(
        ["promtool", "test", "rules", str(path)], capture_output=True, text=True
    )
    assert "SUCCESS" in result.stdout + result.stderr or "FAILED" in result.stdout + result.stderr
    return result.stdout + result.stderr


@needs_promtool
@pytest.mark.parametrize("name", [rule["alert"] for rule in rules()])
def test_each_alert_fires_alone_on_its_own_series(name: str, tmp_path: Path) -> None:
    minutes = 760 if name == "OcrConfidenceFalling" else 50

    output = firing(FIRING[name], minutes, tmp_path)

    assert set(re.findall(r"alertname: ?(\w+)", output)) == {name}, output


@needs_promtool
def test_no_alert_fires_on_a_healthy_daemon(tmp_path: Path) -> None:
    assert "SUCCESS" in firing(HEALTHY, 50, tmp_path)


def test_every_alert_has_a_row_in_the_documentation() -> None:
    rows = re.findall(r"^\| `(Ocr\w+)`", (REPOSITORY / "docs/monitoring.md").read_text(), re.M)

    assert rows == [rule["alert"] for rule in rules()]


def test_the_dashboard_uses_the_selected_data_source_and_no_panels_overlap() -> None:
    dashboard = json.loads((DEPLOY / "grafana/ocr-daemon.json").read_text())
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    places = [
        (panel["gridPos"]["x"] + dx, panel["gridPos"]["y"] + dy)
        for panel in dashboard["panels"]
        for dx in range(panel["gridPos"]["w"])
        for dy in range(panel["gridPos"]["h"])
    ]

    assert {panel["datasource"]["uid"] for panel in panels} == {"${datasource}"}
    assert all(panel["targets"] for panel in panels)
    assert len(places) == len(set(places))
    assert max(x for x, _ in places) < 24
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


@needs_promtool
def test_prometheus_accepts_the_queries_of_the_dashboard(tmp_path: Path) -> None:
    dashboard = json.loads((DEPLOY / "grafana/ocr-daemon.json").read_text())
    queries = [
        target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())
    ]
    known = {"$__rate_interval": "1m", "$instance": ".*"}
    for variable, value in known.items():
        queries = [query.replace(variable, value) for query in queries]
    recorded = [{"record": f"r{n}", "expr": query} for n, query in enumerate(queries)]
    path = tmp_path / "rules.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": recorded}]}))

    result = subprocess.run(["promtool", "check", "rules", path], capture_output=True, text=True)

    assert result.returncode == 0, result.stdout + result.stderr


def test_with_monitoring_the_daemon_shares_a_network_with_prometheus_alone(
    monitoring: dict[str, Any],
) -> None:
    services = monitoring["services"]
    daemon = services["ocr-daemon"]

    assert daemon["network_mode"] == "!reset"
    assert daemon["networks"] == ["monitoring"]
    assert monitoring["networks"]["monitoring"] == {"internal": True}
    members = [name for name, each in services.items() if "monitoring" in each["networks"]]
    assert members == ["ocr-daemon", "prometheus"]
    assert "ports" not in daemon
    published = [port for each in services.values() for port in each.get("ports", ())]
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_prometheus_scrapes_the_port_on_which_the_daemon_listens(
    monitoring: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in monitoring["services"]["ocr-daemon"]["environment"].items():
        assert name.startswith(ENV_PREFIX)
        monkeypatch.setenv(name, value)
    metrics = load(REPOSITORY / "config.yaml").metrics
    (job,) = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())["scrape_configs"]

    assert metrics.enabled
    assert job["static_configs"] == [{"targets": [f"ocr-daemon:{metrics.port}"]}]


def test_the_files_that_the_compose_file_mounts_exist(monitoring: dict[str, Any]) -> None:
    mounts = [
        volume["source"]
        for service in monitoring["services"].values()
        for volume in service.get("volumes", ())
        if isinstance(volume, dict)
    ]

    assert mounts
    assert all((REPOSITORY / source).exists() for source in mounts)


def _compose() -> list[str] | None:
    """Return the command of a Compose that supports `!reset`, None if there is none."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]):
            result = subprocess.run(
                [*command, "version", "--short"], capture_output=True, text=True
            )
            version = [int(part) for part in re.findall(r"\d+", result.stdout)[:2]]
            if result.returncode == 0 and version >= [2, 24]:
                return command
    return None


@pytest.mark.skipif(_compose() is None, reason="Compose 2.24 or later is not installed")
def test_compose_merges_the_two_files(tmp_path: Path) -> None:
    files = ["-f", str(REPOSITORY / "docker-compose.yml"), "-f", str(MONITORING)]

    result = subprocess.run(
        [*(_compose() or []), *files, "config"], capture_output=True, text=True,
        env=os.environ | {"GRAFANA_PASSWORD": "x"},
    )  # fmt: skip

    assert result.returncode == 0, result.stderr
    assert "network_mode" not in yaml.safe_load(result.stdout)["services"]["ocr-daemon"]


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name  # with a program that exists on this machine
    unit.write_text(re.sub(r"(ExecStart=)\S+", r"\1/bin/true", UNIT.read_text()))

    result = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
    )

    assert (result.returncode, result.stdout + result.stderr) == (0, "")


def test_the_unit_waits_longer_for_a_stop_than_the_daemon_does() -> None:
    unit = UNIT.read_text()
    (stop,) = re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.M)

    assert int(stop) > load(REPOSITORY / "config.yaml").grace_seconds + 20
    assert "Type=notify" in unit
