"""Writes samples as a contact sheet to look at, or as a folder of labelled crops to evaluate on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from training.records import Sample

_COLUMNS = 3
_WIDTH, _ROW, _CROP = 640, 58, 36  # pixels: a column, a row, the crop in it
_HEADER = "file\tlang\tsource\tcase(cs=sensitive,ci=GT upper-cased)\tspaces"
_HEADER += "(strip=remove all spaces from both sides)\n"


def write_contact_sheet(
    samples: Sequence[Sample], path: Path, text_face: Path | None = None
) -> None:
    """Write a PNG of the crops at equal height, each above its label, kind and face.

    `text_face` is the font file for the labels; it should have Chinese characters.
    """
    rows = -(-len(samples) // _COLUMNS)
    image = Image.new("L", (_COLUMNS * _WIDTH, rows * _ROW), 255)
    image_draw = ImageDraw.Draw(image)
    font = ImageFont.truetype(text_face, 13) if text_face else ImageFont.load_default(13)
    for place, sample in enumerate(samples):
        x, y = place // rows * _WIDTH, place % rows * _ROW
        height, width = sample.crop.shape
        crop_width = min(_WIDTH - 8, round(width * _CROP / height))
        crop = cv2.resize(sample.crop, (max(1, crop_width), _CROP), interpolation=cv2.INTER_AREA)
        image.paste(Image.fromarray(crop), (x, y))
        caption = f"{sample.label}  [{sample.language} {sample.kind} {height}px {sample.face}]"
        image_draw.text((x, y + _CROP + 1), caption[:110], 0, font)
    image.save(path)


def write_lines(samples: Iterable[Sample], into: Path) -> int:
    """Write crops with labels.tsv and meta.tsv in the format of `evaluate`; return how many."""
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
