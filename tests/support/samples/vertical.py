"""Pages of vertical Chinese text, and their truth: columns from the right, with a title across."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pymupdf
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from tests.support.samples.pictures import Image

CORNER = "、。，．,."  # set in the upper right corner of their cell in mainland China
TURNED = "（）「」『』《》〈〉【】〔〕—…：；-"  # turned clockwise by a quarter


@cache
def font(size: int, file: Path | None = None, index: int = 0) -> ImageFont.FreeTypeFont:
    """Return a face; without a file the Chinese one that comes with PyMuPDF."""
    source = str(file) if file else io.BytesIO(pymupdf.Font("cjk").buffer)
    return ImageFont.truetype(source, size, index=index)


@dataclass
class VerticalPage:
    """A page, H,W gray, drawn column by column; `truth` has its lines in reading order."""

    width: int
    height: int
    size: int = 32  # pixels of an em
    file: Path | None = None
    index: int = 0
    centred: bool = False  # punctuation in the middle of its cell, as in Taiwan
    truth: list[str] = field(default_factory=list)
    boxes: list[tuple[str, int, int, int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.image: Image = np.full((self.height, self.width), 255, np.uint8)

    def column(self, text: str, left: int, top: int, pitch: float = 1.05) -> None:
        """Draw a column whose first cell has this corner; `pitch` in ems."""
        for k, character in enumerate(text):
            y = round(top + k * pitch * self.size)
            if not character.isspace():
                self._paste(self._cell(character), left, y)
                self.boxes.append((character, left, y, left + self.size, y + self.size))
        self.truth.append(text)

    def columns(
        self, text: str, right: int, top: int, bottom: int, gap: float = 0.6, pitch: float = 1.05
    ) -> int:
        """Draw a text in columns from `right` leftwards, `gap` in ems; return the left end."""
        count = max(1, int((bottom - top) / (pitch * self.size)))
        left = right
        for start in range(0, len(text), count):
            left -= self.size
            self.column(text[start : start + count], left, top, pitch)
            left -= round(gap * self.size)
        return left

    def row(self, text: str, left: int, top: int, size: int | None = None) -> None:
        """Draw a horizontal line."""
        face = font(size or self.size, self.file, self.index)
        cell = Pillow.new("L", (self.width, 2 * (size or self.size)), 255)
        ImageDraw.Draw(cell).text((0, 0), text, 0, face)
        self._paste(np.asarray(cell), left, top)
        self.truth.append(text)

    def sideways(self, text: str, left: int, top: int, degrees: int, size: int = 28) -> None:
        """Draw a horizontal line that is turned clockwise by 90 or 270 degrees."""
        face = font(size, self.file, self.index)
        cell = Pillow.new("L", (round(face.getlength(text)) + 8, round(1.4 * size)), 255)
        ImageDraw.Draw(cell).text((4, 0), text, 0, face)
        self._paste(np.ascontiguousarray(np.rot90(np.asarray(cell), -degrees // 90)), left, top)
        self.truth.append(text)

    def _cell(self, character: str) -> Image:
        cell = Pillow.new("L", (2 * self.size, 2 * self.size), 255)
        face = font(self.size, self.file, self.index)
        half = self.size // 2
        base = half + round(0.88 * self.size)  # of the em box of Chinese fonts
        ImageDraw.Draw(cell).text((half, base), character, 0, face, anchor="ls")
        image = np.asarray(cell)
        if character in TURNED:
            image = np.ascontiguousarray(np.rot90(image, -1))
        if character in CORNER:
            y, x = np.nonzero(image < 128)
            down, along = (int(np.mean(v)) - self.size for v in (y, x))
            target = (0, 0) if self.centred else (-0.3 * self.size, 0.3 * self.size)
            shift = np.float32([[1, 0, target[1] - along], [0, 1, target[0] - down]])
            image = cv2.warpAffine(image, shift, image.shape[::-1], borderValue=255)
        return image[half : half + self.size, half : half + self.size]

    def _paste(self, cell: Image, left: int, top: int) -> None:
        part = self.image[top : top + cell.shape[0], left : left + cell.shape[1]]
        np.minimum(part, cell[: part.shape[0], : part.shape[1]], out=part)
