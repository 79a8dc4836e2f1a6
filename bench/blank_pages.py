"""Benchmark of `pages[].blank`: good pages that would be dropped, and blank ones that are kept.

    python -m bench.blank_pages [--blank 200] [--written 800] [--first 0] [--out DIR] [--real DIR]

The pages are those of bench/drawn_backs.py. `--out DIR` writes those that were told wrongly.
`--real DIR` takes scans: whole pages, each of which has text, so that none may be blank, and backs
that are made of the margins of these pages, on which nothing is written.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from pathlib import Path

import cv2

from bench import drawn_backs
from daemon.core.records import Page
from daemon.ocr.blank import is_blank

MIN_MARGIN = 0.12  # of the width or height of a page: of narrower margins no back is made


def main() -> None:
    """Run the benchmark of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--blank", type=int, default=200)
    parser.add_argument("--written", type=int, default=800)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    wrong: Counter[str] = Counter()
    total: Counter[str] = Counter()
    seconds = 0.0
    for draw, count in ((drawn_backs.blank, options.blank), (drawn_backs.written, options.written)):
        for seed in range(options.first, options.first + count):
            back = draw(seed)
            height, width = back.image.shape[:2]
            page = Page(1, width, height, back.image, dpi=float(back.dpi))
            start = time.process_time()
            told = is_blank(page)
            seconds += time.process_time() - start
            kind = back.written or "blank"
            total[kind] += 1
            if told != (back.written is None):
                wrong[kind] += 1
                print(f"{kind} {seed}: {', '.join(back.defects)}", flush=True)
                if options.out:
                    options.out.mkdir(parents=True, exist_ok=True)
                    cv2.imwrite(str(options.out / f"{kind}-{seed}.png"), back.image)
    for kind in total:
        print(f"{kind:16} {total[kind]:4} wrong {wrong[kind]}")
    good = sum(total.values()) - total["blank"]
    dropped = sum(wrong.values()) - wrong["blank"]
    print(f"good pages told to be blank: {dropped} of {good}")
    print(f"blank pages kept: {wrong['blank']} of {total['blank']}")
    print(f"{seconds / sum(total.values()):.3f} s a page")


if __name__ == "__main__":
    main()
