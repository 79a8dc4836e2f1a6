"""Prometheus metrics of the daemon; docs/monitoring.md explains each.

Nothing here runs while a document is processed: the main loop updates plain numbers
(`daemon.core.counters`), and a scrape turns them into metrics. No label contains anything from a
file or its name.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from daemon import __version__
from daemon.core.counters import Counters, Histogram
from daemon.monitoring.health import Health, HealthCheck

WORKER_STATES = ("loading", "idle", "reading", "overdue", "dead")


@dataclass(frozen=True, slots=True)
class Facts:
    """Constants of a running daemon; `folders` maps paths to their names in the config."""

    model: str
    model_sha256: str
    backend: str
    precision: str
    segmenter: str
    folders: Mapping[Path, str]
    ledger_file: Path


class Exposition:
    """Renders the response to a scrape."""

    def __init__(self, counters: Counters, health: Health, facts: Facts) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._registry)
        self._registry.register(_DaemonCollector(counters, health, facts))

    def render(self, accept: str) -> tuple[bytes, str]:
        """Return the metrics and their media type; `accept` is the Accept header of the request."""
        encode, media_type = choose_encoder(accept)
        return encode(self._registry), media_type


class _DaemonCollector(Collector):
    def __init__(self, counters: Counters, health: Health, facts: Facts) -> None:
        self._counters = counters
        self._health = health
        self._facts = facts

    def collect(self) -> Iterator[Metric]:
        """Yield every metric of the daemon."""
        now = time.monotonic()
        yield from _answers(self._counters)
        yield from _histograms(self._counters)
        yield from _engine(self._counters, self._health, now)
        yield from _inbox(self._counters, self._health, now)
        yield from _loop(self._counters, self._health, now)
        yield from _disk(self._health, self._facts)
        yield from _versions(self._facts)


def _answers(counters: Counters) -> Iterator[Metric]:
    yield _counters(
        "ocr_daemon_files", "Files processed, by status of the answer.", "status", counters.files
    )
    yield _counters(
        "ocr_daemon_failures", "Failed or partial answers, by class of the error.", "class",
        counters.failures,
    )  # fmt: skip
    yield _counters("ocr_daemon_pages", "Pages processed, by status.", "status", counters.pages)
    yield CounterMetricFamily("ocr_daemon_lines", "Lines of text recognized.", counters.lines)
    yield _counters(
        "ocr_daemon_unread_regions", "Regions that look like text and were not read, by reason.",
        "reason", counters.unread,
    )  # fmt: skip
    yield _counters(
        "ocr_daemon_warnings", "Warnings in answers, by class.", "class", counters.warnings
    )
    yield CounterMetricFamily(
        "ocr_daemon_files_bytes", "Bytes of the files processed.", counters.bytes
    )
    yield CounterMetricFamily(
        "ocr_daemon_attempts", "Attempts to process a file, including retries.", counters.attempts
    )


def _histograms(counters: Counters) -> Iterator[Metric]:
    yield _histogram(
        "ocr_daemon_document_seconds", "Seconds from claim to answer, without duplicates.",
        counters.documents,
    )  # fmt: skip
    stages = HistogramMetricFamily(
        "ocr_daemon_stage_seconds", "Seconds of a document in a stage, sum of all pages.",
        labels=["stage"],
    )  # fmt: skip
    for stage, histogram in counters.stages.items():
        stages.add_metric([stage], _buckets(histogram), histogram.total)
    yield stages
    yield _histogram(
        "ocr_daemon_line_confidence_ratio", "Confidence of the lines recognized.",
        counters.confidence,
    )  # fmt: skip
    yield _histogram("ocr_daemon_scan_seconds", "Duration of a scan of the inbox.", counters.scans)


def _engine(counters: Counters, health: Health, now: float) -> Iterator[Metric]:
    yield _counters(
        "ocr_daemon_tasks", "Tasks ended by workers, by result.", "result", counters.tasks
    )
    yield _counters(
        "ocr_daemon_task_deaths", "Tasks during which a worker died, by kind.", "kind",
        counters.deaths,
    )  # fmt: skip
    yield _counters(
        "ocr_daemon_worker_recycles", "Workers replaced, by reason.", "reason", counters.recycles
    )
    workers = health.workers(now)
    states = {state: workers[state] for state in WORKER_STATES}
    yield _gauges("ocr_daemon_workers", "Workers, by state.", "state", states)


def _inbox(counters: Counters, health: Health, now: float) -> Iterator[Metric]:
    inbox = health.inbox
    waiting = inbox.waiting
    yield _gauges(
        "ocr_daemon_files_waiting", "Files in the inbox at the last scan, by state.", "state",
        {"ready": waiting.ready, "unstable": waiting.unstable, "incomplete": waiting.incomplete,
         "blocked": waiting.blocked},
    )  # fmt: skip
    yield _gauge(
        "ocr_daemon_oldest_waiting_seconds", "Seconds since the oldest of them last changed.",
        0.0 if waiting.since is None else now - waiting.since,
    )  # fmt: skip
    yield CounterMetricFamily(
        "ocr_daemon_events_missed", "Files found by a scan that no filesystem event announced.",
        counters.missed_events,
    )  # fmt: skip
    yield _gauge(
        "ocr_daemon_watch_events",
        "1 while filesystem events are used, 0 while the inbox is only scanned.",
        inbox.uses_events,
    )
    if inbox.scanned_at > float("-inf"):
        yield _gauge(
            "ocr_daemon_scan_age_seconds", "Seconds since the last scan of the inbox began.",
            now - inbox.scanned_at,
        )  # fmt: skip


def _loop(counters: Counters, health: Health, now: float) -> Iterator[Metric]:
    loop = health.loop
    yield _gauge(
        "ocr_daemon_documents_in_progress", "Documents claimed and not yet finished.",
        loop.in_progress,
    )  # fmt: skip
    yield _gauge(
        "ocr_daemon_documents_retrying",
        "Documents in progress that wait for a retry.",
        loop.retrying,
    )
    faults = {
        "inbox": health.inbox.fault is not None,
        "step": loop.is_stalled,
        "document": loop.retrying > 0,
        "logs": health.folders.warning is not None,
    }
    yield _gauges(
        "ocr_daemon_faults", "1 while there is such a fault, by source.", "source", faults
    )
    yield _gauge("ocr_daemon_live", "1 while /healthz answers 200.", _all_ok(health.live(now)))
    yield _gauge("ocr_daemon_ready", "1 while /readyz answers 200.", _all_ok(health.ready(now)))
    yield _gauge(
        "ocr_daemon_draining", "1 while the daemon stops and takes no new files.", loop.draining
    )
    yield _gauge(
        "ocr_daemon_loop_age_seconds", "Seconds since the main loop last turned.",
        now - health.beat_at,
    )  # fmt: skip
    if counters.hooks_waiting is not None:
        yield _gauge(
            "ocr_daemon_hooks_waiting", "Hook notifications that wait for delivery.",
            counters.hooks_waiting,
        )  # fmt: skip
    if counters.hooks_dead is not None:
        yield _gauge(
            "ocr_daemon_hooks_dead", "Hook notifications that were given up.", counters.hooks_dead
        )


def _disk(health: Health, facts: Facts) -> Iterator[Metric]:
    usages = {
        facts.folders.get(path, "other"): usage for path, usage in health.folders.disk_usage.items()
    }
    yield _gauges(
        "ocr_daemon_folder_free_bytes",
        "Free bytes of the filesystem of a folder, at the last check.", "folder",
        {name: usage.free for name, usage in usages.items()},
    )  # fmt: skip
    yield _gauges(
        "ocr_daemon_folder_size_bytes", "Size of the filesystem of a folder.", "folder",
        {name: usage.total for name, usage in usages.items()},
    )  # fmt: skip
    try:
        size = facts.ledger_file.stat().st_size
    except OSError:
        return  # it is gone; the daemon notices that and rebuilds it
    yield _gauge("ocr_daemon_ledger_bytes", "Size of the ledger file.", size)


def _versions(facts: Facts) -> Iterator[Metric]:
    yield InfoMetricFamily(
        "ocr_daemon_build", "Version of the daemon.",
        {"version": __version__, "python": platform.python_version()},
    )  # fmt: skip
    yield InfoMetricFamily(
        "ocr_daemon_model", "The recognition model in use.",
        {"model": facts.model, "sha256": facts.model_sha256, "backend": facts.backend,
         "precision": facts.precision, "segmenter": facts.segmenter},
    )  # fmt: skip


def _all_ok(checks: Iterable[HealthCheck]) -> bool:
    return all(check.ok for check in checks)


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_text, float(value))


def _gauges(name: str, help_text: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, help_text, labels=[label])
    for label_value, value in values.items():
        family.add_metric([label_value], float(value))
    return family


def _counters(name: str, help_text: str, label: str, values: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, help_text, labels=[label])
    for label_value, value in values.items():
        family.add_metric([label_value], value)
    return family


def _histogram(name: str, help_text: str, histogram: Histogram) -> Metric:
    return HistogramMetricFamily(name, help_text, _buckets(histogram), histogram.total)


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    """Return cumulative counts, as Prometheus requires."""
    bounds = [*map(str, histogram.bounds), "+Inf"]
    return list(zip(bounds, map(float, accumulate(histogram.counts)), strict=True))
