"""What the daemon would do with a config, in sentences: the second half of `ocr-daemon check`."""

from __future__ import annotations

import subprocess
import sys

from daemon.config.sections import Metrics, Web
from daemon.config.settings import Config
from daemon.core.volumes import mount_of
from daemon.inbox.watch import delivers_events


def plan(config: Config) -> str:
    """Return what the daemon would do with this config, a line each."""
    folders, watch, memory_limits = config.folders, config.watch, config.memory_limits
    events = watch.mode == "events" or (watch.mode == "auto" and delivers_events(folders.inbox))
    looking = (
        f"every {watch.rescan_seconds:g} s and at each event"
        if events
        else (f"every {watch.poll_seconds:g} s")
    )
    after = {
        "archive": f"moves to {folders.archive}", "delete": "is deleted", "leave": "stays",
    }[config.originals]  # fmt: skip
    hooks = [
        f"tells {hook.name} ({hook.target}) of {', '.join(hook.on)}" for hook in config.all_hooks
    ]
    filesystem = mount_of(folders.inbox)[1] or "an unknown filesystem"
    return "\n".join([
        f"watches {folders.inbox} ({filesystem}), looking {looking}",
        f"takes a file that has been still for {watch.quiet_seconds:g} s and is complete",
        f"reads with {config.worker_count} workers of {config.threads} thread(s), "
        f"{config.model.file.name} by {config.model.backend} in {config.model.precision}",
        f"stops a worker at {memory_limits.max_megabytes} MB, "
        f"recycles it above {memory_limits.recycle_megabytes} MB; "
        f"sandbox: {_sandbox(config)}",
        f"answers in {folders.outbox}; the original {after}; what fails goes to {folders.failed}",
        *map(str, config.profiles),
        *hooks,
        _told(config.metrics),
        *_served(config.web),
    ])  # fmt: skip


def _told(metrics: Metrics) -> str:
    if not metrics.enabled:
        return "says how it is to `ocr-daemon health` alone (metrics.enabled: false)"
    host = f"[{metrics.address}]" if ":" in metrics.address else metrics.address
    return f"says how it is at http://{host}:{metrics.port} (/metrics, /healthz, /readyz)"


def _served(web: Web) -> list[str]:
    token = "with a token" if web.token else "without a token"
    return [f"serves the page and REST on {web.address}:{web.port}, {token}"] * web.enabled


def _sandbox(config: Config) -> str:
    """Return what protects from the workers, tried in a process of its own."""
    if config.sandbox == "off":
        return "off"
    trial = "from daemon.engine import sandbox; print(sandbox.enter([]))"
    tried = subprocess.run([sys.executable, "-c", trial], capture_output=True, text=True)
    return tried.stdout.strip() or "none"
