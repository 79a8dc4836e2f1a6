"""Confidence: what is published of scripts that the network does not know, and the threshold.

    python -m bench.confidence scripts
    python -m bench.confidence threshold [--pages PAGES_DIR] [--only PART]

`scripts` draws lines in languages whose script the network knows and in others, and prints how many
are published and how many have a confidence of 0.9 or more, before and after `plausibility`.

`threshold` reads drawn pages with pictures, and labelled pages, as scans, photographs and faxes. It
prints, for each threshold of the confidence, the recall of words (and single Chinese characters)
and the excess: the share of published ones that the page does not have.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import cv2

from bench.labelled import decoded, labelled_pages
from bench.scores import ScoreTotals, compare_text
from bench.script_lines import SOURCES, as_source, available, drawn_page, with_picture
from daemon.config.load import load
from daemon.ocr import assemble, pages, pipeline, plausibility, preprocess

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.damage import Pixels
    from daemon.ocr.pipeline import Pipeline
    from daemon.ocr.records import LineCrop, RecognizedLine

    Readings = list[RecognizedLine]

REPOSITORY = Path(__file__).parents[1]
THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
SURE = 0.9


def read(reader: Pipeline, image: Pixels) -> tuple[Readings, Readings]:
    """Return the readings of all lines of a page by the network alone, and with plausibility."""
    found: list[tuple[Readings, Readings]] = [([], [])]

    def weighed(lines: Sequence[LineCrop], readings: Sequence[RecognizedLine]) -> Readings:
        found.append((list(readings), original(lines, readings)))
        return found[-1][1]

    original = plausibility.weighed
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "page.png")
        cv2.imwrite(str(file), image, [cv2.IMWRITE_PNG_COMPRESSION, 1])
        recipe = reader.recipe
        with (
            pages.open_document(file, recipe.limits, recipe.rendering, in_gray=True) as source,
            mock.patch.object(pipeline.plausibility, "weighed", weighed),
        ):
            reader.read_page(preprocess.grayed(source.page(1)))
    return found[-1]


def scripts(reader: Pipeline, count: int) -> Iterator[str]:
    """Yield a row for each language: lines, published and above 0.9, before and with."""
    yield "| language | lines | published before | published | 0.9 or more before | 0.9 or more |"
    yield "|---|---|---|---|---|---|"
    for language in available():
        before, after = [], []
        for seed in range(count):
            image, _ = drawn_page(language, seed)
            of_page = read(reader, as_source(image, "scan", seed))
            before.append(of_page[0])
            after.append(of_page[1])
        lines = sum(map(len, before))
        shares = [
            sum(len(assemble.legible_indexes(readings)) for readings in of_pages)
            for of_pages in (before, after)
        ] + [
            sum(r.confidence >= SURE for rs in of_pages for r in rs) for of_pages in (before, after)
        ]
        cells = " | ".join(f"{share / max(1, lines):.3f}" for share in shares)
        yield f"| {language.name} | {lines} | {cells} |"


def labelled(args: argparse.Namespace) -> Iterator[tuple[str, Pixels, str]]:
    """Yield the kind, the image and the text of drawn and of labelled pages."""
    for language in available():
        for seed in range(args.count if language.is_known else 0):
            image, lines = drawn_page(language, seed)
            yield "drawn", with_picture(image, seed), "\n".join(lines)
    for page in labelled_pages(args.pages, args.only) if args.pages else ():
        if page.truth is not None:
            yield "labelled", decoded(page.file), page.truth


def threshold(reader: Pipeline, args: argparse.Namespace) -> Iterator[str]:
    """Yield a table of recall / excess: a row for each kind and source, a column a threshold."""
    totals: dict[tuple[str, str, float], ScoreTotals] = defaultdict(ScoreTotals)
    for seed, (kind, image, truth) in enumerate(labelled(args)):
        for source in SOURCES:
            _, readings = read(reader, as_source(image, source, seed))
            for least in THRESHOLDS:
                totals[kind, source, least].add(_scored(readings, truth, least))
    yield "| pages | source | " + " | ".join(f"{least:.2f}" for least in THRESHOLDS) + " |"
    yield "|---" * (2 + len(THRESHOLDS)) + "|"
    for kind, source in sorted({key[:2] for key in totals}):
        cells = " | ".join(_cell(totals[kind, source, least]) for least in THRESHOLDS)
        yield f"| {kind} | {source} | {cells} |"


def _scored(readings: Readings, truth: str, least: float) -> ScoreTotals:
    """Return the tokens that are published at a threshold, 0.1 less for long readings."""
    totals = ScoreTotals()
    with (
        mock.patch.object(assemble, "_MIN_LEGIBLE", least),
        mock.patch.object(assemble, "_MIN_LEGIBLE_LONG", least - 0.1),
    ):
        indexes = assemble.legible_indexes(readings)
    compare_text(truth, "\n".join(readings[k].text for k in indexes), totals)
    return totals


def _cell(totals: ScoreTotals) -> str:
    excess = 1 - totals.tokens_right / max(1, totals.tokens_read)
    return f"{totals.tokens_right / max(1, totals.tokens_true):.3f} / {excess:.3f}"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.confidence", description=__doc__)
    parser.add_argument("table", choices=("scripts", "threshold"))
    parser.add_argument("--count", type=int, default=4, help="drawn pages of each language")
    parser.add_argument("--pages", type=Path, help="a folder of labelled pages")
    parser.add_argument("--only", default="", help="labelled pages whose file name contains this")
    return parser.parse_args()


def main() -> int:
    args = arguments()
    cv2.setNumThreads(1)
    reader = pipeline.Pipeline.load(load(REPOSITORY / "config.yaml").recipe)
    rows = scripts(reader, args.count) if args.table == "scripts" else threshold(reader, args)
    for row in rows:
        print(row, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
