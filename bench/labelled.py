"""Labelled pages, unchanged or damaged and turned together with their labels.

Beside an image, `STEM.json` has its labelled lines (`lines: [{box: [x1, y1, ... x4, y4], text}]`)
and `STEM.txt` its text, if they are known.

A folder of pictures has texts only. A table in its `SOURCES.md` may tell the kind of a picture and
whether its text is whole, in the first three columns: `| STEM.jpg | sign | full |`, or `partial`.
"""

from __future__ import annotations

import dataclasses
import json
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from bench import damage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.damage import Pixels, Points


@dataclass(frozen=True)
class Condition:
    """A change to pages before they are read: a damage by name, then a turn in degrees."""

    damage: str = ""
    turn: int = 0

    def __str__(self) -> str:
        turn = f"turned-{self.turn}" if self.turn else ""
        return "-".join(filter(None, (self.damage, turn))) or "as-is"


@dataclass(frozen=True)
class LabelledPage:
    """A page to read: the boxes of its `labels`, N,4, and its text `truth`, None if unknown.

    A picture has a `category`, and `is_partial` where the truth is only a part of its text.
    """

    name: str
    file: Path
    labels: Points
    truth: str | None
    category: str | None = None
    is_partial: bool = False


def labelled_pages(folder: Path, only: str = "") -> Iterator[LabelledPage]:
    """Yield the pages of `folder` whose name contains `only`, with their labels."""
    for file in sorted(folder.iterdir()):
        if file.suffix in (".txt", ".json") or only not in file.name:
            continue
        truth, labels = file.with_suffix(".txt"), file.with_suffix(".json")
        yield LabelledPage(
            file.stem,
            file,
            damage.bounds(labelled_quads(labels)) if labels.exists() else np.zeros((0, 4)),
            truth.read_text("utf-8") if truth.exists() else None,
        )


def pictures(folder: Path, only: str = "") -> Iterator[LabelledPage]:
    """Yield the pictures of `folder` that have a transcription and whose name contains `only`."""
    sources = folder / "SOURCES.md"
    rows = _PICTURE.findall(sources.read_text("utf-8") if sources.exists() else "")
    known = {Path(name).stem: (category, extent) for name, category, extent in rows}
    for file in sorted(folder.iterdir()):
        truth = file.with_suffix(".txt")
        if file.suffix in (".txt", ".json", ".md") or only not in file.name or not truth.exists():
            continue
        category, extent = known.get(file.stem, ("-", "full"))
        text = truth.read_text("utf-8")
        yield LabelledPage(
            file.stem, file, np.zeros((0, 4)), text, category, is_partial=extent == "partial"
        )


_PICTURE = re.compile(r"^\| (\S+) \| (\S+) \| (\S+) \|", re.MULTILINE)


def labelled_quads(path: Path) -> Points:
    """Return the corners of the labelled lines, N,4,2, without vertical and multi-line ones."""
    lines = json.loads(path.read_text("utf-8"))["lines"]
    boxes = [x["box"] for x in lines if not x.get("vertical") and not x.get("multiline")]
    return np.array(boxes, float).reshape(-1, 4, 2)


def apply_condition(condition: Condition, page: LabelledPage, folder: Path) -> LabelledPage:
    """Return the page in `condition`, as a PNG in `folder` if that changes it.

    The name of the page is the seed, so that damage is the same in every run. The label of a
    damaged line is the upright box around its moved outline.
    """
    if condition == Condition():
        return page
    labels = page.file.with_suffix(".json")
    quads = labelled_quads(labels) if labels.exists() else np.zeros((0, 4, 2))
    image, points = decoded(page.file), damage.outlines(quads)
    if condition.damage:
        rng = np.random.default_rng(zlib.crc32(page.name.encode()))
        image, points = damage.DAMAGES[condition.damage](image, points, rng)
    image, points = damage.turned(image, points, condition.turn)
    file = folder / f"{page.name}.png"
    cv2.imwrite(str(file), image, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return dataclasses.replace(page, file=file, labels=damage.bounds(points))


def decoded(file: Path) -> Pixels:
    """Return the first page of `file` as the daemon decodes it, H,W,3 in BGR."""
    from daemon.core.options import Limits, Rendering
    from daemon.ocr import pages  # imports PyMuPDF, which the processes of the peers must not

    with pages.open_document(file, Limits(), Rendering(text_layer="never")) as source:
        return source.page(1).image
