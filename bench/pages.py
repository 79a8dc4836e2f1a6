"""How well and how fast pages are read: line recall, text for the scorer, CPU seconds by stage.

    python -m bench.pages PAGES_DIR --weights models/NAME.pt [--out DIR] [--look DIR] [--turn 90] \
        [--switch deskew=off --switch denoise=median,ground=off ...]

PAGES_DIR holds images, and beside an image `STEM.json` with its labelled lines
(`lines: [{box: [x1, y1, ... x4, y4], text}]`) and `STEM.txt` with its text, where they are known.
`--out DIR` writes the text read as `DIR/VARIANT/STEM.txt`; `--look DIR` draws what was found.
`--turn` lays each page on its side or its head first (its labelled lines are then left out).
Each `--switch` is a variant: a comma-separated list of fields of `recipe.Cleaning`.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import re
import sys
import unicodedata
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from time import process_time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np
import torch
from rapidfuzz.distance import Levenshtein

from daemon.ocr import look, pages
from daemon.ocr.pipeline import Pipeline, Stages
from daemon.ocr.recognizer import Recognizer
from daemon.recipe import Cleaning, Recipe
from daemon.records import Page, PageText
from daemon.training.commands import LEXICON
from daemon.training.evaluate import weights_in

STAGES = ("decode", "clean", "segment", "recognize", "assemble")
TOKEN = re.compile(r"[㐀-鿿豈-﫿]|[^\W_]+")
SIMPLE = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-"})


@dataclass
class Tally:
    """What one variant did on one source's pages."""

    pages: int = 0
    labelled: int = 0
    hit: int = 0
    found: int = 0
    right: int = 0
    merged: int = 0
    split: int = 0
    errors: int = 0
    characters: int = 0
    tokens_right: int = 0
    tokens_true: int = 0
    tokens_read: int = 0
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))

    def add(self, other: Tally) -> None:
        """Count what `other` counted."""
        for name in (f.name for f in dataclasses.fields(self) if f.name != "seconds"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for stage in STAGES:
            self.seconds[stage] += other.seconds[stage]


def read(path: Path, pipeline: Pipeline, turn: int, tally: Tally) -> tuple[Page, PageText]:
    """Return the first page of `path` turned clockwise, as published; CPU seconds go to `tally`."""
    stages = Stages(process_time)
    limits, rendering = pipeline.recipe.limits, pipeline.recipe.rendering
    with stages("decode"), pages.open_document(path, limits, rendering) as source:
        page = source.page(1)
    if turn:
        image = np.ascontiguousarray(np.rot90(page.image, -turn // 90))
        width, height = page.width, page.height
        width, height = (height, width) if turn % 180 else (width, height)
        page = dataclasses.replace(page, image=image, width=width, height=height)
    text = pipeline.read_page(page, stages)
    tally.seconds |= stages.seconds
    return page, text


def compare_lines(labels: np.ndarray, found: np.ndarray, tally: Tally) -> None:
    """Count hits at IoU 0.5; a miss is merged (70 % within one found) or split (>= 2 within it)."""
    tally.labelled, tally.found = len(labels), len(found)
    if not len(labels) or not len(found):
        return
    low = np.maximum(labels[:, None, :2], found[None, :, :2])
    high = np.minimum(labels[:, None, 2:], found[None, :, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=2)
    area, found_area = (np.prod(b[:, 2:] - b[:, :2], axis=1) for b in (labels, found))
    hit = shared / (area[:, None] + found_area - shared) >= 0.5
    missed = ~hit.any(axis=1)
    tally.hit, tally.right = int(hit.any(axis=1).sum()), int(hit.any(axis=0).sum())
    tally.merged = int((missed & (shared > 0.7 * area[:, None]).any(axis=1)).sum())
    tally.split = int((missed & ((shared > 0.7 * found_area).sum(axis=1) >= 2)).sum())


def compare_text(truth: str, text: str, tally: Tally) -> None:
    """Count character errors in reading order and tokens in any order (folding: NFKC, quotes)."""
    truth, text = (
        re.sub(r"\s+", " ", unicodedata.normalize("NFKC", t).translate(SIMPLE)).strip()
        for t in (truth, text)
    )
    tally.errors, tally.characters = Levenshtein.distance(truth, text), len(truth)
    true, said = (Counter(TOKEN.findall(t.lower())) for t in (truth, text))
    tally.tokens_right = sum((true & said).values())
    tally.tokens_true, tally.tokens_read = sum(true.values()), sum(said.values())


def labelled_boxes(path: Path) -> np.ndarray:
    """Return the labelled lines of `path`, N,4; vertical and many-lined ones are left out."""
    lines = json.loads(path.read_text("utf-8"))["lines"]
    kept = [x for x in lines if not x.get("vertical") and not x.get("multiline")]
    corners = [(x["box"][::2], x["box"][1::2]) for x in kept]
    return np.array([[min(x), min(y), max(x), max(y)] for x, y in corners], float).reshape(-1, 4)


def found_boxes(text: PageText) -> np.ndarray:
    boxes = [line.box for block in text.blocks for line in block.lines]
    return np.array([[b.left, b.top, b.right, b.bottom] for b in boxes], float).reshape(-1, 4)


def draw(path: Path, page: Page, text: PageText, labels: np.ndarray) -> None:
    """Write the page with its labelled boxes (red) under what was read of it."""
    image = page.image.copy()
    for left, top, right, bottom in labels.astype(int).tolist():
        cv2.rectangle(
            image, (left, top), (right, bottom), (0, 0, 255), 1 + max(image.shape) // 1500
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), look.picture(dataclasses.replace(page, image=image), text))


def cleaning_of(switches: str) -> Cleaning:
    """Return the default cleaning with `key=value,...` changed."""
    words = {"on": True, "off": False}
    changed = {}
    for pair in filter(None, switches.split(",")):
        key, value = pair.split("=")
        kind = type(getattr(Cleaning(), key))
        changed[key] = words[value] if kind is bool else kind(value)
    return dataclasses.replace(Cleaning(), **changed)


def measure(args: argparse.Namespace, variant: str, recognizer: Recognizer) -> dict[str, Tally]:
    tallies: dict[str, Tally] = defaultdict(Tally)
    recipe = Recipe(weights=recognizer.weights, cleaning=cleaning_of(variant))
    pipeline = Pipeline(recipe, recognizer)
    for path in sorted(args.pages.iterdir()):
        if path.suffix in (".txt", ".json") or args.only not in path.name:
            continue
        tally = Tally(pages=1)
        page, text = read(path, pipeline, args.turn, tally)
        labels = np.zeros((0, 4))
        if path.with_suffix(".json").exists() and not args.turn:
            labels = labelled_boxes(path.with_suffix(".json"))
            compare_lines(labels, found_boxes(text), tally)
        if path.with_suffix(".txt").exists():
            compare_text(path.with_suffix(".txt").read_text("utf-8"), text.text, tally)
        if args.out:
            out = args.out / (variant or "default") / f"{path.stem}.txt"
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_text(text.text, "utf-8")
        if args.look:
            draw(args.look / f"{path.stem}.png", page, text, labels)
        if args.by_page:
            print(row(path.stem, tally))
        for group in ("_".join(path.stem.split("_")[:2]), path.stem.split("_")[0], "all"):
            tallies[group].add(tally)
    return tallies


HEAD = (
    f"{'':30s} pages  recall   prec merged split    cer    wf1"
    f" | CPU s/page {' '.join(f'{s:>9s}' for s in STAGES)}"
)


def row(name: str, t: Tally) -> str:
    f1 = 2 * t.tokens_right / max(1, t.tokens_true + t.tokens_read)
    seconds = " ".join(f"{t.seconds[s] / t.pages:9.3f}" for s in STAGES)
    return (
        f"{name:30s} {t.pages:5d} {t.hit / max(1, t.labelled):7.3f}"
        f" {t.right / max(1, t.found):6.3f} {t.merged:6d} {t.split:5d}"
        f" {t.errors / max(1, t.characters):6.4f} {f1:6.4f}"
        f" | {sum(t.seconds.values()) / t.pages:10.3f} {seconds}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("pages", type=Path)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--look", type=Path)
    parser.add_argument("--only", default="", help="pages whose name has this")
    parser.add_argument("--turn", type=int, default=0, choices=(0, 90, 180, 270), help="degrees")
    parser.add_argument("--by-page", action="store_true")
    parser.add_argument("--switch", action="append", default=[], metavar="KEY=VALUE,...")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    recognizer = Recognizer.load(weights_in(args.weights, lexicon=LEXICON))
    for variant in ["", *args.switch]:
        print(f"\n{variant or 'default'}\n{HEAD}")
        for group, tally in sorted(measure(args, variant, recognizer).items()):
            print(row(group, tally), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
