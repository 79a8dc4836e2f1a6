"""Benchmark of `pages[].unread`: planted losses that are told, and false alarms on clean pages.

    python -m bench.unread [--kinds scribble ...] [--pages 8] [--first 0] [--labelled PAGES_DIR]
        [--out DIR] [--by-page]

A page with planted losses (bench/planted_losses.py) is read with the shipped settings. Each planted
line is read (its text is published at its place with at most a fifth of its characters wrong),
listed (unread regions cover two fifths of it or more), misread (other text is published there) or
missing: nothing tells of it. Read and listed are hits. The confidence of misread lines is printed,
since a low one is a warning too.

Clean pages are those of bench/drawn_pages.py (without the bad fax), bench/drawn_tables.py and
bench/planted_losses.py, and those of a folder of labelled pages, which may have handwriting: an
unread region is a false alarm there, and a page that is `partial` a worse one.

`--out DIR` writes the pages with a miss or a false alarm, and beside each what was found on it.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2

from bench import drawn_pages, drawn_tables, planted_losses
from bench.labelled import decoded, labelled_pages
from bench.readers import OurPipeline
from bench.scores import bare, best_fit
from bench.table_structure import shipped_recipe
from daemon.core.records import Box

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from bench.planted_losses import PlantedLine, Rectangle
    from daemon.core.records import PageText, TextLine

READ = 0.2  # largest share of wrong characters of a line that was read
INSIDE = 0.5  # least share of a published line that lies in the place of a planted one
COVERED = 0.4  # least share of a planted line that boxes at its place cover
VERDICTS = ("read", "listed", "misread", "missing")


@dataclass
class LossTotals:
    """What became of the planted lines of a kind, and the confidence of those misread."""

    verdicts: Counter[str] = field(default_factory=Counter)
    confidences: list[float] = field(default_factory=list)
    partial: int = 0
    pages: int = 0

    @property
    def hits(self) -> float:
        """The share of planted lines that were read or listed."""
        told = self.verdicts["read"] + self.verdicts["listed"]
        return told / max(1, self.verdicts.total())

    def add(self, other: LossTotals) -> None:
        """Add the totals of other pages."""
        self.verdicts += other.verdicts
        self.confidences += other.confidences
        self.partial += other.partial
        self.pages += other.pages

    def __str__(self) -> str:
        counts = " ".join(f"{self.verdicts[name]:7d}" for name in VERDICTS)
        mean = sum(self.confidences) / max(1, len(self.confidences))
        confidence = f"{mean:5.2f}" if self.confidences else "    -"
        return f"{self.pages:5d} {counts} {self.hits:7.3f} {self.partial:7d} {confidence}"


@dataclass
class AlarmTotals:
    """False alarms on clean pages; `reasons` counts regions."""

    pages: int = 0
    with_regions: int = 0
    partial: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, page: PageText) -> bool:
        """Count a page; return whether it has a false alarm."""
        self.pages += 1
        self.with_regions += bool(page.unread)
        self.partial += page.status != "done"
        self.reasons.update(region.reason for region in page.unread)
        return bool(page.unread) or page.status != "done"

    def merge(self, other: AlarmTotals) -> None:
        """Add the totals of other pages."""
        self.pages += other.pages
        self.with_regions += other.with_regions
        self.partial += other.partial
        self.reasons += other.reasons

    def __str__(self) -> str:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(self.reasons.items()))
        return f"{self.pages:5d} {self.with_regions:7d} {self.partial:7d}  {reasons}"


LOSS_HEAD = (
    f"{'planted losses':18s} pages {' '.join(f'{v:>7s}' for v in VERDICTS)}    hits partial  conf."
)
ALARM_HEAD = f"{'clean pages':18s} pages  unread partial  regions"


def verdict(line: PlantedLine, page: PageText) -> tuple[str, float | None]:
    """Return what became of a planted line, and the confidence of what was read instead."""
    there = list(lines_at(line.box, page))
    if line.text is not None:
        wanted, read = bare(line.text), bare(" ".join(each.text for each in there))
        if best_fit(wanted, read) <= READ * len(wanted):
            return "read", None
    if covered(line.box, (region.box for region in page.unread)) >= COVERED:
        return "listed", None
    if covered(line.box, (each.box for each in there)) >= COVERED:
        known = [each.confidence for each in there if each.confidence is not None]
        return "misread", sum(known) / len(known) if known else None
    return "missing", None


def lines_at(place: Rectangle, page: PageText) -> Iterator[TextLine]:
    """Yield the lines of a page that lie in a rectangle, or that cover much of it."""
    for block in page.blocks:
        for line in block.lines:
            box = line.box
            inside = covered((box.left, box.top, box.right, box.bottom), [Box(*place)])
            if inside >= INSIDE or covered(place, [box]) >= COVERED:
                yield line


def covered(place: Rectangle, boxes: Iterable[Box]) -> float:
    """Return the share of a rectangle that boxes cover; where they overlap, each counts."""
    left, top, right, bottom = place
    shared = sum(
        max(0, min(right, box.right) - max(left, box.left))
        * max(0, min(bottom, box.bottom) - max(top, box.top))
        for box in boxes
    )
    return shared / max(1, (right - left) * (bottom - top))


def clean_pages(kind: str, numbers: range) -> Iterator[tuple[str, bytes]]:
    """Yield the names and files of drawn pages of a kind, all of whose text can be read."""
    if kind == "letters":
        yield from (
            ("notice.jpg", drawn_pages.notice()),
            ("timetable.jpg", drawn_pages.timetable()),
        )
        yield from ((f"invoice-{seed}.jpg", drawn_pages.invoice(seed)) for seed in numbers)
        return
    for number in numbers:
        if kind in planted_losses.CLEAN:
            page = planted_losses.clean(kind, number)
            yield page.name + page.suffix, page.file
        else:
            drawn = drawn_tables.drawn(kind, number)
            yield drawn.name + ".jpg", drawn.file


CLEAN_KINDS = ("letters", *drawn_tables.KINDS, *drawn_tables.NO_TABLES, *planted_losses.CLEAN)


@dataclass(frozen=True)
class Bench:
    """Reads the pages; writes those with a miss or a false alarm to `out`."""

    read_file: Callable[[Path], PageText]
    folder: Path
    out: Path | None
    by_page: bool

    def read(self, name: str, file: bytes) -> tuple[Path, PageText]:
        """Return the file of a drawn page and what was read on it."""
        path = self.folder / name
        path.write_bytes(file)
        return path, self.read_file(path)

    def measure_losses(self, kind: str, numbers: range) -> LossTotals:
        """Return what became of the planted lines of a kind."""
        totals = LossTotals()
        for number in numbers:
            drawn = planted_losses.planted(kind, number)
            file, page = self.read(drawn.name + drawn.suffix, drawn.file)
            verdicts = [verdict(line, page) for line in drawn.lines]
            found = Counter(name for name, _ in verdicts)
            confidences = [c for _, c in verdicts if c is not None]
            totals.add(LossTotals(found, confidences, page.status != "done", 1))
            if self.by_page:
                print(f"  {drawn.name}: {[name for name, _ in verdicts]}", flush=True)
            if found["misread"] or found["missing"]:
                self.save(file, page, [line.box for line in drawn.lines])
        return totals

    def measure_alarms(self, files: Iterable[tuple[Path, PageText]]) -> AlarmTotals:
        """Return the false alarms on pages as read."""
        totals = AlarmTotals()
        for file, page in files:
            if totals.add(page):
                if self.by_page:
                    print(f"  {file.name}: {page.status}, {len(page.unread)} regions", flush=True)
                self.save(file, page, [])
        return totals

    def save(self, file: Path, page: PageText, places: Iterable[Rectangle]) -> None:
        """Write a page, its text, and what was found on it with the planted places in red."""
        if self.out is None:
            return
        from daemon.core.records import Page
        from daemon.ocr.render import overlay

        self.out.mkdir(parents=True, exist_ok=True)
        (self.out / file.name).write_bytes(file.read_bytes())
        (self.out / f"{file.stem}.txt").write_text(page.text, "utf-8")
        image = decoded(file)
        shown = overlay.draw(Page(1, image.shape[1], image.shape[0], image), page)
        for left, top, right, bottom in places:
            cv2.rectangle(shown, (left - 4, top - 4), (right + 4, bottom + 4), (0, 0, 255), 2)
        cv2.imwrite(str(self.out / f"{file.stem}.found.png"), shown)


def main() -> int:
    args = arguments()
    reader = OurPipeline(shipped_recipe(args.weights)).load()
    numbers = range(args.first, args.first + args.pages)

    def read(file: Path) -> PageText:
        page = reader(file).page
        assert page is not None  # ours has always one
        return page

    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(read, Path(folder), args.out, args.by_page)
        print_losses(bench, [kind for kind in args.kinds if kind in planted_losses.LOSSES], numbers)
        kinds = [kind for kind in args.kinds if kind in CLEAN_KINDS]
        print_alarms(bench, kinds, numbers, args.labelled)
    return 0


def print_losses(bench: Bench, kinds: Iterable[str], numbers: range) -> None:
    """Print what became of planted lines, by kind and in all."""
    everything = LossTotals()
    print(LOSS_HEAD)
    for kind in kinds:
        totals = bench.measure_losses(kind, numbers)
        print(f"{kind:18s} {totals}", flush=True)
        everything.add(totals)
    print(f"{'all':18s} {everything}\n", flush=True)


def print_alarms(bench: Bench, kinds: Iterable[str], numbers: range, labelled: Path | None) -> None:
    """Print false alarms on drawn pages, by kind and in all, then on labelled pages."""
    everything = AlarmTotals()
    print(ALARM_HEAD)
    for kind in kinds:
        totals = bench.measure_alarms(bench.read(*page) for page in clean_pages(kind, numbers))
        print(f"{kind:18s} {totals}", flush=True)
        everything.merge(totals)
    print(f"{'all':18s} {everything}", flush=True)
    if labelled is not None:
        by_source: dict[str, list[Path]] = {}
        for page in labelled_pages(labelled):
            by_source.setdefault("_".join(page.name.split("_")[:2]), []).append(page.file)
        for source, files in by_source.items():
            totals = bench.measure_alarms((file, bench.read_file(file)) for file in files)
            print(f"{source:18s} {totals}", flush=True)


def arguments() -> argparse.Namespace:
    known = [*planted_losses.LOSSES, *CLEAN_KINDS]
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kinds", nargs="+", choices=known, default=known, metavar="KIND")
    parser.add_argument("--pages", type=int, default=8, help="pages of each kind (default 8)")
    parser.add_argument("--first", type=int, default=0, help="number of the first page (default 0)")
    parser.add_argument("--labelled", type=Path, help="a folder of labelled pages, read too")
    parser.add_argument("--weights", type=Path, help="weights of the daemon (default: as shipped)")
    parser.add_argument("--out", type=Path, help="write pages with a miss or false alarm")
    parser.add_argument("--by-page", action="store_true", help="print each page")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
