"""Counters and histograms of one daemon since its start; `monitoring/metrics.py` publishes them.

They cost a few additions per document, also without a metrics endpoint. Each number is written by
one thread; the endpoint reads it from another. The label values are fixed in advance, because a
worker that went astray may report any stage or reason.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import get_args

from daemon.core.errors import DaemonError, Died, Rejected
from daemon.core.records import Document, PageCount, PagesRead, Stage, UnreadReason

OTHER = "other"
_MAX_VALUE = 1e9
STATUSES = ("done", "partial", "failed", "duplicate")
PAGE_STATUSES = ("done", "partial", "failed")
STAGES = get_args(Stage)
DEATHS = ("killed", "timeout", "memory", "crashed")
CLASSES = (
    "corrupt", "encrypted", "unsupported", "too_large", "damaged", "unread", *DEATHS, "environment",
    "invalid_options", "no_such_page",
)  # fmt: skip
# what the renderer complained of, and what a file holds that was not read
WARNING_CLASSES = (
    "renderer_message", "drawn_by_pdfium", "page_tree_recovered", "attachments_not_read",
    "xfa_form_not_read", "reduced_resolution", "codes_not_read",
)  # fmt: skip
UNREAD_REASONS: tuple[str, ...] = get_args(UnreadReason)
RESULTS = ("counted", "read", "rendered", "rejected", "deferred", "died")
RECYCLES = ("died", "died_idle", "deferred", "tasks", "memory")

# seconds, for anything from a line of text to a book
STAGE_BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0, 600.0)
DOCUMENT_BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
SCAN_BOUNDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0)
# most lines have a high confidence: the differences that matter are near 1
CONFIDENCE_BOUNDS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 1.0)


class Histogram:
    """Counts of values by upper bound, inclusive; the last count is for values above all bounds."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count a value; values out of range, which only a broken worker reports, are ignored."""
        if not 0.0 <= value < _MAX_VALUE:
            return
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


def _zeros(labels: Iterable[str]) -> dict[str, int]:
    return dict.fromkeys(labels, 0)


def _stages() -> dict[str, Histogram]:
    return {stage: Histogram(STAGE_BOUNDS) for stage in (*STAGES, OTHER)}


@dataclass(slots=True)
class Counters:
    """All counters of one daemon; `hooks_*` are gauges, None without hooks."""

    files: dict[str, int] = field(default_factory=lambda: _zeros(STATUSES))
    failures: dict[str, int] = field(default_factory=lambda: _zeros((*CLASSES, OTHER)))
    pages: dict[str, int] = field(default_factory=lambda: _zeros(PAGE_STATUSES))
    lines: int = 0
    unread: dict[str, int] = field(default_factory=lambda: _zeros((*UNREAD_REASONS, OTHER)))
    warnings: dict[str, int] = field(default_factory=lambda: _zeros((*WARNING_CLASSES, OTHER)))
    bytes: int = 0
    attempts: int = 0
    stages: dict[str, Histogram] = field(default_factory=_stages)
    documents: Histogram = field(default_factory=lambda: Histogram(DOCUMENT_BOUNDS))
    confidence: Histogram = field(default_factory=lambda: Histogram(CONFIDENCE_BOUNDS))
    tasks: dict[str, int] = field(default_factory=lambda: _zeros(RESULTS))
    deaths: dict[str, int] = field(default_factory=lambda: _zeros((*DEATHS, OTHER)))
    recycles: dict[str, int] = field(default_factory=lambda: _zeros(RECYCLES))
    scans: Histogram = field(default_factory=lambda: Histogram(SCAN_BOUNDS))
    missed_events: int = 0
    hooks_waiting: int | None = None
    hooks_dead: int | None = None

    def count_document(self, document: Document, size: int, seconds: float) -> None:
        """Count an answer to a file of `size` bytes, `seconds` after it was claimed."""
        self.files[document.status] += 1
        self.bytes += size
        if document.status == "duplicate":
            return  # nothing was read
        self.documents.observe(seconds)
        for stage, spent in document.seconds.items():
            self.stages[stage if stage in self.stages else OTHER].observe(spent)
        if document.failure is not None:
            kind = document.failure.kind
            self.failures[kind if kind in self.failures else OTHER] += 1
        for warning in document.all_warnings:
            self.warnings[warning.kind if warning.kind in self.warnings else OTHER] += 1
        for region in document.unread:
            self.unread[region.reason if region.reason in self.unread else OTHER] += 1
        for page in document.pages:
            self.pages[page.status] += 1
            for line in (line for block in page.blocks for line in block.lines):
                self.lines += 1
                if line.confidence is not None:
                    self.confidence.observe(line.confidence)

    def count_task(self, result: PageCount | PagesRead | DaemonError | None) -> None:
        """Count the result of a task: pages, None for a rendered output, or an error."""
        match result:
            case PageCount():
                self.tasks["counted"] += 1
            case PagesRead():
                self.tasks["read"] += 1
            case None:
                self.tasks["rendered"] += 1
            case Rejected():
                self.tasks["rejected"] += 1
            case Died(kind=kind):
                self.tasks["died"] += 1
                self.deaths[kind if kind in self.deaths else OTHER] += 1
            case _:
                self.tasks["deferred"] += 1
