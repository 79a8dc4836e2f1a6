"""Which characters a face can draw, known before it draws: its cmap, read once and kept on disk."""

from __future__ import annotations

import logging
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np
from fontTools.ttLib import TTFont
from PIL import Image, ImageFont

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from training.data.sources import Face

_PLANE = 0x10000  # the alphabet lies in the Basic Multilingual Plane
logging.getLogger("fontTools").setLevel(logging.ERROR)  # old fonts have odd dates
_SHAPES = "aegr"  # letters whose small form does not look like the capital
_SPACES = {0x20, 0xA0, 0x3000}


def coverage(faces: Sequence[Face], folder: Path) -> NDArray[np.bool_]:
    """Return for each face (rows) and code point below 0x10000 (columns) whether it is drawn.

    What was read of a face is kept in `folder`/.coverage and read from there the next time.
    """
    kept = folder / ".coverage"
    kept.mkdir(parents=True, exist_ok=True)
    table = np.zeros((len(faces), _PLANE), np.bool_)
    for row, face in zip(table, faces, strict=True):
        stamp = f"{face.path.name} {face.path.stat().st_size} {face.index} 3"
        file = kept / f"{sha256(stamp.encode()).hexdigest()[:20]}.bits"
        if not file.exists():
            fresh = file.with_suffix(f".{id(row)}")
            fresh.write_bytes(np.packbits(drawn(face)).tobytes())
            fresh.replace(file)
        row[:] = np.unpackbits(np.fromfile(file, np.uint8)).view(np.bool_)
    return table


def drawn(face: Face) -> NDArray[np.bool_]:
    """Return which code points of the first plane have a glyph that is neither tofu nor empty."""
    table = np.zeros(_PLANE, np.bool_)
    with TTFont(face.path, fontNumber=face.index, lazy=True) as font:
        numbers = font.getReverseGlyphMap()
        lengths = np.diff(font["loca"].locations) if "loca" in font else None
        for code, name in (font.getBestCmap() or {}).items():
            glyph = numbers[name]
            empty = lengths is not None and not lengths[glyph] and code not in _SPACES
            if code < _PLANE and glyph and not empty:
                table[code] = True
    if table[[*map(ord, _SHAPES), *map(ord, _SHAPES.upper())]].all() and _small_capitals(face):
        table[[code for code in np.flatnonzero(table) if chr(code).islower()]] = False
    return table


def _small_capitals(face: Face) -> bool:
    """Tell a face whose small letters are capitals: its drawing of them would be mislabelled."""
    font = ImageFont.truetype(face.path, 48, face.index)
    if all(_rows(font, letter) > 0.9 * _rows(font, letter.upper()) for letter in _SHAPES[:2]):
        return True
    return all(
        np.logical_and(*pair).sum() > 0.62 * np.logical_or(*pair).sum()
        for pair in ((_shape(font, letter), _shape(font, letter.upper())) for letter in _SHAPES)
    )


def _rows(font: ImageFont.FreeTypeFont, letter: str) -> float:
    _, top, _, bottom = font.getbbox(letter)
    return bottom - top


def _shape(font: ImageFont.FreeTypeFont, letter: str) -> NDArray[np.bool_]:
    mask = font.getmask(letter)
    grey = np.asarray(Image.frombytes("L", mask.size, bytes(mask)).resize((32, 32)))
    return grey > 96


def covers(row: NDArray[np.bool_], text: str) -> bool:
    """Tell whether the face of `row` draws every character of `text`."""
    codes = [ord(character) for character in text]
    return max(codes) < _PLANE and bool(row[codes].all())
