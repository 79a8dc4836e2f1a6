"""Builders of pages, lines and readings for the tests of assembly."""

import math

import numpy as np

from daemon.core.records import Block, Box, Cell, Page, Table, TextLine, Word
from daemon.ocr import assemble
from daemon.ocr.records import (
    CleanPage,
    LayoutBlock,
    LineCrop,
    RecognizedCharacter,
    RecognizedLine,
    RulingLines,
)

BLANK = np.full((4, 4), 255, np.uint8)


def page(width=1000, height=800, scale=1.0, **more):
    image = np.full((round(height * scale), round(width * scale), 3), 255, np.uint8)
    return Page(number=3, width=width, height=height, image=image, scale=scale, **more)


def clean(degrees=0.0, zoom=1.0, shift=(0.0, 0.0)):
    """A clean page rotated, scaled and shifted relative to the page."""
    cos, sin = math.cos(math.radians(degrees)) / zoom, math.sin(math.radians(degrees)) / zoom
    to_page = np.array([[cos, -sin, shift[0]], [sin, cos, shift[1]]])
    return CleanPage(gray=BLANK, to_page=to_page, skew=degrees)


def line(left, top, right, bottom):
    return LineCrop(box=Box(left, top, right, bottom), image=BLANK)


def reading(text, confidence=0.9):
    """A reading whose characters share the crop evenly."""
    step = 1 / max(1, len(text))
    spans = [(k * step, (k + 1) * step) for k in range(len(text))]
    characters = (
        RecognizedCharacter(c, confidence, *span) for c, span in zip(text, spans, strict=True)
    )
    return RecognizedLine(text, confidence if text else 0.0, tuple(characters))


def published(lines, readings, blocks, of=None, frame=None):
    parts = [LayoutBlock(tuple(block)) for block in blocks]
    return assembled(of or page(), frame or clean(), lines, readings, parts)


def assembled(of, frame, lines, readings, parts):
    placed = assemble.place_lines(of, frame, lines, readings, RulingLines())
    return assemble.page_text(of, frame, placed, parts)


def tabled(texts, cells, rows, columns, frame=None):
    """A page of one table; `cells` are row, column, spans, and the indexes of their texts."""
    box = Box(0, 0, 300, 60)
    held = tuple(Cell(*where, box, tuple(places)) for *where, places in cells)
    order = tuple(k for cell in held for k in cell.lines)
    lines = [line(0, 30 * k, 100, 30 * k + 20) for k in range(len(texts))]
    part = LayoutBlock(order, "table", Table(rows, columns, held))
    readings = [reading(text) for text in texts]
    return assembled(page(), frame or clean(), lines, readings, [part])


def words(text):
    (block,) = published([line(0, 0, 100, 20)], [reading(text)], [[0]]).blocks
    return [word.text for word in block.lines[0].words]


def typed(text, left, top, right, bottom):
    box = Box(left, top, right, bottom)
    return TextLine(text, None, box, (Word(text, None, box),))


def with_layer(*lines):
    return page(text_layer=(Block(tuple(lines)),))
