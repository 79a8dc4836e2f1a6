"""Benchmarks of the daemon: `python -m bench.path` prints seconds, ratios and megabytes.

    page     CPU seconds of a clean A4 page of 45 lines at 300 dpi, by stage, on one core
    workers  throughput of two workers against one for a batch of such pages
    latency  seconds from drop to answer for a one-line image, minus the quiet period
    idle     CPU share of a daemon with 100 000 archived and 100 000 ignored files
    memory   resident megabytes of the supervising process and of the workers

Give names to run only those. Figures are CPU seconds where possible; machines are noisy, so trust
the ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pymupdf
import yaml

from daemon.config.load import load

REPOSITORY = Path(__file__).parents[1]
LINES = 45
WORDS = (
    "The", "quick", "brown", "fox", "jumps", "over", "the", "lazy", "dog", "while", "1234",
    "invoices", "wait", "in", "line", "5678",
)  # fmt: skip


def clean_page(number: int = 0) -> pymupdf.Pixmap:
    """Return a clean A4 page of 45 lines of Times 11 pt, rendered at 300 dpi in gray."""
    document = pymupdf.open()
    page = document.new_page(width=595, height=842)
    for line in range(LINES):
        text = " ".join(WORDS[(number + line + k) % len(WORDS)] for k in range(14))
        page.insert_text((56, 70 + line * 16), text, fontsize=11, fontname="tiro")
    return page.get_pixmap(dpi=300, colorspace=pymupdf.csGRAY)


def write_config(root: Path, **values: object) -> Path:
    """Write a config with folders below `root` and the shipped networks."""
    shipped = load(REPOSITORY / "config.yaml").model_dump(mode="json")
    path = root / "config.yaml"
    networks = {key: shipped[key] for key in ("model", "detector")}
    path.write_text(yaml.safe_dump({"allow_root": os.geteuid() == 0, **networks, **values}))
    return path


def page(root: Path, arguments: argparse.Namespace) -> None:
    """Print CPU seconds by stage in this process, the median of some pages after a warm-up."""
    import cv2
    import torch

    from daemon.ocr import pages, preprocess
    from daemon.ocr.pipeline import Pipeline, StageTimer

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    file = root / "page.png"
    clean_page().save(file)
    recipe = load(write_config(root)).recipe
    pipeline = Pipeline.load(recipe)
    pipeline.read_pages(file)
    runs = []
    for _ in range(arguments.repeat):
        stages = StageTimer(clock=time.process_time)
        document = pages.open_document(file, recipe.limits, recipe.rendering, in_gray=True)
        with document as source:
            with stages("decode"):
                decoded = preprocess.grayed(source.page(1))
            text = pipeline.read_page(decoded, stages)
        runs.append(stages.seconds)
    spent = {stage: statistics.median(run[stage] for run in runs) for stage in runs[0]}
    total = sum(spent.values())
    print(f"page     {total:.2f} s CPU from file to text (target 2.0)")
    for stage, seconds in spent.items():
        print(f"         {stage:<10} {seconds:.3f} s")
    print(f"         without recognition {total - spent['recognize']:.2f} s (target 0.35)")
    print(f"         {sum(len(b.lines) for b in text.blocks)} of {LINES} lines found")


def workers(root: Path, arguments: argparse.Namespace) -> None:
    """Print the throughput of `ocr-daemon once` for a batch of pages, one worker against two."""
    batch = root / "batch"
    batch.mkdir()
    for number in range(arguments.pages):
        clean_page(number).save(batch / f"{number:04}.png")
    config = write_config(root)
    # the start is subtracted: the same command with a single page
    spent = {}
    for count in (1, 2):
        all_pages = _once(config, batch, count)
        one_page = _once(config, batch / "0000.png", count)
        spent[count] = all_pages - one_page
        rate = (arguments.pages - 1) / spent[count]
        print(f"workers  {count}: {rate:.2f} pages/s over {arguments.pages} pages")
    print(f"         two against one: {spent[1] / spent[2]:.2f} times (target 1.8)")


def _once(config: Path, paths: Path, count: int) -> float:
    out = config.parent / f"out-{count}-{paths.name}"
    began = time.monotonic()
    command = [sys.executable, "-m", "daemon", "once", str(paths), "--out", str(out)]
    subprocess.run(
        [*command, "--config", str(config)],
        check=True,
        cwd=REPOSITORY,
        env=os.environ | {"OCR_DAEMON__WORKERS": str(count)},
    )
    return time.monotonic() - began


class DaemonProcess:
    """A running daemon with folders of its own."""

    def __init__(self, root: Path, **values: object) -> None:
        self.root = root
        log = root / "output"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "daemon", "run", "--config", str(write_config(root, **values))],
            cwd=REPOSITORY, stdout=log.open("w"), stderr=subprocess.STDOUT,
        )  # fmt: skip
        while "daemon.ready" not in log.read_text():
            assert self.process.poll() is None, log.read_text()
            time.sleep(0.1)
        self.process_tree = psutil.Process(self.process.pid)

    def answer(self, name: str) -> dict[str, object]:
        """Return the answer to a file, waiting for it."""
        path = self.root / "outbox" / f"{name}.json"
        while not path.exists():
            time.sleep(0.01)
        return json.loads(path.read_text())  # type: ignore[no-any-return]

    def end(self) -> None:
        """Stop it."""
        self.process.terminate()
        self.process.wait()


def latency(root: Path, arguments: argparse.Namespace) -> None:
    """Print the seconds from drop to answer of one-line images, minus the quiet period."""
    quiet = 1.0
    daemon = DaemonProcess(root, watch={"quiet_seconds": quiet})
    waits = []
    for number in range(arguments.repeat):
        document = pymupdf.open()
        document.new_page(width=300, height=40).insert_text((20, 25), f"One line {number}")
        content = document[0].get_pixmap(dpi=200).tobytes("png")
        (root / "draft.png").write_bytes(content)
        (root / "draft.png").rename(root / "inbox" / f"{number}.png")
        dropped = time.monotonic()
        daemon.answer(f"{number}.png")
        waits.append(time.monotonic() - dropped - quiet)
    daemon.end()
    print(
        f"latency  quiet period + {statistics.median(waits):.2f} s "
        f"(worst {max(waits):.2f}, target 0.5)"
    )


def idle(root: Path, arguments: argparse.Namespace) -> None:
    """Print the CPU share of all processes of an idle daemon over a minute."""
    for folder, ending in (("inbox/archive", "png"), ("inbox/more", "part")):
        for number in range(100_000):
            path = root / folder / f"{number % 100}" / f"{number}.{ending}"
            if number < 100:
                path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    daemon = DaemonProcess(root, folders={"archive": "inbox/archive"})
    time.sleep(5)
    before = cpu_seconds(daemon.process_tree)
    time.sleep(arguments.idle_seconds)
    share = (cpu_seconds(daemon.process_tree) - before) / arguments.idle_seconds
    daemon.end()
    print(f"idle     {100 * share:.2f} % of a core over {arguments.idle_seconds} s (target 1)")


def cpu_seconds(process_tree: psutil.Process) -> float:
    """Return the CPU seconds of a process and its descendants."""
    times = [p.cpu_times() for p in [process_tree, *process_tree.children(recursive=True)]]
    return sum(t.user + t.system for t in times)


def memory(root: Path, arguments: argparse.Namespace) -> None:
    """Print the resident megabytes of every process after some pages."""
    daemon = DaemonProcess(root, workers=2, watch={"quiet_seconds": 0.5})
    for number in range(2 * arguments.repeat):
        clean_page(number).save(root / "inbox" / f"{number}.png")
    for number in range(2 * arguments.repeat):
        daemon.answer(f"{number}.png")
    total = 0.0
    for process in [daemon.process_tree, *daemon.process_tree.children(recursive=True)]:
        used = process.memory_full_info()
        total += used.pss
        kind = "daemon" if process.pid == daemon.process_tree.pid else process.cmdline()[-1][:40]
        sizes = f"resident {used.rss / 1e6:6.0f} MB, proportional {used.pss / 1e6:6.0f} MB"
        print(f"memory   {sizes}  {kind}")
    daemon.end()
    print(f"         together {total / 1e6:.0f} MB (targets: daemon 60, worker 450, all 1200)")


BENCHES: dict[str, Callable[[Path, argparse.Namespace], None]] = {
    "page": page,
    "workers": workers,
    "latency": latency,
    "idle": idle,
    "memory": memory,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("benches", nargs="*", default=list(BENCHES), choices=list(BENCHES))
    parser.add_argument("--pages", type=int, default=100, help="pages in the batch of `workers`")
    parser.add_argument("--repeat", type=int, default=5, help="number of pages or images measured")
    parser.add_argument("--idle-seconds", type=int, default=60)
    arguments = parser.parse_args()
    for name in arguments.benches:
        with tempfile.TemporaryDirectory() as root:
            BENCHES[name](Path(root), arguments)


if __name__ == "__main__":
    main()
