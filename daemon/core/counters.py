"""What the path counts while it works: plain numbers, since the daemon started.

A few additions a document, whether anybody looks or not. Each number is written by one thread; the
endpoint reads them from another (`metrics.py` gives them their names). The words that tell counts
apart are known beforehand: what a worker calls a stage or a reason may be anything.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field

from daemon.core.errors import DaemonError, Died, Rejected
from daemon.core.records import Document, PageCount, PagesRead

OTHER = "other"
MOST = 1e9
STATUSES = ("done", "partial", "failed", "duplicate")
PAGE_STATUSES = ("done", "partial", "failed")
STAGES = ("decode", "clean", "segment", "recognize", "assemble")
DEATHS = ("killed", "timeout", "memory", "crashed")
CLASSES = (
    "corrupt", "encrypted", "unsupported", "too_large", "damaged", *DEATHS, "environment",
)  # fmt: skip
RESULTS = ("counted", "read", "rendered", "rejected", "deferred", "died")
RECYCLES = ("died", "idle", "deferred", "tasks", "memory")

# seconds: a line of text to a book
STAGE_BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0, 600.0)
DOCUMENT_BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
SCAN_BOUNDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0)
# most lines read well: the differences that matter are near 1
CONFIDENCE_BOUNDS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 1.0)


class Histogram:
    """How often a value fell where: one more count than `bounds`, each bound in its own count."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """Count a value; what cannot be meant (a worker may say anything) would spoil the sum."""
        if not 0.0 <= value < MOST:
            return
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


def _zeros(words: Iterable[str]) -> dict[str, int]:
    return dict.fromkeys(words, 0)


def _stages() -> dict[str, Histogram]:
    return {stage: Histogram(STAGE_BOUNDS) for stage in (*STAGES, OTHER)}


@dataclass(slots=True)
class Counters:
    """The counts of one daemon; `hooks_*` are gauges of who sends hooks, None where nobody does."""

    files: dict[str, int] = field(default_factory=lambda: _zeros(STATUSES))
    failures: dict[str, int] = field(default_factory=lambda: _zeros((*CLASSES, OTHER)))
    pages: dict[str, int] = field(default_factory=lambda: _zeros(PAGE_STATUSES))
    lines: int = 0
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

    def answered(self, document: Document, size: int, seconds: float) -> None:
        """Count an answer to a file of `size` bytes, `seconds` after it was claimed."""
        self.files[document.status] += 1
        self.bytes += size
        if document.status == "duplicate":
            return  # nothing was read
        self.documents.add(seconds)
        for stage, spent in document.seconds.items():
            self.stages[stage if stage in self.stages else OTHER].add(spent)
        if document.failure is not None:
            kind = document.failure.kind
            self.failures[kind if kind in self.failures else OTHER] += 1
        for page in document.pages:
            self.pages[page.status] += 1
            for line in (line for block in page.blocks for line in block.lines):
                self.lines += 1
                if line.confidence is not None:
                    self.confidence.add(line.confidence)

    def task_ended(self, result: PageCount | PagesRead | DaemonError | None) -> None:
        """Count what became of a task: pages, an output, or an error that says what is next."""
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
