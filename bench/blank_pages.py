"""Benchmark of `pages[].blank`: good pages that would be dropped, and blank ones that are kept.

    python -m bench.blank_pages [--blank 200] [--written 800] [--first 0] [--out DIR] [--real DIR]

The pages are those of bench/drawn_backs.py. `--out DIR` writes those that were told wrongly.
A written page that seems blank is read, as the daemon does: a letter on it overrules.
With `--real DIR`, the pages of other files that seem blank are listed instead: a person says which
ones are.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import cv2
import numpy as np

from bench import drawn_backs
from bench.codes import pages_below
from daemon.core.records import Page
from daemon.ocr.blank import is_blank


def main() -> None:
    """Run the benchmark of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--blank", type=int, default=200)
    parser.add_argument("--written", type=int, default=800)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--real", type=Path)
    options = parser.parse_args()
    if options.real:
        list_real(options.real)
    else:
        measure(options.first, options.blank, options.written, options.out)


def measure(first: int, blank: int, written: int, out: Path | None) -> None:
    """Print how many drawn backs are told wrongly, by kind, and processor seconds a page."""
    wrong: Counter[str] = Counter()
    total: Counter[str] = Counter()
    seconds, overruled = 0.0, 0
    for draw, count in ((drawn_backs.blank, blank), (drawn_backs.written, written)):
        for seed in range(first, first + count):
            back = draw(seed)
            height, width = back.image.shape[:2]
            page = Page(1, width, height, back.image, dpi=float(back.dpi))
            start = time.process_time()
            told = is_blank(page)
            seconds += time.process_time() - start
            kind = back.written or "blank"
            total[kind] += 1
            if told and back.written and not daemon_finds_blank(back.image):
                overruled += 1
                print(f"{kind} {seed}: overruled by its text", flush=True)
            elif told != (back.written is None):
                wrong[kind] += 1
                print(f"{kind} {seed}: {', '.join(back.defects)}", flush=True)
                if out:
                    out.mkdir(parents=True, exist_ok=True)
                    cv2.imwrite(str(out / f"{kind}-{seed}.png"), back.image)
    for kind in total:
        print(f"{kind:16} {total[kind]:4} wrong {wrong[kind]}")
    good = sum(total.values()) - total["blank"]
    dropped = sum(wrong.values()) - wrong["blank"]
    print(f"good pages told to be blank: {dropped} of {good}; {overruled} more seemed to be")
    print(f"blank pages kept: {wrong['blank']} of {total['blank']}")
    print(f"{seconds / sum(total.values()):.3f} s a page")


def daemon_finds_blank(image: np.ndarray) -> bool:
    """Read a page by `ocr-daemon once` and return whether it is blank."""
    with tempfile.TemporaryDirectory() as folder:
        scan, config = Path(folder) / "scan.png", Path(folder) / "config.yaml"
        cv2.imwrite(str(scan), image)
        config.write_text("blank_pages: mark\nallow_root: true\n")
        command = [sys.executable, "-m", "daemon", "once", str(scan), "--json", "-c", str(config)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return bool(json.loads(done.stdout)["pages"][0]["blank"])


def list_real(folder: Path) -> None:
    """Print which pages of the files below a folder are told to be blank."""
    count = told = 0
    for name, page in pages_below(folder, in_gray=False):
        count += 1
        if is_blank(page):
            told += 1
            print(f"{name} page {page.number}")
    print(f"told to be blank: {told} of {count} pages")


if __name__ == "__main__":
    main()
