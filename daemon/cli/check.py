"""`ocr-daemon check`: what is wrong with config and environment, and what the daemon would do."""

from __future__ import annotations

import subprocess
import sys

from daemon.cli.report import Report
from daemon.config.sections import Metrics, Retention, Web
from daemon.config.settings import Config
from daemon.core.volumes import mount_of
from daemon.inbox.watch import delivers_events
from daemon.supervisor import preflight

_TRIAL = """
from daemon.engine import sandbox
entered = sandbox.enter([])
print("; missing: ".join([str(entered), *entered.missing]))
"""


def check(config: Config) -> Report:
    """Report the findings and what the daemon would do; it is good if the daemon would start."""
    findings = sorted(preflight.findings(config), key=lambda finding: finding.is_fatal)
    lines = [
        f"{'error' if finding.is_fatal else 'warning'}: "
        f"{finding.key} = {finding.value}: {finding.remedy}"
        for finding in findings
    ]
    is_fit = not any(finding.is_fatal for finding in findings)
    described = describe(config)
    values = {
        "would_start": is_fit,
        "findings": [
            {
                "is_fatal": finding.is_fatal, "key": finding.key, "value": str(finding.value),
                "remedy": finding.remedy,
            }
            for finding in findings
        ],
        "description": described.splitlines(),
    }  # fmt: skip
    return Report("\n".join([described, *lines]), values, is_fit)  # the terminal ends with them


def describe(config: Config) -> str:
    """Return what the daemon would do with this config, a line each."""
    folders, watch, limits = config.folders, config.watch, config.memory_limits
    events = watch.mode == "events" or (watch.mode == "auto" and delivers_events(folders.inbox))
    scanning = (
        f"every {watch.rescan_seconds:g} s and at each event"
        if events
        else f"every {watch.poll_seconds:g} s"
    )
    original = {
        "archive": f"is moved to {folders.archive}", "delete": "is deleted", "leave": "stays",
    }[config.originals]  # fmt: skip
    hooks = [
        f"notifies {hook.name} ({hook.target}) of {', '.join(hook.on)}" for hook in config.all_hooks
    ]
    filesystem = mount_of(folders.inbox)[1] or "unknown filesystem"
    return "\n".join([
        f"watches {folders.inbox} ({filesystem}), scanning {scanning}",
        f"takes a file that has not changed for {watch.quiet_seconds:g} s and is complete",
        _readers(config),
        f"reads lines with {_model(config)}",
        f"stops a worker at {limits.max_megabytes} MB, "
        f"recycles it above {limits.recycle_megabytes} MB; "
        f"sandbox: {_sandbox(config)}",
        f"answers in {folders.outbox}; the original {original}; a file that fails goes to "
        f"{folders.failed}",
        f"writes beside each sidecar: {', '.join(config.outputs) or 'nothing (outputs: [])'}",
        _retention(config.retention),
        *map(str, config.profiles),
        *hooks,
        _metrics(config.metrics),
        *_web(config.web),
    ])  # fmt: skip


def _readers(config: Config) -> str:
    if config.engine.kind == "dask":
        return f"reads with the workers of the Dask cluster at {config.engine.scheduler}"
    return f"reads with {config.worker_count} workers of {config.threads} thread(s)"


def _model(config: Config) -> str:
    choice = config.backend_choice
    weights = choice.weights
    by = f"{weights.file.name} by {weights.backend} in precision {weights.precision}"
    return f"{by}: {choice.reason}"


def _retention(retention: Retention) -> str:
    limits = [
        f"{folder}/ {_limit(days, megabytes)}"
        for folder, days, megabytes in (
            ("archive", retention.archive_days, retention.archive_megabytes),
            ("failed", retention.failed_days, retention.failed_megabytes),
        )
        if days is not None or megabytes is not None
    ]
    return f"keeps originals in {' and in '.join(limits)}" if limits else "keeps originals for ever"


def _limit(days: float | None, megabytes: int | None) -> str:
    age = "" if days is None else f"for {days:g} {'day' if days == 1 else 'days'}"
    size = "" if megabytes is None else f"up to {megabytes} MB"
    return ", ".join(filter(None, [age, size]))


def _metrics(metrics: Metrics) -> str:
    if not metrics.enabled:
        return "reports its health to `ocr-daemon health` only (metrics.enabled: false)"
    host = f"[{metrics.address}]" if ":" in metrics.address else metrics.address
    return f"reports its health at http://{host}:{metrics.port} (/metrics, /healthz, /readyz)"


def _web(web: Web) -> list[str]:
    token = "with a token" if web.token else "without a token"
    return [f"serves the web page and REST on {web.address}:{web.port}, {token}"] * web.enabled


def _sandbox(config: Config) -> str:
    """Return what protects the daemon from its workers, tried in a process of its own."""
    if config.sandbox == "off":
        return "off"
    tried = subprocess.run([sys.executable, "-P", "-c", _TRIAL], capture_output=True, text=True)
    return tried.stdout.strip() or "none"
