"""Prometheus metrics of the daemon; docs/monitoring.md explains each.

Nothing here runs while a document is read: the main loop adds up plain numbers
(`daemon.core.counters`), and a scrape turns them into metrics. No label holds a name that came with
a file.
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
    """What does not change while the daemon runs: `folders` are the config's names by path."""

    model: str
    model_sha256: str
    backend: str
    precision: str
    segmenter: str
    folders: Mapping[Path, str]
    ledger_file: Path


class Exposition:
    """The text that a scrape gets."""

    def __init__(self, counters: Counters, health: Health, facts: Facts) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._registry)
        self._registry.register(_Daemon(counters, health, facts))

    def render(self, accept: str) -> tuple[bytes, str]:
        """Return the metrics and their media type; `accept` is the header of the request."""
        encode, media_type = choose_encoder(accept)
        return encode(self._registry), media_type


class _Daemon(Collector):
    def __init__(self, counters: Counters, health: Health, facts: Facts) -> None:
        self._counters = counters
        self._health = health
        self._facts = facts

    def collect(self) -> Iterator[Metric]:
        """Yield every metric of ours."""
        now = time.monotonic()
        yield from _answers(self._counters)
        yield from _spreads(self._counters)
        yield from _engine(self._counters, self._health, now)
        yield from _inbox(self._counters, self._health, now)
        yield from _state(self._counters, self._health, now)
        yield from _room(self._health, self._facts)
        yield from _versions(self._facts)


def _answers(counters: Counters) -> Iterator[Metric]:
    yield _counters("ocr_daemon_files", "Files answered, by the status of the answer.", "status",
                    counters.files)  # fmt: skip
    yield _counters(
        "ocr_daemon_failures", "Failed or partial answers, by why.", "class", counters.failures
    )
    yield _counters("ocr_daemon_pages", "Pages answered.", "status", counters.pages)
    yield CounterMetricFamily("ocr_daemon_lines", "Lines of text answered.", counters.lines)
    yield CounterMetricFamily(
        "ocr_daemon_files_bytes", "Bytes of the files answered.", counters.bytes
    )
    yield CounterMetricFamily("ocr_daemon_attempts", "Starts of a reading, the repeated ones too.",
                              counters.attempts)  # fmt: skip


def _spreads(counters: Counters) -> Iterator[Metric]:
    yield _histogram("ocr_daemon_document_seconds", "From claim to answer, of files read.",
                     counters.documents)  # fmt: skip
    stages = HistogramMetricFamily(
        "ocr_daemon_stage_seconds", "Seconds of a document in a stage, all pages.", labels=["stage"]
    )
    for stage, spread in counters.stages.items():
        stages.add_metric([stage], _buckets(spread), spread.total)
    yield stages
    yield _histogram(
        "ocr_daemon_line_confidence_ratio", "Confidence of the lines read.", counters.confidence
    )
    yield _histogram("ocr_daemon_scan_seconds", "Duration of a look at the inbox.", counters.scans)


def _engine(counters: Counters, health: Health, now: float) -> Iterator[Metric]:
    yield _counters("ocr_daemon_tasks", "Tasks that workers ended.", "result", counters.tasks)
    yield _counters(
        "ocr_daemon_task_deaths", "Tasks over which a worker died.", "kind", counters.deaths
    )
    yield _counters("ocr_daemon_worker_recycles", "Workers replaced.", "reason", counters.recycles)
    workers = health.workers(now)
    yield _gauges("ocr_daemon_workers", "Workers, by what they do.", "state",
                  {state: workers[state] for state in WORKER_STATES})  # fmt: skip


def _inbox(counters: Counters, health: Health, now: float) -> Iterator[Metric]:
    inbox = health.inbox
    waiting = inbox.waiting
    yield _gauges(
        "ocr_daemon_files_waiting", "Unanswered files in the inbox at the last look.", "state",
        {"ready": waiting.ready, "unstable": waiting.unstable, "incomplete": waiting.incomplete,
         "blocked": waiting.blocked},
    )  # fmt: skip
    oldest = 0.0 if waiting.since is None else now - waiting.since
    yield _gauge("ocr_daemon_oldest_waiting_seconds", "How long the oldest of them has lain still.",
                 oldest)  # fmt: skip
    yield CounterMetricFamily(
        "ocr_daemon_events_missed",
        "Files found by a scan that no filesystem event announced.",
        counters.missed_events,
    )
    yield _gauge(
        "ocr_daemon_watch_events",
        "1 while filesystem events are used, 0 while the inbox is only scanned.",
        inbox.events_come,
    )
    if inbox.scanned_at > float("-inf"):
        yield _gauge("ocr_daemon_scan_age_seconds", "Since the last look at the inbox began.",
                     now - inbox.scanned_at)  # fmt: skip


def _state(counters: Counters, health: Health, now: float) -> Iterator[Metric]:
    loop = health.loop
    yield _gauge(
        "ocr_daemon_documents_in_progress",
        "Documents claimed and not yet let go.",
        loop.in_progress,
    )
    yield _gauge(
        "ocr_daemon_documents_retrying",
        "Those of them that the environment holds up.",
        loop.retrying,
    )
    faults = {
        "inbox": health.inbox.fault is not None,
        "step": loop.is_stalled,
        "document": loop.retrying > 0,
        "logs": health.folders.warning is not None,
    }
    yield _gauges("ocr_daemon_faults", "1 for each fault that holds.", "source", faults)
    yield _gauge("ocr_daemon_live", "1 while /healthz answers 200.", _hold(health.live(now)))
    yield _gauge("ocr_daemon_ready", "1 while /readyz answers 200.", _hold(health.ready(now)))
    yield _gauge("ocr_daemon_draining", "1 while it ends.", loop.draining)
    yield _gauge("ocr_daemon_loop_age_seconds", "Since the loop last turned.", now - health.beat_at)
    if counters.hooks_waiting is not None:
        yield _gauge("ocr_daemon_hooks_waiting", "Hooks to be delivered.", counters.hooks_waiting)
    if counters.hooks_dead is not None:
        yield _gauge("ocr_daemon_hooks_dead", "Hooks given up.", counters.hooks_dead)


def _room(health: Health, facts: Facts) -> Iterator[Metric]:
    rooms = {facts.folders.get(path, "other"): room for path, room in health.folders.room.items()}
    free = {name: room.free for name, room in rooms.items()}
    total = {name: room.total for name, room in rooms.items()}
    yield _gauges("ocr_daemon_folder_free_bytes", "Free where the folder lies, at the last look.",
                  "folder", free)  # fmt: skip
    yield _gauges(
        "ocr_daemon_folder_size_bytes", "Size of the filesystem it lies on.", "folder", total
    )
    try:
        yield _gauge(
            "ocr_daemon_ledger_bytes", "Size of the ledger.", facts.ledger_file.stat().st_size
        )
    except OSError:
        return  # it is gone; the daemon notices and makes it anew


def _versions(facts: Facts) -> Iterator[Metric]:
    yield InfoMetricFamily(
        "ocr_daemon_build", "Version of the daemon.",
        {"version": __version__, "python": platform.python_version()},
    )  # fmt: skip
    yield InfoMetricFamily(
        "ocr_daemon_model", "The recogniser in use.",
        {"model": facts.model, "sha256": facts.model_sha256, "backend": facts.backend,
         "precision": facts.precision, "segmenter": facts.segmenter},
    )  # fmt: skip


def _hold(checks: Iterable[HealthCheck]) -> bool:
    return all(check.ok for check in checks)


def _gauge(name: str, says: str, value: float) -> Metric:
    return GaugeMetricFamily(name, says, float(value))


def _gauges(name: str, says: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, says, labels=[label])
    for word, value in values.items():
        family.add_metric([word], float(value))
    return family


def _counters(name: str, says: str, label: str, values: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, says, labels=[label])
    for word, value in values.items():
        family.add_metric([word], value)
    return family


def _histogram(name: str, says: str, spread: Histogram) -> Metric:
    return HistogramMetricFamily(name, says, _buckets(spread), spread.total)


def _buckets(spread: Histogram) -> list[tuple[str, float]]:
    """Return the counts as Prometheus wants them: each with all below it."""
    bounds = [*map(str, spread.bounds), "+Inf"]
    return list(zip(bounds, map(float, accumulate(spread.counts)), strict=True))
