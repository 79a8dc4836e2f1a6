"""Samples for people and for evaluation: a contact sheet to look at, a folder of labelled crops."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from training.synth.sample import Sample

_COLUMNS = 3
_WIDTH, _ROW, _CROP = 640, 58, 36  # pixels: a column, a row, the crop in it
_HEADER = "file\tlang\tsource\tcase(cs=sensitive,ci=GT upper-cased)\tspaces"
_HEADER += "(strip=remove all spaces from both sides)\n"


def contact_sheet(samples: Sequence[Sample], path: Path, text_face: Path | None = None) -> None:
    """Write a PNG of the crops at equal height, each with its label, kind and face beneath.

    `text_face` is a font file that draws the labels, Chinese ones among them.
    """
    rows = -(-len(samples) // _COLUMNS)
    sheet = Image.new("L", (_COLUMNS * _WIDTH, rows * _ROW), 255)
    brush = ImageDraw.Draw(sheet)
    font = ImageFont.truetype(text_face, 13) if text_face else ImageFont.load_default(13)
    for place, sample in enumerate(samples):
        x, y = place // rows * _WIDTH, place % rows * _ROW
        height, width = sample.crop.shape
        wide = min(_WIDTH - 8, round(width * _CROP / height))
        crop = cv2.resize(sample.crop, (max(1, wide), _CROP), interpolation=cv2.INTER_AREA)
        sheet.paste(Image.fromarray(crop), (x, y))
        said = f"{sample.label}  [{sample.language} {sample.kind} {height}px {sample.face}]"
        brush.text((x, y + _CROP + 1), said[:110], 0, font)
    sheet.save(path)


def write_lines(samples: Iterable[Sample], into: Path) -> int:
    """Write crops with labels.tsv and meta.tsv as `evaluate` reads them; return how many."""
    into.mkdir(parents=True, exist_ok=True)
    count = 0
    with (
        (into / "labels.tsv").open("w", encoding="utf-8") as labels,
        (into / "meta.tsv").open("w", encoding="utf-8") as meta,
    ):
        meta.write(_HEADER)
        for count, sample in enumerate(samples, 1):
            name = f"{sample.language}_{count:06d}.png"
            cv2.imwrite(str(into / name), sample.crop)
            labels.write(f"{name}\t{sample.label}\n")
            meta.write(f"{name}\t{sample.language}\t{sample.kind}\tcs\tkeep\n")
    return count
