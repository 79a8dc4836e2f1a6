"""hOCR 1.2 output: XHTML whose class names and titles give the layout.

Boxes are in pixels of the page as a viewer shows it, as in the sidecar. The tree of one page at a
time is built, so that 2000 pages need no more memory than their text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from daemon import __version__
from daemon.core.line_text import words_and_spaces, xml_legal
from daemon.core.records import Box
from daemon.outbox.markup import angle, finite_confidence, language, line_angle

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from daemon.core.records import Block, Document, PageText, Table, TextLine

_HEAD: Final = """\
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" \
"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml">
"""
_CAPABILITIES: Final = (
    "ocr_page ocr_carea ocr_par ocr_line ocrx_word ocr_header ocr_footer ocr_table ocr_float"
)
_AREAS: Final = {
    "header": "ocr_header", "footer": "ocr_footer", "table": "ocr_table", "seal": "ocr_float",
}  # fmt: skip
# hOCR has no property for it and refers to HTML; characters without an upright form lie on a side
_VERTICAL: Final = {"style": "writing-mode: vertical-rl"}


def render(document: Document, name: str) -> Iterator[bytes]:
    """Yield the hOCR of a document whose file is called `name` page by page, UTF-8."""
    head = ET.tostring(_head(name), encoding="unicode")
    yield f"{_HEAD}{head}\n<body>\n".encode()
    for page in document.pages:
        yield ET.tostring(_page(page, name), encoding="unicode").encode() + b"\n"
    yield b"</body>\n</html>\n"


def _head(name: str) -> ET.Element:
    head = ET.Element("head")
    ET.SubElement(head, "title").text = xml_legal(name)
    about = {
        "ocr-system": f"ocr-daemon {__version__}",
        "ocr-capabilities": _CAPABILITIES,
    }
    kind = {"http-equiv": "Content-Type", "content": "text/html; charset=utf-8"}
    ET.SubElement(head, "meta", kind)
    for key, value in about.items():
        ET.SubElement(head, "meta", {"name": key, "content": value})
    return head


def _page(page: PageText, name: str) -> ET.Element:
    quoted = xml_legal(name).replace("\\", "\\\\").replace('"', '\\"')
    title = f'image "{quoted}"; bbox 0 0 {page.width} {page.height}; ppageno {page.number - 1}'
    if page.dpi is not None:
        title += f"; scan_res {page.dpi:.0f} {page.dpi:.0f}"
    attributes = {"class": "ocr_page", "id": f"page_{page.number}", "title": title}
    element = ET.Element("div", attributes)
    rotation = angle(page)
    for place, block in enumerate(page.blocks, 1):
        _area(element, block, f"{page.number}_{place}", rotation)
    return element


def _area(page: ET.Element, block: Block, number: str, rotation: float) -> None:
    around = Box.around(line.box for line in block.lines)
    kind = _AREAS.get(block.kind, "ocr_carea")
    attributes = {"class": kind, "id": f"block_{number}", "title": _bbox(around)}
    area = ET.SubElement(page, "div", attributes)
    if block.table is not None:
        _cells(area, block.table, block.lines, number, rotation)
        return
    paragraph = ET.SubElement(area, "h2" if block.kind == "heading" else "p")
    paragraph.attrib |= {
        "class": "ocr_par",
        "id": f"par_{number}",
        "lang": language(" ".join(line.text for line in block.lines)),
        "title": _bbox(around),
    }
    for place, line in enumerate(block.lines, 1):
        _line(paragraph, line, f"{number}_{place}", rotation)


def _cells(
    area: ET.Element, table: Table, lines: Sequence[TextLine], number: str, rotation: float
) -> None:
    body = ET.SubElement(ET.SubElement(area, "table"), "tbody")
    rows = [ET.SubElement(body, "tr") for _ in range(table.rows)]
    for cell in table.cells:
        spans = {"rowspan": cell.row_span, "colspan": cell.column_span}
        attributes = {key: str(span) for key, span in spans.items() if span > 1}
        element = ET.SubElement(rows[cell.row], "td", attributes | {"title": _bbox(cell.box)})
        for place in cell.lines:
            _line(element, lines[place], f"{number}_{place + 1}", rotation)


def _line(parent: ET.Element, line: TextLine, number: str, rotation: float) -> None:
    degrees = line_angle(line, rotation)
    title = _bbox(line.box) + (f"; textangle {degrees:g}" if degrees else "")
    attributes = {"class": "ocr_line", "id": f"line_{number}", "title": title}
    if line.direction == "vertical":
        attributes |= _VERTICAL
    element = ET.SubElement(parent, "span", attributes)
    for place, (word, has_space) in enumerate(words_and_spaces(line), 1):
        title = _bbox(word.box)
        if (confidence := finite_confidence(word.confidence)) is not None:
            title += f"; x_wconf {round(100 * confidence)}"
        attributes = {"class": "ocrx_word", "id": f"word_{number}_{place}", "title": title}
        span = ET.SubElement(element, "span", attributes)
        span.text, span.tail = xml_legal(word.text), " " if has_space else ""
    element.tail = "\n"


def _bbox(box: Box) -> str:
    return f"bbox {box.left} {box.top} {box.right} {box.bottom}"
