"""How many lines a recogniser reads in a CPU-second, and what it keeps in memory.

    python -m bench.recognizer

Prints lines per CPU-second (best of several runs, one thread) of each backend for some widths and
batches as they reach the network, each with its ratio to TorchScript in fp32; then, each in a
process of its own, the resident memory after a page of 16 lines of 960 columns and after 16 pages
of mixed lines, and the CPU-seconds of the recogniser for a page of 45 lines of 960 columns.
"""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from time import process_time

import cv2
import numpy as np
import psutil

from daemon.errors import Misconfigured
from daemon.ocr.recognizer import Recognizer
from daemon.recipe import Weights
from daemon.records import Box, Line

MODELS = Path(__file__).parents[1] / "models"
NAME = "crnn-zh-en-1"
BACKENDS = {
    "torchscript": Weights(file=MODELS / f"{NAME}.pt"),
    "torchscript bf16": Weights(file=MODELS / f"{NAME}.pt", precision="bf16"),
    "onnxruntime": Weights(file=MODELS / f"{NAME}.onnx", backend="onnxruntime"),
}
SHAPES = ((320, 1), (320, 3), (320, 16), (640, 1), (640, 16), (960, 1), (960, 16))
ROUNDS = 6
HEIGHT = 50  # of a drawn crop, so that it becomes 960 columns when it is 1320 wide


def speed() -> None:
    """Print lines per CPU-second by shape and backend; backends take turns."""
    recognizers = {}
    for name, weights in BACKENDS.items():
        try:
            recognizers[name] = loaded(weights)
        except Misconfigured as unfit:
            print(f"{name}: not here ({unfit.remedy})")
    for width, count in SHAPES:
        frames = np.random.default_rng(0).uniform(-1, 1, (count, 1, 32, width))
        best = dict.fromkeys(recognizers, float("inf"))
        for _ in range(ROUNDS):
            for name, recognizer in recognizers.items():
                start = process_time()
                recognizer.artifact.best_steps(frames.astype(np.float32))
                best[name] = min(best[name], process_time() - start)
        base = best["torchscript"]
        cells = (f"{n} {count / s:6.1f} (x{base / s:.2f})" for n, s in best.items())
        print(f"{width:4d} x {count:<2d}  {'  '.join(cells)}")


def footprint(name: str) -> None:
    """Print the memory of one backend and what a page costs it."""
    recognizer = loaded(BACKENDS[name])
    cells = [f"loaded {resident()} MB"]
    recognizer.read(drawn([1320] * 16))
    cells.append(f"after 16 x 960 {resident()} MB")
    start = process_time()
    recognizer.read(drawn([1320] * 45))
    cells.insert(0, f"45 x 960 in {process_time() - start:.2f} s of CPU")
    chance = random.Random(0)
    for _ in range(16):
        recognizer.read(drawn([chance.randint(60, 1320) for _ in range(45)]))
    cells.append(f"after 16 mixed pages {resident()} MB")
    recognizer.read(drawn([20_000]))
    cells.append(f"after a line of 8192 columns {resident()} MB")
    print(f"{name}: {', '.join(cells)}")


def loaded(weights: Weights) -> Recognizer:
    cv2.setNumThreads(1)
    if weights.backend == "torchscript":
        import torch

        torch.set_num_threads(1)
    return Recognizer.load(weights)


def drawn(widths: list[int]) -> list[Line]:
    generator = np.random.default_rng(0)
    shapes = [(HEIGHT, width) for width in widths]
    crops = [generator.integers(0, 256, shape, np.uint8) for shape in shapes]
    return [Line(Box(0, 0, crop.shape[1], crop.shape[0]), crop) for crop in crops]


def resident() -> int:
    return int(psutil.Process().memory_info().rss / 2**20)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        footprint(sys.argv[1])
    else:
        speed()
        for backend in ("torchscript", "onnxruntime"):
            subprocess.run([sys.executable, "-m", "bench.recognizer", backend], check=True)
