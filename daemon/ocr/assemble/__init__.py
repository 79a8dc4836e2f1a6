"""From readings to a page as published: what is worth it, in which frame, as blocks and as text.

A line's confidence is its reading's; a page's is the mean of its lines' weighted by their
characters.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from daemon.core.records import Block, Failure, PageText
from daemon.ocr.assemble import dates, textline
from daemon.ocr.assemble.frame import CoordinateFrame
from daemon.ocr.assemble.plain_text import cell_text, lines_text, table_text
from daemon.ocr.records import Rules

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daemon.core.records import Box, Page, TextLine, TextSource
    from daemon.ocr.records import CleanPage, Line, Part, Reading

_LEGIBLE = 0.7  # confidence below which a reading is taken for a picture, a stain, a rule
_LEGIBLE_LONG = 0.6  # the same of a long reading: stains and pictures yield a few characters
_LONG = 20  # letters and digits from which a reading is long
_SURE = 0.97  # confidence of all characters but one from which that one is a ticked box, say
_LEGIBLE_IN_PICTURES = 0.9  # photos and drawings yield marks up to here, screenshots read better


def legible(readings: Sequence[Reading], layer: Sequence[TextLine] = ()) -> list[int]:
    """Return the indexes of the readings worth publishing: not empty and not guesswork.

    Beside as much text from a `layer`, they come from pictures and must be surer.
    """
    kept = [
        k
        for k, reading in enumerate(readings)
        if _is_legible(reading, _least(reading)) or _is_sure_but_for_one(reading)
    ]
    if sum(len(readings[k].text) for k in kept) > sum(len(line.text) for line in layer):
        return kept
    return [
        k
        for k in kept
        if _is_legible(readings[k], _LEGIBLE_IN_PICTURES)
        and any(map(str.isalnum, readings[k].text))
    ]


def _least(reading: Reading) -> float:
    """Return the confidence that a reading of its length needs."""
    return _LEGIBLE_LONG if sum(map(str.isalnum, reading.text)) >= _LONG else _LEGIBLE


def _is_legible(reading: Reading, confidence: float) -> bool:
    return bool(reading.text.strip()) and reading.confidence >= confidence


def _is_sure_but_for_one(reading: Reading) -> bool:
    """Tell whether all characters but one are sure, with a letter or a digit among them."""
    inked = [character for character in reading.characters if not character.text.isspace()]
    inked.sort(key=lambda character: character.confidence)
    sure = inked[1:]
    return any(c.text.isalnum() for c in sure) and all(c.confidence >= _SURE for c in sure)


def layer_lines(page: Page) -> list[TextLine]:
    """Return the lines of the page's text layer in their order."""
    return [line for block in page.text_layer or () for line in block.lines]


@dataclass(frozen=True, slots=True)
class Placing:
    """What is laid out: lines that were read and then those of the text layer.

    `lines` are as published, `boxes` where they stand in the frame of the layout, in which the page
    is `height` pixels high and its `rules` lie: the original one, or the clean one, from which
    `frame` leads there.
    """

    lines: list[TextLine]
    boxes: list[Box]
    rules: Rules
    height: int
    frame: CoordinateFrame
    is_original: bool

    @property
    def found(self) -> list[tuple[Box, str]]:
        """The boxes and texts of all lines."""
        return [(box, line.text) for box, line in zip(self.boxes, self.lines, strict=True)]

    def shown(self, box: Box) -> Box:
        """Return where a box of the layout is in original pixels."""
        return box if self.is_original else self.frame.around(box)


def placing(
    page: Page,
    clean: CleanPage,
    lines: Sequence[Line],
    readings: Sequence[Reading],
    rules: Rules,
) -> Placing:
    """Return where everything stands; `readings` answer `lines`, `rules` are of the clean page.

    The frame is the clean one where the page was turned to be read, or where most lines were found;
    else the original one, in which lines of the layer are as low as they were set. Rules part cells
    only on pages that were read as a whole.
    """
    frame, layer = CoordinateFrame(page, clean), layer_lines(page)
    found = dates.joined(clean.gray, lines, readings, rules)
    known = [*(textline.published(line, reading, frame) for line, reading in found), *layer]
    if clean.orientation or len(layer) < len(found):
        boxes = [*(line.box for line, _ in found), *(frame.back(line.box) for line in layer)]
        whole = Rules() if layer else rules
        return Placing(known, boxes, whole, clean.gray.shape[0], frame, is_original=False)
    boxes = [*(frame.around(line.box) for line, _ in found), *(line.box for line in layer)]
    return Placing(known, boxes, Rules(), page.height, frame, is_original=True)


def page_text(page: Page, clean: CleanPage, placed: Placing, parts: Sequence[Part]) -> PageText:
    """Return the page as published; `parts` index, in order, the lines that were placed."""
    blocks, found = tuple(_block(part, placed) for part in parts), placed.found
    # rows are told in the frame they were laid out in, where they lie level
    text = "\n\n".join(
        table_text(block.table) if block.table else lines_text([found[k] for k in part.lines])
        for part, block in zip(parts, blocks, strict=True)
    )
    source: TextSource = "mixed" if page.text_layer else "ocr"
    return replace(
        _published(page, source, text, blocks),
        skew=clean.skew,
        orientation=clean.orientation,
        curvature=placed.frame.deepest,
    )


def _block(part: Part, placed: Placing) -> Block:
    """Return the block as published."""
    lines = tuple(placed.lines[k] for k in part.lines)
    if part.table is None:
        return Block(lines, part.kind)
    place = {k: number for number, k in enumerate(part.lines)}
    cells = tuple(
        replace(
            cell,
            box=placed.shown(cell.box),
            lines=tuple(place[k] for k in cell.lines),
            text=cell_text([placed.lines[k].text for k in cell.lines]),
        )
        for cell in part.table.cells
    )
    return Block(lines, part.kind, replace(part.table, cells=cells))


def page_from_text_layer(page: Page) -> PageText:
    """Return the page as its text layer has it; there must be one."""
    blocks = page.text_layer or ()
    text = "\n\n".join(lines_text([(line.box, line.text) for line in b.lines]) for b in blocks)
    return _published(page, "text_layer", text, blocks)


def _published(page: Page, source: TextSource, text: str, blocks: tuple[Block, ...]) -> PageText:
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
    )


def _mean_confidence(blocks: Sequence[Block]) -> float | None:
    """Return the mean of the lines' confidences weighted by their characters, None without any."""
    lines = [line for block in blocks for line in block.lines]
    known = [(line.confidence, len(line.text)) for line in lines if line.confidence is not None]
    characters = sum(count for _, count in known)
    return sum(value * count for value, count in known) / characters if characters else None
