"""Assembly of the published page: which readings are kept, in which frame, as blocks and as text.

The confidence of a line is that of its reading; that of a page is the mean of its lines, weighted
by their characters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from daemon.core.records import Block, Box, Failure, PageText, TextLine, UnreadRegion, Word
from daemon.ocr.assemble import dates, text_layer_page, textline, unread
from daemon.ocr.assemble.frame import CoordinateFrame
from daemon.ocr.assemble.plain_text import cell_text, lines_text, table_text
from daemon.ocr.assemble.text_layer_page import PlacedLayer
from daemon.ocr.assemble.unread import UnreadText
from daemon.ocr.records import RulingLines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence, Set

    from daemon.core.records import Page, TextSource
    from daemon.ocr.records import CleanPage, LayoutBlock, LineCrop, RecognizedLine, Seal

    LineAndReading = tuple[LineCrop, RecognizedLine]
    LinesAndReadings = tuple[Sequence[LineCrop], Sequence[RecognizedLine]]

_MIN_LEGIBLE = 0.7  # confidence below which a reading is taken for a picture, a stain, a rule
_MIN_LEGIBLE_LONG = 0.6  # the same for a long reading: stains and pictures yield few characters
_LONG_READING = 20  # letters and digits from which a reading is long
_MIN_CONFIDENT = 0.97  # confidence of all characters but one, if that one may be a ticked box
_MIN_SECOND_PASS = 0.9  # the same for what a second pass finds: pictures yield more there
_MIN_LEGIBLE_IN_PICTURES = 0.9  # photos and drawings yield readings up to this, screenshots better


@dataclass(frozen=True, slots=True)
class ReadLines:
    """The lines to publish with their readings, and those that are guesswork or empty."""

    lines: list[LineCrop]
    readings: list[RecognizedLine]
    rejected: list[tuple[LineCrop, RecognizedLine]]


def split_legible(
    lines: Sequence[LineCrop], readings: Sequence[RecognizedLine], layer: Sequence[TextLine] = ()
) -> ReadLines:
    """Return which lines are published; `layer` is the text layer of the page."""
    legible = legible_indexes(readings, layer)
    rejected = sorted(set(range(len(lines))) - set(legible))
    return ReadLines(
        [lines[k] for k in legible],
        [readings[k] for k in legible],
        [(lines[k], readings[k]) for k in rejected],
    )


def with_second_pass(
    read: ReadLines, found: Mapping[int, Sequence[LineAndReading]], explained: Set[int]
) -> ReadLines:
    """Return the lines with the legible ones that a second pass found in rejected ones, by index.

    What else was found takes the place of a rejected line that is `explained`: it has no more text.
    """
    legible: list[LineAndReading] = []
    rejected: list[LineAndReading] = []
    for k, line_and_reading in enumerate(read.rejected):
        published = [*read.lines, *(line for line, _ in legible)]
        new = [each for each in found.get(k, ()) if not unread.is_published(each[0].box, published)]
        sure, unsure = _split_sure(new)
        legible += sure
        rejected += unsure if sure and k in explained else [line_and_reading]
    return _extended(read, legible, rejected)


def with_faint_lines(read: ReadLines, faint: Sequence[LineAndReading]) -> ReadLines:
    """Return the lines with those of low contrast, published where they are surely legible."""
    sure, unsure = _split_sure(faint)
    return _extended(read, sure, [*read.rejected, *unsure])


def _extended(
    read: ReadLines, legible: Sequence[LineAndReading], rejected: list[LineAndReading]
) -> ReadLines:
    """Return the lines with more `legible` ones, and with other `rejected` ones."""
    return ReadLines(
        [*read.lines, *(line for line, _ in legible)],
        [*read.readings, *(reading for _, reading in legible)],
        rejected,
    )


def _split_sure(
    lines: Sequence[LineAndReading],
) -> tuple[list[LineAndReading], list[LineAndReading]]:
    """Return the lines of which two letters or digits or more are read surely, and the others."""
    sure: list[LineAndReading] = []
    unsure: list[LineAndReading] = []
    for line, reading in lines:
        is_sure = _is_legible(reading, _MIN_SECOND_PASS) and sum(map(str.isalnum, reading.text)) > 1
        (sure if is_sure else unsure).append((line, reading))
    return sure, unsure


def text_boxes(page: Page, clean: CleanPage, read: ReadLines) -> list[Box]:
    """Return where text was found on the clean page, legible or not, and where its layer has it."""
    frame = CoordinateFrame(page, clean)
    return [
        *(line.box for line in read.lines),
        *(line.box for line, _ in read.rejected),
        *(frame.to_clean(line.box) for line in layer_lines(page)),
    ]


def legible_indexes(
    readings: Sequence[RecognizedLine], layer: Sequence[TextLine] = ()
) -> list[int]:
    """Return the indexes of the readings to publish: neither empty nor guesswork.

    Beside at least as much text in a text `layer`, they come from pictures and need more
    confidence.
    """
    candidates = [
        k
        for k, reading in enumerate(readings)
        if _is_legible(reading, _min_confidence(reading)) or _is_confident_but_for_one(reading)
    ]
    if sum(len(readings[k].text) for k in candidates) > sum(len(line.text) for line in layer):
        return candidates
    return [
        k
        for k in candidates
        if _is_legible(readings[k], _MIN_LEGIBLE_IN_PICTURES)
        and any(map(str.isalnum, readings[k].text))
    ]


def _min_confidence(reading: RecognizedLine) -> float:
    """Return the confidence that a reading of its length needs."""
    return (
        _MIN_LEGIBLE_LONG if sum(map(str.isalnum, reading.text)) >= _LONG_READING else _MIN_LEGIBLE
    )


def _is_legible(reading: RecognizedLine, confidence: float) -> bool:
    return bool(reading.text.strip()) and reading.confidence >= confidence


def _is_confident_but_for_one(reading: RecognizedLine) -> bool:
    """Tell whether all characters but one are certain and include a letter or digit."""
    visible = [character for character in reading.characters if not character.text.isspace()]
    visible.sort(key=lambda character: character.confidence)
    confident = visible[1:]
    return any(c.text.isalnum() for c in confident) and all(
        c.confidence >= _MIN_CONFIDENT for c in confident
    )


def layer_lines(page: Page) -> list[TextLine]:
    """Return the lines of the text layer of the page in their order."""
    return [line for block in page.text_layer or () for line in block.lines]


@dataclass(frozen=True, slots=True)
class PlacedLines:
    """The input of layout analysis: the lines that were read, then those of the text layer.

    `lines` are as published, `boxes` are their boxes in the frame of the layout, in which the page
    is `height` pixels high and has the ruling lines `rules`. That frame is the original one, or the
    clean one, which `frame` maps to the original.
    """

    lines: list[TextLine]
    boxes: list[Box]
    rules: RulingLines
    height: int
    frame: CoordinateFrame
    is_original: bool

    @property
    def boxes_and_texts(self) -> list[tuple[Box, str]]:
        """The boxes and texts of all lines."""
        return [(box, line.text) for box, line in zip(self.boxes, self.lines, strict=True)]

    @property
    def vertical(self) -> frozenset[int]:
        """The indexes of the lines that are columns of vertical text."""
        return frozenset(k for k, line in enumerate(self.lines) if line.direction == "vertical")

    def to_original(self, box: Box) -> Box:
        """Map a box from the frame of the layout to original pixels."""
        return box if self.is_original else self.frame.to_original(box)


def place_lines(
    page: Page,
    clean: CleanPage,
    lines: Sequence[LineCrop],
    readings: Sequence[RecognizedLine],
    rules: RulingLines,
) -> PlacedLines:
    """Return all lines in one frame; `readings` belong to `lines`, `rules` are of the clean page.

    The frame is the clean one if the page was rotated or if most lines were read; otherwise the
    original one, in which the lines of the text layer are as high as they were set. On pages with
    a text layer, the ruling lines that it was drawn with separate cells, not those of its pictures.
    """
    frame, layer = CoordinateFrame(page, clean), layer_lines(page)
    recognized = dates.join_split_dates(clean.gray, lines, readings, rules)
    text_lines = [
        *(textline.to_text_line(line, reading, frame) for line, reading in recognized),
        *layer,
    ]
    if clean.orientation or len(layer) < len(recognized):
        boxes = [
            *(line.box for line, _ in recognized),
            *(frame.to_clean(line.box) for line in layer),
        ]
        page_rules = rules
        if layer:
            page_rules = RulingLines(
                tuple(map(frame.to_clean, page.horizontal_rules)),
                tuple(map(frame.to_clean, page.vertical_rules)),
            )
        return PlacedLines(
            text_lines, boxes, page_rules, clean.gray.shape[0], frame, is_original=False
        )
    boxes = [
        *(frame.to_original(line.box) for line, _ in recognized),
        *(line.box for line in layer),
    ]
    drawn = RulingLines(page.horizontal_rules, page.vertical_rules)
    return PlacedLines(text_lines, boxes, drawn, page.height, frame, is_original=True)


def page_text(
    page: Page,
    clean: CleanPage,
    placed: PlacedLines,
    layout_blocks: Sequence[LayoutBlock],
    missing: UnreadText | None = None,
) -> PageText:
    """Return the page as published; `layout_blocks` index, in order, the lines in `placed`."""
    missing = missing or UnreadText()
    blocks = tuple(_publish_block(layout_block, placed) for layout_block in layout_blocks)
    text = "\n\n".join(_block_texts(blocks, layout_blocks, placed))
    source: TextSource = "mixed" if page.text_layer else "ocr"
    published = _publish_page(page, source, text, blocks)
    failure = published.failure or missing.failure
    return replace(
        published,
        status="partial" if failure else "done",
        failure=failure,
        unread=(*published.unread, *missing.regions),
        skew=clean.skew,
        orientation=clean.orientation,
        curvature=placed.frame.max_curvature,
    )


def _publish_block(layout_block: LayoutBlock, placed: PlacedLines | PlacedLayer) -> Block:
    """Return a block as published."""
    lines = tuple(placed.lines[k] for k in layout_block.lines)
    if layout_block.table is None:
        return Block(lines, layout_block.kind)
    position = {k: number for number, k in enumerate(layout_block.lines)}
    cells = tuple(
        replace(
            cell,
            box=placed.to_original(cell.box),
            lines=tuple(position[k] for k in cell.lines),
            text=cell_text([placed.lines[k].text for k in cell.lines]),
        )
        for cell in layout_block.table.cells
    )
    return Block(lines, layout_block.kind, replace(layout_block.table, cells=cells))


def place_text_layer(page: Page) -> list[PlacedLayer]:
    """Return the lines of the text layer, which there must be, by direction, the main one first."""
    return text_layer_page.place(page, layer_lines(page))[1]


def page_of_text_layer(
    page: Page,
    placed: Sequence[PlacedLayer],
    layouts: Sequence[Sequence[LayoutBlock]],
    missing: UnreadText | None = None,
) -> PageText:
    """Return a page that is all text layer; `layouts` has the blocks of each part in `placed`."""
    missing = missing or UnreadText()
    blocks: list[Block] = []
    texts: list[str] = []
    for part, layout_blocks in zip(placed, layouts, strict=True):
        of_part = [_publish_block(layout_block, part) for layout_block in layout_blocks]
        blocks += of_part
        texts += _block_texts(of_part, layout_blocks, part)
    orientation, _ = text_layer_page.place(page, layer_lines(page))
    published = _publish_page(page, "text_layer", "\n\n".join(texts), tuple(blocks))
    failure = published.failure or missing.failure
    return replace(
        published,
        orientation=orientation,
        status="partial" if failure else "done",
        failure=failure,
        unread=(*published.unread, *missing.regions),
    )


def _block_texts(
    blocks: Sequence[Block], layout_blocks: Sequence[LayoutBlock], placed: PlacedLines | PlacedLayer
) -> list[str]:
    """Return the text of each block; its rows are level in the frame of the layout."""
    boxes_and_texts = placed.boxes_and_texts
    return [
        table_text(block.table)
        if block.table
        else lines_text([boxes_and_texts[k] for k in layout_block.lines])
        for layout_block, block in zip(layout_blocks, blocks, strict=True)
    ]


def add_seals(
    text: PageText, page: Page, seals: Sequence[Seal], read: Sequence[LinesAndReadings]
) -> PageText:
    """Return the page with a block for each of its seals, after all other blocks.

    `read` has the lines of each seal, the ring first, with their readings. A seal whose ring is not
    legible is an unread region; the legible lines within it are published all the same.
    """
    blocks: list[Block] = []
    unread: list[UnreadRegion] = []
    for seal, (lines, readings) in zip(seals, read, strict=True):
        box = _original_box(seal.box, page)
        indexes = legible_indexes(readings)
        if 0 not in indexes:
            unread.append(UnreadRegion(box, "not_legible"))
        if indexes:
            published = tuple(_seal_line(lines[k], readings[k], box) for k in indexes)
            blocks.append(Block(published, "seal"))
    texts = [text.text, *("\n".join(line.text for line in block.lines) for block in blocks)]
    all_blocks = (*text.blocks, *blocks)
    return replace(
        text,
        text="\n\n".join(filter(None, texts)),
        confidence=_mean_confidence(all_blocks),
        blocks=all_blocks,
        unread=(*text.unread, *unread),
    )


def _original_box(box: Box, page: Page) -> Box:
    """Return a box of the page as decoded in original pixels."""
    left, top = math.floor(box.left / page.scale), math.floor(box.top / page.scale)
    right, bottom = math.ceil(box.right / page.scale), math.ceil(box.bottom / page.scale)
    return Box(left, top, min(page.width, right), min(page.height, bottom))


def _seal_line(line: LineCrop, reading: RecognizedLine, box: Box) -> TextLine:
    """Return a line of a seal; its words are somewhere in the seal."""
    text = textline.text_of(line, reading)
    words = tuple(Word(word, reading.confidence, box) for word in text.split())
    return TextLine(text, reading.confidence, box, words)


def _publish_page(page: Page, source: TextSource, text: str, blocks: tuple[Block, ...]) -> PageText:
    return PageText(
        number=page.number,
        width=page.width,
        height=page.height,
        dpi=page.dpi,
        rotation=page.rotation,
        skew=0.0,
        text_source=source,
        status="partial" if page.defect else "done",
        text=text,
        confidence=_mean_confidence(blocks),
        blocks=blocks,
        failure=Failure("damaged", page.defect) if page.defect else None,
        unread=tuple(UnreadRegion(box, "not_rendered") for box in page.not_rendered),
        warnings=page.warnings,
        pixel_height=page.pixel_height,
    )


def _mean_confidence(blocks: Sequence[Block]) -> float | None:
    """Return the mean confidence of the lines weighted by their characters; None without any."""
    lines = [line for block in blocks for line in block.lines]
    known = [(line.confidence, len(line.text)) for line in lines if line.confidence is not None]
    characters = sum(count for _, count in known)
    return sum(value * count for value, count in known) / characters if characters else None
