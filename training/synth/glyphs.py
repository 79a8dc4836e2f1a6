"""The characters that a face can draw, read from its cmap once and cached on disk."""

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
_SHAPES = "aegr"  # letters whose lower case does not look like the capital
_SPACES = {0x20, 0xA0, 0x3000}


def coverage(faces: Sequence[Face], folder: Path) -> NDArray[np.bool_]:
    """Return for each face (rows) and code point below 0x10000 (columns) whether it is drawable.

    The result for a face is cached in `folder`/.coverage.
    """
    cache = folder / ".coverage"
    cache.mkdir(parents=True, exist_ok=True)
    table = np.zeros((len(faces), _PLANE), np.bool_)
    for row, face in zip(table, faces, strict=True):
        key = f"{face.path.name} {face.path.stat().st_size} {face.index} 3"
        file = cache / f"{sha256(key.encode()).hexdigest()[:20]}.bits"
        if not file.exists():
            fresh = file.with_suffix(f".{id(row)}")
            fresh.write_bytes(np.packbits(drawable_code_points(face)).tobytes())
            fresh.replace(file)
        row[:] = np.unpackbits(np.fromfile(file, np.uint8)).view(np.bool_)
    return table


def drawable_code_points(face: Face) -> NDArray[np.bool_]:
    """Return which code points of the first plane have a glyph that is not tofu and not empty."""
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
    """Return whether the lower-case letters of a face are capitals: their label would be wrong."""
    font = ImageFont.truetype(face.path, 48, face.index)
    if all(_height(font, letter) > 0.9 * _height(font, letter.upper()) for letter in _SHAPES[:2]):
        return True
    return all(
        np.logical_and(*pair).sum() > 0.62 * np.logical_or(*pair).sum()
        for pair in ((_shape(font, letter), _shape(font, letter.upper())) for letter in _SHAPES)
    )


def _height(font: ImageFont.FreeTypeFont, letter: str) -> float:
    _, top, _, bottom = font.getbbox(letter)
    return bottom - top


def _shape(font: ImageFont.FreeTypeFont, letter: str) -> NDArray[np.bool_]:
    mask = font.getmask(letter)
    grey = np.asarray(Image.frombytes("L", mask.size, bytes(mask)).resize((32, 32)))
    return grey > 96


def covers(row: NDArray[np.bool_], text: str) -> bool:
    """Return whether the face of `row` can draw every character of `text`."""
    codes = [ord(character) for character in text]
    return max(codes) < _PLANE and bool(row[codes].all())
