"""Benchmark of table structure: TEDS on drawn tables of ten kinds, false tables on other pages.

    python -m bench.table_structure [--kinds ruled words ...] [--pages 8] [--first 0]
        [--layout-only] [--weights models/NAME.onnx] [--out DIR] [--by-page]

Each page (bench/drawn_tables.py) is read with the shipped settings. A drawn table is compared with
the found one that shares most of its area, and scores 0 without one; tables found besides are
false. TEDS compares cells, spans and texts, TEDS-Struct cells and spans (bench/teds.py).

"From true lines" is layout analysis alone: on the same scan with the ruling lines found on it, the
lines are those that were drawn. `--layout-only` leaves the recogniser out. `--out` writes the pages
and what was found on them.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from bench import drawn_tables
from bench.pages import REPOSITORY, with_file
from bench.readers import OurPipeline
from bench.teds import teds
from daemon.core.options import Limits, Recipe, Rendering
from daemon.core.records import Box, PageText, Table
from daemon.ocr import layout, pages, preprocess, segment
from daemon.ocr.assemble.frame import CoordinateFrame
from daemon.ocr.assemble.plain_text import cell_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bench.drawn_tables import TablePage
    from daemon.core.records import Page


@dataclass
class TableTotals:
    """Sums over the tables of a kind, in one way of finding lines."""

    true: int = 0
    found: int = 0
    false: int = 0
    teds: float = 0.0
    structure: float = 0.0

    def add(self, truth: Sequence[Table], found: Sequence[Table]) -> None:
        """Compare the tables of a page; boxes are in one frame."""
        remaining = list(found)
        for table in truth:
            self.true += 1
            match = max(remaining, key=lambda each: _shared(_box(table), _box(each)), default=None)
            if match is None or not _shared(_box(table), _box(match)):
                continue
            remaining.remove(match)
            self.found += 1
            self.teds += teds(table, match)
            self.structure += teds(table, match, structure_only=True)
        self.false += len(remaining)

    def __add__(self, other: TableTotals) -> TableTotals:
        return TableTotals(*(
            getattr(self, f.name) + getattr(other, f.name) for f in dataclasses.fields(self)
        ))  # fmt: skip

    def __str__(self) -> str:
        true = max(1, self.true)
        scores = f"{self.teds / true:6.3f} {self.structure / true:6.3f}"
        return f"{scores if self.true else '     -      -'} {self.found:5d} {self.false:5d}"


@dataclass
class KindResult:
    """The results of a kind of pages: read in full, and with true lines."""

    pages: int = 0
    read: TableTotals = field(default_factory=TableTotals)
    laid_out: TableTotals = field(default_factory=TableTotals)
    layout_seconds: float = 0.0

    def __add__(self, other: KindResult) -> KindResult:
        return KindResult(
            self.pages + other.pages,
            self.read + other.read,
            self.laid_out + other.laid_out,
            self.layout_seconds + other.layout_seconds,
        )


HEAD = (
    f"{'':14s} pages |   TEDS struct found false | from true lines:  TEDS struct found false   ms"
)


def row(name: str, result: KindResult) -> str:
    milliseconds = 1000 * result.layout_seconds / max(1, result.pages)
    return (
        f"{name:14s} {result.pages:5d} | {result.read} | {'':17s}{result.laid_out} "
        f"{milliseconds:4.1f}"
    )


def _box(table: Table) -> Box:
    return Box.around(cell.box for cell in table.cells)


def _shared(box: Box, other: Box) -> int:
    width = min(box.right, other.right) - max(box.left, other.left)
    height = min(box.bottom, other.bottom) - max(box.top, other.top)
    return max(0, width) * max(0, height)


def tables_from_true_lines(
    drawn: TablePage, page: Page, recipe: Recipe
) -> tuple[list[Table], float]:
    """Return the tables that layout analysis finds among the drawn lines, and its CPU seconds.

    The boxes of cells are in the pixels of the page.
    """
    clean = preprocess.clean(page, recipe.preprocessing)
    _, rules = segment.find_lines_and_rules(clean)
    frame = CoordinateFrame(page, clean)
    lines = [(_clean_box(frame, corners), text) for text, corners in drawn.lines]
    began = process_time()
    blocks = layout.analyze(lines, rules, clean.gray.shape[0])
    seconds = process_time() - began
    tables = [
        dataclasses.replace(block.table, cells=tuple(
            dataclasses.replace(
                cell,
                box=frame.to_original(cell.box),
                text=cell_text([lines[k][1] for k in cell.lines]),
            )
            for cell in block.table.cells
        ))
        for block in blocks if block.table
    ]  # fmt: skip
    return tables, seconds


def _clean_box(frame: CoordinateFrame, corners: Iterable[tuple[float, float]]) -> Box:
    """Return the box in the clean frame around points of the page."""
    boxes = [frame.to_clean(Box(*map(round, (x, y, x, y)))) for x, y in corners]
    return Box.around(boxes)


def measure(
    kind: str,
    number: int,
    recipe: Recipe,
    read: Callable[[Path], PageText | None],
    out: Path | None,
) -> KindResult:
    """Return the result of one page."""
    drawn = drawn_tables.drawn(kind, number)
    result = KindResult(pages=1)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{drawn.name}.jpg"
        file.write_bytes(drawn.file)
        document = pages.open_document(file, Limits(), Rendering(), in_gray=True)
        with document as source:
            page = preprocess.grayed(source.page(1))
        tables, result.layout_seconds = tables_from_true_lines(drawn, page, recipe)
        result.laid_out.add(drawn.tables, tables)
        text = read(file)
        if text is not None:
            tables = [block.table for block in text.blocks if block.table]
            result.read.add(drawn.tables, tables)
    if out is not None:
        save(out, drawn, page, text)
    return result


def save(out: Path, drawn: TablePage, page: Page, text: PageText | None) -> None:
    """Write a page and, if it was read, its text and what was found on it."""
    import cv2

    from daemon.ocr.render import overlay

    out.mkdir(parents=True, exist_ok=True)
    (out / f"{drawn.name}.jpg").write_bytes(drawn.file)
    if text is not None:
        (out / f"{drawn.name}.txt").write_text(text.text, "utf-8")
        image = cv2.cvtColor(np.atleast_3d(page.image)[:, :, :1], cv2.COLOR_GRAY2BGR)
        shown = dataclasses.replace(page, image=image)
        cv2.imwrite(str(out / f"{drawn.name}.png"), overlay.draw(shown, text))


def main() -> int:
    known = [*drawn_tables.KINDS, *drawn_tables.NO_TABLES]
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kinds", nargs="+", choices=known, default=known, metavar="KIND")
    parser.add_argument("--pages", type=int, default=8, help="pages of each kind (default 8)")
    parser.add_argument("--first", type=int, default=0, help="number of the first page (default 0)")
    parser.add_argument("--layout-only", action="store_true", help="only from true lines")
    parser.add_argument("--weights", type=Path, help="weights of the daemon (default: as shipped)")
    parser.add_argument("--out", type=Path, help="write pages and what was found on them")
    parser.add_argument("--by-page", action="store_true", help="a row for each page too")
    args = parser.parse_args()
    recipe = shipped_recipe(args.weights)
    load = OurPipeline(recipe).load() if not args.layout_only else None

    def read(file: Path) -> PageText | None:
        return load(file).page if load else None

    print(HEAD, flush=True)
    results: dict[str, KindResult] = {}
    for kind in args.kinds:
        results[kind] = KindResult()
        for number in range(args.first, args.first + args.pages):
            result = measure(kind, number, recipe, read, args.out)
            results[kind] += result
            if args.by_page:
                print(row(f"  {kind}-{number}", result), flush=True)
        print(row(kind, results[kind]), flush=True)
    for name, kinds in (("all tables", drawn_tables.KINDS), ("no tables", drawn_tables.NO_TABLES)):
        if chosen := [results[kind] for kind in kinds if kind in results]:
            print(row(name, sum(chosen, KindResult())))
    return 0


def shipped_recipe(weights: Path | None) -> Recipe:
    """Return the recipe of the shipped config, with other weights if given."""
    from daemon.config.load import load

    recipe = load(REPOSITORY / "config.yaml").recipe
    if weights is None:
        return recipe
    return dataclasses.replace(recipe, weights=with_file(recipe.weights, weights))


if __name__ == "__main__":
    sys.exit(main())
