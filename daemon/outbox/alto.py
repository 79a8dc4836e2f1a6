"""ALTO 4.4 output: the XML format of the Library of Congress for text with its layout.

Boxes are in pixels of the page as a viewer shows it, as in the sidecar. Headers and footers belong
to the margins; a table is a composed block with a text block for each cell that has text. ALTO
has a rotation for blocks and none for lines: lines that are turned differently are in text blocks
of their own. The tree of one page at a time is built, so that 2000 pages need no more memory than
their text.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from daemon import __version__
from daemon.core.line_text import words_and_spaces, xml_legal
from daemon.core.records import Box
from daemon.outbox.markup import angle, finite_confidence, language, line_angle

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from daemon.core.records import Block, Document, PageText, Table, TextLine

NAMESPACE: Final = "http://www.loc.gov/standards/alto/ns-v4#"
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_SPACES: Final = (  # in the order of the schema
    ("TopMargin", ("header",)),
    ("BottomMargin", ("footer",)),
    ("PrintSpace", ("text", "heading", "table", "seal")),
)
_TAGGED: Final = ("heading", "seal")  # kinds of blocks that have no element of their own


def render(document: Document, name: str) -> Iterator[bytes]:
    """Yield the ALTO of a document whose file is called `name` page by page, UTF-8."""
    front = "\n".join(ET.tostring(part, encoding="unicode") for part in (_about(name), _tags()))
    opened = f'<alto xmlns="{NAMESPACE}" SCHEMAVERSION="4.4">'
    yield f"{_HEAD}{opened}\n{front}\n<Layout>\n".encode()
    for page in document.pages:
        yield ET.tostring(_page(page), encoding="unicode").encode() + b"\n"
    yield b"</Layout>\n</alto>\n"


def _about(name: str) -> ET.Element:
    about = ET.Element("Description")
    ET.SubElement(about, "MeasurementUnit").text = "pixel"
    source = ET.SubElement(about, "sourceImageInformation")
    ET.SubElement(source, "fileName").text = xml_legal(name)
    software = ET.SubElement(
        ET.SubElement(about, "Processing", {"ID": "reading"}), "processingSoftware"
    )
    ET.SubElement(software, "softwareName").text = "ocr-daemon"
    ET.SubElement(software, "softwareVersion").text = __version__
    return about


def _tags() -> ET.Element:
    tags = ET.Element("Tags")
    for kind in _TAGGED:
        ET.SubElement(tags, "StructureTag", {"ID": kind, "LABEL": kind})
    return tags


def _page(page: PageText) -> ET.Element:
    number = page.number
    attributes = {
        "ID": f"page_{number}",
        "PHYSICAL_IMG_NR": str(number),
        "WIDTH": str(page.width),
        "HEIGHT": str(page.height),
        "PROCESSINGREFS": "reading",
    }
    if (confidence := finite_confidence(page.confidence)) is not None:
        attributes["PC"] = f"{confidence:.4f}"
    if rotation := angle(page):
        attributes["ROTATION"] = f"{rotation:g}"
    element = ET.Element("Page", attributes)
    for space, kinds in _SPACES:
        blocks = [(n, block) for n, block in enumerate(page.blocks, 1) if block.kind in kinds]
        if not blocks:
            continue
        around = Box.around(line.box for _, block in blocks for line in block.lines)
        part = ET.SubElement(element, space, _position(around))
        for place, block in blocks:
            _block(part, block, f"{number}_{place}", rotation)
    return element


def _block(space: ET.Element, block: Block, number: str, rotation: float) -> None:
    if block.table is not None:
        _table(space, block, block.table, number, rotation)
        return
    places = range(len(block.lines))
    for element in _text_blocks(space, block.lines, f"block_{number}", number, places, rotation):
        if block.kind in _TAGGED:
            element.set("TAGREFS", block.kind)


def _table(space: ET.Element, block: Block, table: Table, number: str, rotation: float) -> None:
    around = Box.around(cell.box for cell in table.cells)
    attributes = {"ID": f"block_{number}", "TYPE": "table", **_position(around)}
    composed = ET.SubElement(space, "ComposedBlock", attributes)
    for cell in table.cells:
        if cell.lines:
            name = f"cell_{number}_{cell.row + 1}_{cell.column + 1}"
            _text_blocks(composed, block.lines, name, number, cell.lines, rotation)


def _text_blocks(
    parent: ET.Element, lines: Sequence[TextLine], name: str, number: str, places: Iterable[int],
    rotation: float,
) -> list[ET.Element]:  # fmt: skip
    """Add the lines at `places` of block `number` of the page, in a text block for each rotation.

    `rotation` is that of the page.
    """
    runs = groupby(places, lambda place: line_angle(lines[place], rotation))
    elements = []
    for count, (degrees, run) in enumerate(runs, 1):
        chosen = [(place + 1, lines[place]) for place in run]
        own_name = name if count == 1 else f"{name}_turned_{count}"
        element = _text_block(parent, chosen, own_name, number)
        if degrees != rotation:
            element.set("ROTATION", f"{degrees:g}")
        elements.append(element)
    return elements


def _text_block(
    parent: ET.Element, chosen: Sequence[tuple[int, TextLine]], name: str, number: str
) -> ET.Element:
    around = Box.around(line.box for _, line in chosen)
    tag = language(" ".join(line.text for _, line in chosen))
    element = ET.SubElement(parent, "TextBlock", {"ID": name, "LANG": tag, **_position(around)})
    for place, line in chosen:
        _line(element, line, f"{number}_{place}")
    return element


def _line(block: ET.Element, line: TextLine, number: str) -> None:
    element = ET.SubElement(block, "TextLine", {"ID": f"line_{number}", **_position(line.box)})
    if line.direction == "vertical":
        element.set("BASEDIRECTION", "ttb")  # top to bottom
    for place, (word, has_space) in enumerate(words_and_spaces(line), 1):
        attributes = {"ID": f"string_{number}_{place}", "CONTENT": xml_legal(word.text)}
        if (confidence := finite_confidence(word.confidence)) is not None:
            attributes["WC"] = f"{confidence:.4f}"
        ET.SubElement(element, "String", attributes | _position(word.box))
        if has_space:
            ET.SubElement(element, "SP")
    element.tail = "\n"


def _position(box: Box) -> dict[str, str]:
    return {
        "HPOS": str(box.left),
        "VPOS": str(box.top),
        "WIDTH": str(box.right - box.left),
        "HEIGHT": str(box.bottom - box.top),
    }
