"""Benchmark of whole pages: lines found, text, CPU seconds by stage, memory.

    python -m bench.pages PAGES_DIR [--weights models/NAME.pt] [--switch deskew=off ...] \\
        [--peers all] [--damage skew-10 ...] [--turn all] [--out DIR [--scorer score_pages.py]] \\
        [--wild]

PAGES_DIR holds labelled pages (bench/labelled.py). They are read with the shipped settings and with
a variant for each `--switch`, a comma-separated list of fields of `Preprocessing`, or
segmenter=dbnet; `--peers` selects readers of bench/readers.py for comparison. Each reader has a
process of its own, all on the same core and limited to one thread, and they alternate page by page.
`--damage` (bench/damage.py; several, or all, which includes undamaged) and `--turn` (90, 180, 270,
or all, which includes upright) change the pages and their labels first; the run then ends with a
table of these conditions, and with `--turn all` with the share of pages that read as well turned as
upright.

For each source (the second part of a page name), each language and each `--part` of names, the
table has the share of labelled lines found at IoU 0.5 (recall), with those joined with others of
their row (rows), and how many were joined, merged with other rows, split; CER in reading order, F1
of words and Chinese characters in any order, CPU seconds per page, and the figures of the first
reader divided by those of each. The resident set (RSS) is representative for undamaged pages only:
damaged ones are larger.

`--wild` reads pictures that are no tidy scans: PAGES_DIR has transcriptions, but no labelled lines
(bench/labelled.py), and pictures without one are left out. The table has the pictures read well
(nine tenths of the text found), the share of the text found with each line at its best place
(recall), the characters read that no transcription has (excess) and 1 - CER in reading order
(order), as those of `score_wild.py`.

`--out DIR` writes the readings as `DIR/CONDITION/READER/STEM.txt`; `--scorer` runs the scorer of
the labelled pages on them: CER and F1 are the same to the last digit (without `--only`, since that
script takes a page that was not read for an empty one). `--look DIR` draws the lines found.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2

from bench.damage import DAMAGES
from bench.labelled import (
    Condition,
    LabelledPage,
    apply_condition,
    decoded,
    labelled_pages,
    pictures,
)
from bench.peers import NotInstalled
from bench.reader_process import ReaderProcess
from bench.readers import PEERS, OurPipeline, PageReader, PageReading
from bench.scores import ScoreTotals, compare_lines, compare_picture, compare_text, language
from bench.tables import (
    HEAD,
    PICTURES_HEAD,
    PageResult,
    groups_of,
    memory_lines,
    pictures_row,
    pictures_table,
    row,
    summed,
    table,
    turned_lines,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from daemon.core.options import Weights

REPOSITORY = Path(__file__).parents[1]
TURNS = (0, 90, 180, 270)


def score_page(
    condition: Condition, reader: str, page: LabelledPage, reading: PageReading
) -> PageResult:
    """Return the scores of a reading of the page."""
    totals = ScoreTotals(pages=1)
    totals.seconds.update(reading.seconds)
    upright = (
        [1, 0, 3, 2] if condition.turn % 180 else [0, 1, 2, 3]
    )  # so that rows are rows on a page on its side
    boxes = reading.boxes if len(page.labels) else page.labels
    compare_lines(page.labels[:, upright], boxes[:, upright], totals)
    if page.truth is None:
        return PageResult(condition, reader, page.name, None, totals)
    compare_text(page.truth, reading.text, totals)
    compare_picture(page.truth, reading.text, totals, is_partial=page.is_partial)
    spoken = language(page.truth)
    return PageResult(condition, reader, page.name, spoken, totals, page.category)


def results(
    args: argparse.Namespace, condition: Condition, processes: Sequence[ReaderProcess]
) -> Iterator[PageResult]:
    """Read each page in `condition` with all readers; save the readings if requested."""
    with tempfile.TemporaryDirectory() as folder:
        for page in (pictures if args.wild else labelled_pages)(args.pages, args.only):
            changed = apply_condition(condition, page, Path(folder))
            for process in processes:
                reading = process.read(changed.file)
                result = score_page(condition, process.name, changed, reading)
                save_reading(args, result, changed, reading)
                yield result
            if changed.file != page.file:
                changed.file.unlink()


def save_reading(
    args: argparse.Namespace, result: PageResult, page: LabelledPage, reading: PageReading
) -> None:
    """Write, draw and print the reading of a page, as the options request."""
    place = Path(str(result.condition)) / result.reader
    if args.out:
        (args.out / place).mkdir(parents=True, exist_ok=True)
        (args.out / place / f"{page.name}.txt").write_text(reading.text, "utf-8")
    if args.look and reading.page is not None:
        draw(args.look / place / f"{page.name}.png", page, reading)
    if args.by_page:
        as_row = pictures_row if args.wild else row
        print(as_row(f"{page.name[:24]:24s} {result.reader}", result.totals), flush=True)


def draw(path: Path, page: LabelledPage, reading: PageReading) -> None:
    """Write the page with its labelled boxes (red) and its reading over them."""
    from daemon.core.records import Page
    from daemon.ocr.render import overlay

    image = decoded(page.file)
    thick = 1 + max(image.shape) // 1500
    for left, top, right, bottom in page.labels.astype(int).tolist():
        cv2.rectangle(image, (left, top), (right, bottom), (0, 0, 255), thick)
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = image.shape[:2]
    cv2.imwrite(str(path), overlay.draw(Page(1, width, height, image), reading.page))


def start_available(readers: Iterable[PageReader], stack: ExitStack) -> list[ReaderProcess]:
    """Start the readers that are installed; print why the others are left out."""
    processes = []
    for reader in readers:
        try:
            processes.append(stack.enter_context(ReaderProcess(reader)))
        except NotInstalled as error:
            print(f"left out: {reader.name}: {error}")
    return processes


def conditions(args: argparse.Namespace) -> list[Condition]:
    """Return every requested damage in every requested turn; undamaged if none is requested."""
    damages = ["", *DAMAGES] if "all" in args.damage else args.damage or [""]
    turns = TURNS if args.turn == "all" else (int(args.turn),)
    return [Condition(damage, turn) for damage in damages for turn in turns]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("pages", type=Path)
    parser.add_argument("--weights", type=Path, help="weights of the daemon (default: as shipped)")
    parser.add_argument(
        "--switch",
        action="append",
        default=[],
        metavar="KEY=VALUE,...",
        help="add a variant of the daemon",
    )
    parser.add_argument("--peers", nargs="+", default=[], choices=("all", *PEERS))
    parser.add_argument("--damage", nargs="+", default=[], choices=("all", *DAMAGES))
    parser.add_argument("--turn", default="0", choices=("0", "90", "180", "270", "all"))
    parser.add_argument("--only", default="", help="read only pages whose name contains this")
    parser.add_argument(
        "--part",
        action="append",
        default=[],
        help="add a total of the pages whose name contains this",
    )
    parser.add_argument("--wild", action="store_true", help="score pictures without labelled lines")
    parser.add_argument("--by-page", action="store_true", help="print a row for each page")
    parser.add_argument("--out", type=Path, help="write the readings here")
    parser.add_argument("--look", type=Path, help="draw the lines found here")
    parser.add_argument("--scorer", type=Path, help="score_pages.py, run on the readings in --out")
    args = parser.parse_args()
    if args.scorer and not args.out:
        parser.error("--scorer needs --out, whose readings it scores")
    return args


def readers(args: argparse.Namespace) -> list[PageReader]:
    """Return the daemon in its variants, then the requested peers."""
    from daemon.config.load import load

    shipped = load(REPOSITORY / "config.yaml").recipe
    if args.weights:
        shipped = dataclasses.replace(shipped, weights=with_file(shipped.weights, args.weights))
    ours = [OurPipeline(shipped, variant) for variant in ["", *args.switch]]
    peers = list(PEERS) if "all" in args.peers else args.peers
    return [*ours, *(PEERS[name] for name in peers)]


def with_file(weights: Weights, file: Path) -> Weights:
    """Return `weights` with another file; the backend follows from its suffix."""
    backend = "onnxruntime" if file.suffix == ".onnx" else "torchscript"
    return dataclasses.replace(weights, file=file, backend=backend, sha256=None)


def main() -> int:
    args = arguments()
    with ExitStack() as stack:
        processes = start_available(readers(args), stack)
        finished = [r for each in conditions(args) for r in measure(args, each, processes)]
        if len({result.condition for result in finished}) > 1:
            by_condition = summed(finished, lambda r: [str(r.condition)])
            print("\nby condition", *in_columns(args, by_condition), sep="\n")
        print("", *turned_lines(finished), sep="\n")
        print("resident MB (RSS)       peak  at end  first's over it")
        print(*memory_lines({process.name: process.memory() for process in processes}), sep="\n")
    return 0


def measure(
    args: argparse.Namespace, condition: Condition, processes: Sequence[ReaderProcess]
) -> list[PageResult]:
    """Read all pages in `condition`; print and return the results."""
    head = PICTURES_HEAD if args.wild else HEAD
    print(f"\n{condition}", *([head] if args.by_page else []), sep="\n", flush=True)
    found = list(results(args, condition, processes))
    by_group = summed(found, partial(groups_of, parts=args.part))
    print(*in_columns(args, by_group), sep="\n", flush=True)
    if args.scorer:
        score(args, condition, processes)
    return found


def in_columns(
    args: argparse.Namespace, by_group: Mapping[str, Mapping[str, ScoreTotals]]
) -> Iterator[str]:
    """Return the table of pictures or of pages."""
    return pictures_table(by_group) if args.wild else table(by_group)


def score(
    args: argparse.Namespace, condition: Condition, processes: Sequence[ReaderProcess]
) -> None:
    """Run the scorer of the labelled pages on the readings in --out."""
    written = [f"{e.name}={args.out / str(condition) / e.name}" for e in processes]
    subprocess.run([sys.executable, args.scorer, args.pages, *written], check=True)


if __name__ == "__main__":
    sys.exit(main())
