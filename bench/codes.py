"""Benchmark of `pages[].codes`: codes of drawn pages that are read, and false ones.

    python -m bench.codes [--pages 1000] [--first 0] [--real DIR]

Each page of bench/drawn_codes.py has one code, and is turned, torn, faint, folded, noisy and so on.
Counted are the codes whose text is right, of those that zxing's own reader finds on the clean
drawing; beside it, how many zxing's reader finds on the damaged page. A code whose text differs is
a false one. With `--real DIR`, the codes found on the pages of other files are listed instead: a
person says which ones are there.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import zxingcpp

from bench import drawn_codes
from daemon.core.errors import DaemonError
from daemon.core.options import Limits, Rendering
from daemon.core.records import Page
from daemon.ocr import codes, pages


def main() -> None:
    """Run the benchmark of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--pages", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--real", type=Path)
    options = parser.parse_args()
    if options.real:
        list_real(options.real)
    else:
        measure(range(options.first, options.first + options.pages))


def measure(seeds: range) -> None:
    """Print the codes read by kind of damage, and processor seconds a page."""
    shown: Counter[str] = Counter()
    ours: Counter[str] = Counter()
    zxing: Counter[str] = Counter()
    missed: Counter[tuple[str, str]] = Counter()
    false, seconds = 0, 0.0
    for seed in seeds:
        drawn = drawn_codes.draw(seed)
        clean = {each.text for each in zxingcpp.read_barcodes(drawn.clean)}
        if drawn.text not in clean:
            continue
        shown[drawn.damage] += 1
        height, width = drawn.damaged.shape
        start = time.process_time()
        found = {code.text for code in codes.find(Page(1, width, height, drawn.damaged), ["any"])}
        seconds += time.process_time() - start
        zxing[drawn.damage] += drawn.text in {
            each.text for each in zxingcpp.read_barcodes(drawn.damaged)
        }
        ours[drawn.damage] += drawn.text in found
        false += len(found - {drawn.text})
        if drawn.text not in found:
            missed[drawn.damage, drawn.format] += 1
    print(f"{'damage':16} pages  read  by one call of zxing")
    for damage in drawn_codes.DAMAGES:
        print(f"{damage:16} {shown[damage]:5} {ours[damage]:5} {zxing[damage]:5}")
    total = sum(shown.values())
    share = 100 * sum(ours.values()) / total
    print(f"all {total}: {share:.2f} % read, {100 * sum(zxing.values()) / total:.2f} % by one call")
    print(f"false ones: {false}; {seconds / total:.3f} s a page")
    for (damage, form), count in missed.most_common():
        print(f"missed {count}: {form}, {damage}")


def list_real(folder: Path) -> None:
    """Print the codes of every page of the files below a folder."""
    count, seconds = 0, 0.0
    for name, page in pages_below(folder):
        start = time.process_time()
        found = codes.find(page, ["any"])
        seconds, count = seconds + time.process_time() - start, count + 1
        for code in found:
            print(f"{name} page {page.number}: {code.format} {code.text!r}")
    print(f"{count} pages, {seconds / max(1, count):.3f} s a page")


def pages_below(folder: Path, *, in_gray: bool = True) -> Iterator[tuple[Path, Page]]:
    """Yield every page of the files below a folder, with the path of its file in the folder."""
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        try:
            with pages.open_document(
                file, Limits(), Rendering(), in_gray=in_gray, with_picture=True
            ) as source:
                for number in range(1, source.page_count + 1):
                    yield file.relative_to(folder), source.page(number)
        except DaemonError:
            continue  # the folder has other files too


if __name__ == "__main__":
    main()
