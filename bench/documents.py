"""Benchmark of derived outputs: the structure of drawn documents, parsed back by other libraries.

    python -m bench.documents [--pages 30] [--first 0] [--tables] [--out DIR]

Each page (bench/drawn_documents.py) is read with the shipped settings and written as Markdown and
DOCX, its tables as CSV and XLSX. markdown-it-py, python-docx, csv and openpyxl read them again:

    headings  F1: a heading counts where its text is right (nine tenths of it) and in order
    levels    share of the found headings that have their level
    lists     F1 of items: text, kind of mark and depth; order counts
    tables    TEDS (bench/teds.py); spans of Markdown tables are as the drawing has them, none
    cells     share of the drawn cells whose text is exactly that of their place in CSV and XLSX;
              white space is left out, and XLSX is compared as a spreadsheet shows it

"Together" is the mean of headings, lists and tables. With --tables the cells are those of the pages
of bench/drawn_tables.py, ten kinds of tables with and without rules and spans.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from rapidfuzz.distance import Levenshtein

from bench import drawn_documents, drawn_tables, parsed_back
from bench.drawn_documents import Element, Heading, Item
from bench.readers import OurPipeline
from bench.table_structure import shipped_recipe
from bench.teds import folded, teds
from daemon.core.records import PageText, Table
from daemon.core.structure import HeadingLevels
from daemon.ocr.render import docx, xlsx
from daemon.outbox import csv_tables, markdown

SAME_TEXT = 0.9  # similarity of two texts that count as the same


@dataclass
class Totals:
    """Sums over pages of one output."""

    drawn: int = 0
    found: int = 0
    right: float = 0
    levels: int = 0

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        return 2 * self.right / max(1, self.drawn + self.found)


def is_same(text: str, other: str) -> bool:
    """Tell whether two texts are the same but for a few characters."""
    return Levenshtein.normalized_similarity(folded(text), folded(other)) >= SAME_TEXT


def matched(
    drawn: Sequence[Element], found: Sequence[Element], same: Callable[[Element, Element], bool]
) -> list[tuple[Element, Element]]:
    """Return the longest common subsequence of two lists, as pairs."""
    lengths = [[0] * (len(found) + 1) for _ in range(len(drawn) + 1)]
    for i in reversed(range(len(drawn))):
        for j in reversed(range(len(found))):
            lengths[i][j] = max(lengths[i + 1][j], lengths[i][j + 1])
            if same(drawn[i], found[j]):
                lengths[i][j] = max(lengths[i][j], 1 + lengths[i + 1][j + 1])
    pairs, i, j = [], 0, 0
    while i < len(drawn) and j < len(found):
        if same(drawn[i], found[j]) and lengths[i][j] == 1 + lengths[i + 1][j + 1]:
            pairs.append((drawn[i], found[j]))
            i, j = i + 1, j + 1
        elif lengths[i + 1][j] >= lengths[i][j + 1]:
            i += 1
        else:
            j += 1
    return pairs


def same_heading(a: Element, b: Element) -> bool:
    return isinstance(a, Heading) and isinstance(b, Heading) and is_same(a.text, b.text)


def same_item(a: Element, b: Element) -> bool:
    if not (isinstance(a, Item) and isinstance(b, Item)):
        return False
    return (a.mark, a.depth) == (b.mark, b.depth) and is_same(a.text, b.text)


@dataclass
class Result:
    """Headings, list items and tables of an output, compared with the drawing."""

    headings: Totals
    items: Totals
    tables: Totals

    @classmethod
    def empty(cls) -> Result:
        """Return the result of no page."""
        return cls(Totals(), Totals(), Totals())

    def add(self, drawn: Sequence[Element], found: Sequence[Element], *, spans: bool) -> None:
        """Compare a page; without `spans` the tables are compared as Markdown can have them."""
        for kind, totals, same in (
            (Heading, self.headings, same_heading), (Item, self.items, same_item),
        ):  # fmt: skip
            pairs = matched(drawn, found, same)
            totals.drawn += sum(isinstance(each, kind) for each in drawn)
            totals.found += sum(isinstance(each, kind) for each in found)
            totals.right += len(pairs)
            totals.levels += sum(
                isinstance(a, Heading) and isinstance(b, Heading) and a.level == b.level
                for a, b in pairs
            )
        true = [each for each in drawn if isinstance(each, Table)]
        tables = [each for each in found if isinstance(each, Table)]
        self.tables.drawn += len(true)
        self.tables.found += len(tables)
        flat = (lambda table: table) if spans else parsed_back.without_spans
        for a, b in zip(true, tables, strict=False):
            self.tables.right += teds(flat(a), b)

    @property
    def score(self) -> float:
        """The mean of headings, lists and tables."""
        tables = self.tables.right / max(1, self.tables.drawn, self.tables.found)
        return (self.headings.f1 + self.items.f1 + tables) / 3

    def __str__(self) -> str:
        headings, tables = self.headings, self.tables
        levels = headings.levels / max(1, headings.right)
        score = tables.right / max(1, tables.drawn, tables.found)
        return (
            f"headings {headings.f1:.3f} ({headings.drawn}), levels {levels:.3f}, "
            f"lists {self.items.f1:.3f} ({self.items.drawn}), tables {score:.3f} ({tables.drawn}), "
            f"together {self.score:.3f}"
        )


@dataclass
class Cells:
    """Cells of tables that are exactly as drawn."""

    drawn: int = 0
    right: int = 0

    def add(self, drawn: Table, found: Table | None) -> None:
        """Compare a table cell by cell, each at its place."""
        texts = {} if found is None else {(c.row, c.column): folded(c.text) for c in found.cells}
        for cell in drawn.cells:
            self.drawn += 1
            self.right += texts.get((cell.row, cell.column), "") == folded(cell.text)

    def __str__(self) -> str:
        return f"{self.right / max(1, self.drawn):.4f} of {self.drawn}"


@dataclass
class Measured:
    """The results of all outputs."""

    markdown: Result = field(default_factory=Result.empty)
    docx: Result = field(default_factory=Result.empty)
    csv: Cells = field(default_factory=Cells)
    xlsx: Cells = field(default_factory=Cells)

    def add(self, name: str, elements: Sequence[Element], page: PageText, folder: Path) -> None:
        """Write the outputs of a page, and compare what other libraries read in them."""
        text = "".join(markdown.render([page], HeadingLevels([page])))
        (folder / f"{name}.md").write_text(text, "utf-8")
        self.markdown.add(elements, parsed_back.from_markdown(text), spans=False)
        path = folder / f"{name}.docx"
        docx.write(path, [page], 0.0)
        self.docx.add(elements, parsed_back.from_docx(path), spans=True)
        self.add_tables(name, [each for each in elements if isinstance(each, Table)], page, folder)

    def add_tables(self, name: str, drawn: Sequence[Table], page: PageText, folder: Path) -> None:
        """Compare the cells of the tables, in the order in which they lie on the page."""
        contents = list(csv_tables.render([page]))
        for number, content in enumerate(contents, 1):
            (folder / f"{name}.table-{number:04d}.csv").write_bytes(content)
        sheets: list[Table] = []
        if contents:
            path = folder / f"{name}.xlsx"
            xlsx.write(path, [page], 0.0)
            sheets = list(parsed_back.from_xlsx(path))
        csv_found = [parsed_back.from_csv(content) for content in contents]
        for cells, found in ((self.csv, csv_found), (self.xlsx, sheets)):
            for table, other in zip_longest(drawn, found[: len(drawn)]):
                cells.add(table, other)

    def __str__(self) -> str:
        rows = [f"cells: CSV {self.csv}, XLSX {self.xlsx}"]
        if self.markdown.headings.drawn:
            rows = [f"Markdown: {self.markdown}", f"DOCX: {self.docx}", *rows]
        return "\n".join(rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pages", type=int, default=30, help="drawn pages (default 30)")
    parser.add_argument("--first", type=int, default=0, help="number of the first (default 0)")
    parser.add_argument("--out", type=Path, help="write pages and outputs to this folder")
    parser.add_argument("--tables", action="store_true", help="cells of bench/drawn_tables.py")
    args = parser.parse_args()
    read = OurPipeline(shipped_recipe(None)).load()
    measured = Measured()
    with tempfile.TemporaryDirectory() as name:
        folder = args.out or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(args.first, args.first + args.pages):
            for drawn in _table_pages(number) if args.tables else [drawn_documents.drawn(number)]:
                file = folder / f"{drawn.name}.jpg"
                file.write_bytes(drawn.file)
                page = read(file).page
                assert page is not None, f"{drawn.name} was not read"
                if isinstance(drawn, drawn_documents.DocumentPage):
                    measured.add(drawn.name, drawn.elements, page, folder)
                else:
                    measured.add_tables(drawn.name, drawn.tables, page, folder)
    print(measured)
    return 0


def _table_pages(number: int) -> list[drawn_tables.TablePage]:
    """Return a page of each kind of table."""
    return [drawn_tables.drawn(kind, number) for kind in drawn_tables.KINDS]


if __name__ == "__main__":
    sys.exit(main())
