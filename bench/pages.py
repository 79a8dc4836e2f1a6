"""How well and how fast whole pages are read: lines, text, CPU seconds by stage, memory.

    python -m bench.pages PAGES_DIR [--weights models/NAME.pt] [--switch deskew=off ...] \\
        [--peers all] [--damage skew-10 ...] [--turn all] [--out DIR [--scorer score_pages.py]]

PAGES_DIR holds labelled pages (bench/labelled.py). Ours reads them as it ships and in a variant for
each `--switch`, a comma-separated list of fields of `Preprocessing`, or segmenter=dbnet; `--peers`
names those of bench/readers.py to read beside it. Each reader has a process of its own, all on the
same core and held to one thread, and they take turns page by page. `--damage` (bench/damage.py;
several, or all, and as they are too) and `--turn` (90, 180, 270, or all, and upright too) change
the pages before, and their labels with them; a table of these conditions ends the run, and all
turns the share of pages that read as well turned as upright.

For each source (the second part of a page's name), each language and each `--part` of names, the
table gives labelled lines found at IoU 0.5 (recall), those joined with others of their row too
(rows), and how many were joined, merged with other rows, split; CER in reading order, F1 of words
and Chinese characters in any order, CPU seconds a page, and the first reader's figures over each
one's. The resident set (RSS) of a process is its own only where pages are as
they are: damaged ones are larger.

`--out DIR` writes what was read as `DIR/CONDITION/READER/STEM.txt`; `--scorer` lets the labelled
pages' own scorer print its figures of these: CER and F1 are the same to the last digit (without
`--only`, since to that script a page that was not read is an empty one). `--look DIR` draws what
was found.
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
from bench.engines import Engine
from bench.labelled import Condition, LabelledPage, decoded, labelled_pages, under
from bench.peers import Missing
from bench.readers import PEERS, Ours, Reader, Seen
from bench.scores import ScoreTotals, compare_lines, compare_text, language
from bench.tables import HEAD, Outcome, memory_lines, parts_of, row, summed, table, turned_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from daemon.core.options import Weights

REPOSITORY = Path(__file__).parents[1]
TURNS = (0, 90, 180, 270)


def scored(condition: Condition, reader: str, page: LabelledPage, seen: Seen) -> Outcome:
    """Return how well `reader` read the page."""
    totals = ScoreTotals(pages=1)
    totals.seconds.update(seen.seconds)
    upright = [1, 0, 3, 2] if condition.turn % 180 else [0, 1, 2, 3]  # rows of a page on its side
    boxes = seen.boxes if len(page.labels) else page.labels
    compare_lines(page.labels[:, upright], boxes[:, upright], totals)
    if page.truth is None:
        return Outcome(condition, reader, page.name, None, totals)
    compare_text(page.truth, seen.text, totals)
    return Outcome(condition, reader, page.name, language(page.truth), totals)


def outcomes(
    args: argparse.Namespace, condition: Condition, engines: Sequence[Engine]
) -> Iterator[Outcome]:
    """Let all engines read each page in `condition`, and keep what was asked for."""
    with tempfile.TemporaryDirectory() as folder:
        for page in labelled_pages(args.pages, args.only):
            changed = under(condition, page, Path(folder))
            for engine in engines:
                seen = engine.read(changed.file)
                outcome = scored(condition, engine.name, changed, seen)
                keep(args, outcome, changed, seen)
                yield outcome
            if changed.file != page.file:
                changed.file.unlink()


def keep(args: argparse.Namespace, outcome: Outcome, page: LabelledPage, seen: Seen) -> None:
    """Write, draw and print what was read of one page, where asked to."""
    place = Path(str(outcome.condition)) / outcome.reader
    if args.out:
        (args.out / place).mkdir(parents=True, exist_ok=True)
        (args.out / place / f"{page.name}.txt").write_text(seen.text, "utf-8")
    if args.look and seen.page is not None:
        draw(args.look / place / f"{page.name}.png", page, seen)
    if args.by_page:
        print(row(f"{page.name[:24]:24s} {outcome.reader}", outcome.totals), flush=True)


def draw(path: Path, page: LabelledPage, seen: Seen) -> None:
    """Write the page with its labelled boxes (red) under what was read of it."""
    from daemon.core.records import Page
    from daemon.ocr.render import overlay

    image = decoded(page.file)
    thick = 1 + max(image.shape) // 1500
    for left, top, right, bottom in page.labels.astype(int).tolist():
        cv2.rectangle(image, (left, top), (right, bottom), (0, 0, 255), thick)
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = image.shape[:2]
    cv2.imwrite(str(path), overlay.draw(Page(1, width, height, image), seen.page))


def warmed(readers: Iterable[Reader], stack: ExitStack) -> list[Engine]:
    """Start those that can read here; say why the others cannot."""
    engines = []
    for reader in readers:
        try:
            engines.append(stack.enter_context(Engine(reader)))
        except Missing as absent:
            print(f"left out: {reader.name}: {absent}")
    return engines


def conditions(args: argparse.Namespace) -> list[Condition]:
    """Return every asked damage in every asked turn; without any, pages as they are."""
    damages = ["", *DAMAGES] if "all" in args.damage else args.damage or [""]
    turns = TURNS if args.turn == "all" else (int(args.turn),)
    return [Condition(damage, turn) for damage in damages for turn in turns]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("pages", type=Path)
    parser.add_argument("--weights", type=Path, help="ours; else those that ship")
    parser.add_argument("--switch", action="append", default=[], metavar="KEY=VALUE,...")
    parser.add_argument("--peers", nargs="+", default=[], choices=("all", *PEERS))
    parser.add_argument("--damage", nargs="+", default=[], choices=("all", *DAMAGES))
    parser.add_argument("--turn", default="0", choices=("0", "90", "180", "270", "all"))
    parser.add_argument("--only", default="", help="pages whose name has this")
    parser.add_argument("--part", action="append", default=[], help="sum up names with this, too")
    parser.add_argument("--by-page", action="store_true")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--look", type=Path)
    parser.add_argument("--scorer", type=Path, help="score_pages.py, to score what --out wrote")
    args = parser.parse_args()
    if args.scorer and not args.out:
        parser.error("--scorer scores what --out wrote")
    return args


def readers(args: argparse.Namespace) -> list[Reader]:
    """Return ours in its variants, then the peers that were asked for."""
    from daemon.config.load import load

    shipped = load(REPOSITORY / "config.yaml").recipe
    if args.weights:
        shipped = dataclasses.replace(shipped, weights=read_with(shipped.weights, args.weights))
    ours = [Ours(shipped, variant) for variant in ["", *args.switch]]
    peers = list(PEERS) if "all" in args.peers else args.peers
    return [*ours, *(PEERS[name] for name in peers)]


def read_with(weights: Weights, file: Path) -> Weights:
    """Return `weights` with another file, read by the backend that its name tells."""
    backend = "onnxruntime" if file.suffix == ".onnx" else "torchscript"
    return dataclasses.replace(weights, file=file, backend=backend, sha256=None)


def main() -> int:
    args = arguments()
    with ExitStack() as stack:
        engines = warmed(readers(args), stack)
        done = [o for one in conditions(args) for o in measured(args, one, engines)]
        if len({outcome.condition for outcome in done}) > 1:
            print("\nby condition", *table(summed(done, lambda o: [str(o.condition)])), sep="\n")
        print("", *turned_lines(done), sep="\n")
        print("resident MB (RSS)       peak  at end  first's over it")
        print(*memory_lines({engine.name: engine.memory() for engine in engines}), sep="\n")
    return 0


def measured(
    args: argparse.Namespace, condition: Condition, engines: Sequence[Engine]
) -> list[Outcome]:
    """Return how all pages were read in `condition`, and print it."""
    print(f"\n{condition}", *([HEAD] if args.by_page else []), sep="\n", flush=True)
    found = list(outcomes(args, condition, engines))
    print(*table(summed(found, partial(parts_of, parts=args.part))), sep="\n", flush=True)
    if args.scorer:
        score(args, condition, engines)
    return found


def score(args: argparse.Namespace, condition: Condition, engines: Sequence[Engine]) -> None:
    """Let the labelled pages' own scorer print its figures of what --out wrote."""
    written = [f"{e.name}={args.out / str(condition) / e.name}" for e in engines]
    subprocess.run([sys.executable, args.scorer, args.pages, *written], check=True)


if __name__ == "__main__":
    sys.exit(main())
