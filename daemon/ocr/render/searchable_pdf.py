"""Searchable PDFs: the original document with the recognised text as an invisible layer.

A PDF is kept byte for byte, and the text is appended as an incremental update; a damaged one, and
one of which only some pages are wanted, is rewritten, which leaves pages and pictures as they are.
An image is converted to a PDF first. The text is placed before the content of a page, where no
graphics state that the page leaves behind can displace it.
"""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import pymupdf

from daemon.ocr.pages import pdf_graphics, sniff, text_layer
from daemon.ocr.pages.errors import translate_errors
from daemon.ocr.pages.pdf_opening import open_pdf
from daemon.ocr.render import image_to_pdf
from daemon.ocr.render.glyphless import DESCENT, FILE, UNITS
from daemon.ocr.render.invisible_text import (
    FONT_NAME,
    Glyphs,
    Matrix,
    recognized_lines,
    text_operators,
    width_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from daemon.core.records import Block, Box, PageText
    from daemon.core.tasks import RenderTask

_POINTS_PER_INCH: Final = 72.0
_MIN_TURN: Final = 0.05  # degrees: a page of A4 then rises by less than a quarter of a millimetre
_SEARCHABLE_SHARE: Final = 0.5  # of the recognised text; hidden text as long is a layer
_BFCHARS: Final = 100  # entries of a CMap block, at most (Adobe TN 5014)


def write(file: BinaryIO, render_task: RenderTask, *, as_decoded: bool = False) -> None:
    """Write the searchable PDF of an open file to `render_task.target`.

    An image is embedded `as_decoded`, in gray or RGB, or else as it is where that is possible.
    """
    media_type = sniff.media_type(file.read(sniff.HEAD_BYTES))
    file.seek(0)
    with render_task.target.open("wb") as target:
        if media_type == "application/pdf":
            shutil.copyfileobj(file, target, 1 << 20)
        else:
            data = file.read()
            target.write(image_to_pdf.convert(data, media_type, render_task, as_decoded=as_decoded))
    with translate_errors("the searchable PDF"):
        rewritten = _add_text(render_task, is_pdf=media_type == "application/pdf")
    if rewritten is not None:
        render_task.target.write_bytes(rewritten)


def text_only(page: PageText, font: str = FONT_NAME) -> bytes:
    """Return a PDF of one page with the text of page 1 of a document, and nothing to be seen.

    It has the size of the page at its resolution; without one, a pixel is a point. `font` is the
    name of the font among the resources of the page, whose content is a single stream.
    """
    dpi = page.dpi or _POINTS_PER_INCH
    width, height = (_POINTS_PER_INCH * side / dpi for side in (page.width, page.height))
    with pymupdf.open() as document:
        document.new_page(width=width, height=height)
        _add_to_pages(document, [page], is_pdf=False, font=font)
        only = document[0]
        streams = only.get_contents() or [_add_object(document, "", b"")]
        document.xref_set_key(only.xref, "Contents", f"{streams[0]} 0 R")
        return bytes(document.tobytes())


def _add_text(render_task: RenderTask, *, is_pdf: bool) -> bytes | None:
    """Add the text to the target PDF; return it rewritten where nothing can be appended."""
    path = render_task.target
    with path.open("rb") as file:
        opened = open_pdf(file, render_task.recipe.rendering.passwords, str(path))
    with opened.document as document:
        pages, deskew = render_task.pages, render_task.recipe.deskew_pdf
        has_changed = _add_to_pages(
            document, pages, is_pdf=is_pdf, deskew=deskew,
            is_numbered=is_pdf or not render_task.is_selection,
        )  # fmt: skip
        if render_task.is_selection and is_pdf:
            document.select([text.number - 1 for text in pages])
            keep = pymupdf.mupdf.PDF_ENCRYPT_KEEP
            return bytes(document.tobytes(garbage=3, encryption=keep))
        if not has_changed:
            return None
        if opened.data is None and document.can_save_incrementally():
            document.saveIncr()
            return None
        return bytes(document.tobytes(encryption=pymupdf.mupdf.PDF_ENCRYPT_KEEP))


def _add_to_pages(
    document: pymupdf.Document,
    pages: Sequence[PageText],
    *,
    is_pdf: bool,
    deskew: bool = False,
    is_numbered: bool = True,
    font: str = FONT_NAME,
) -> bool:
    """Add the text of all pages, and turn those that shall lie straight; tell what changed.

    The pages of the document have the numbers of `pages`, or `is_numbered` is false and it has
    only them.
    """
    glyphs = Glyphs()
    font_resource = _FontResource(document, font)
    is_turned = False
    for index, text in enumerate(pages):
        turns = deskew and abs(text.skew) >= _MIN_TURN
        if not recognized_lines(text) and not turns:
            continue
        page = document[text.number - 1 if is_numbered else index]
        to_user = _to_user(page, text, is_pdf=is_pdf)
        new_text = _without_duplicates(page, text) if is_pdf else text
        operators = text_operators(new_text, to_user, glyphs, font_resource.font)
        if operators:
            font_resource.add_to(page)
        if turns and not _has_annotations(page):
            operators = _turn(text, to_user) + operators
            is_turned = True
        if operators:
            _prepend(document, page, operators)
        pymupdf.TOOLS.store_shrink(100)  # no image is used by the next page
    if font_resource.is_used:
        _write_font(document, font_resource.font_xref, glyphs)
    return font_resource.is_used or is_turned


def _turn(text: PageText, to_user: Matrix) -> bytes:
    """Return the operator that turns all that follows so that the lines of the page are level.

    The page keeps its size: corners that are turned out of it stay in the file.
    """
    x, y = text.width / 2, text.height / 2
    x, y = (
        to_user[0] * x + to_user[2] * y + to_user[4],
        to_user[1] * x + to_user[3] * y + to_user[5],
    )
    cosine, sine = math.cos(math.radians(text.skew)), math.sin(math.radians(text.skew))
    moved = x - cosine * x + sine * y, y - sine * x - cosine * y
    values = (cosine, sine, -sine, cosine, *moved)
    return " ".join(f"{value:.6f}" for value in values).encode() + b" cm\n"


def _has_annotations(page: pymupdf.Page) -> bool:
    """Tell whether a page has what would not turn with its content: links, notes, form fields."""
    return page.parent.xref_get_key(page.xref, "Annots")[0] not in ("null", "")


def _prepend(document: pymupdf.Document, page: pymupdf.Page, operators: bytes) -> None:
    """Insert operators before the content of a page."""
    stream = _add_object(document, "", operators)
    streams = " ".join(f"{number} 0 R" for number in page.get_contents())
    document.xref_set_key(page.xref, "Contents", f"[{stream} 0 R {streams}]")


def _without_duplicates(page: pymupdf.Page, text: PageText) -> PageText:
    """Return a page without the words that can be copied from the PDF already.

    These are words over visible text, and all words where another OCR program has hidden at least
    half as much text as was recognised.
    """
    graphics = pdf_graphics.read(page)
    scale = (text.dpi or _POINTS_PER_INCH) / _POINTS_PER_INCH
    zoom = pymupdf.Matrix(scale, scale)
    visible = text_layer.read(page, graphics, zoom)
    with_hidden = text_layer.read(page, graphics, zoom, include_hidden=True)
    hidden = text_layer.count_characters(with_hidden) - text_layer.count_characters(visible)
    recognized_count = sum(len(word.text) for line in recognized_lines(text) for word in line.words)
    if hidden >= _SEARCHABLE_SHARE * recognized_count:
        return replace(text, blocks=())
    if not visible:
        return text
    visible_boxes = [word.box for block in visible for line in block.lines for word in line.words]
    return replace(
        text, blocks=tuple(_without_words_in(block, visible_boxes) for block in text.blocks)
    )


def _without_words_in(block: Block, visible_boxes: Sequence[Box]) -> Block:
    """Return a block without the words whose centre lies in one of the boxes."""
    lines = []
    for line in block.lines:
        words = tuple(word for word in line.words if not _lies_in(word.box, visible_boxes))
        lines.append(replace(line, words=words))
    return replace(block, lines=tuple(lines))


def _lies_in(box: Box, boxes: Sequence[Box]) -> bool:
    x, y = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    return any(b.left <= x <= b.right and b.top <= y <= b.bottom for b in boxes)


def _to_user(page: pymupdf.Page, text: PageText, *, is_pdf: bool) -> Matrix:
    """Return the map from pixels of the page as shown to user space: crop, rotation and unit."""
    if is_pdf and text.dpi:
        scale_x = scale_y = _POINTS_PER_INCH / text.dpi
    else:
        scale_x, scale_y = page.rect.width / text.width, page.rect.height / text.height
    box, to_shown = pymupdf.mupdf.FzRect(), pymupdf.mupdf.FzMatrix()
    pymupdf.mupdf.pdf_page_transform(pymupdf._as_pdf_page(page), box, to_shown)
    to_points = pymupdf.Matrix(scale_x, scale_y)
    to_user = ~pymupdf.Matrix(
        to_shown.a, to_shown.b, to_shown.c, to_shown.d, to_shown.e, to_shown.f
    )
    return tuple(to_points * to_user)


class _FontResource:
    """The font of the text layer in a document, under a name that its pages do not use."""

    def __init__(self, document: pymupdf.Document, font: str) -> None:
        self._document = document
        self.font = font
        self.font_xref = 0

    @property
    def is_used(self) -> bool:
        """Whether any page refers to the font."""
        return bool(self.font_xref)

    def add_to(self, page: pymupdf.Page) -> None:
        """Add the font to the resources of a page, which it may share with others."""
        if not self.font_xref:
            self.font_xref = _add_object(self._document, "")
        mupdf = pymupdf.mupdf
        pdf = pymupdf._as_pdf_document(self._document)
        page_object = mupdf.pdf_lookup_page_obj(pdf, page.number)
        resources = _dictionary(page_object, "Resources", is_inherited=True)
        fonts = _dictionary(resources, "Font")
        reference = mupdf.pdf_new_indirect(pdf, self.font_xref, 0)
        mupdf.pdf_dict_puts(fonts, self.font, reference)


def _dictionary(owner: Any, key: str, *, is_inherited: bool = False) -> Any:  # noqa: ANN401
    """Return a dictionary of MuPDF inside another one, created where it is missing."""
    mupdf, name = pymupdf.mupdf, pymupdf.PDF_NAME(key)
    get = mupdf.pdf_dict_get_inheritable if is_inherited else mupdf.pdf_dict_get
    found = get(owner, name)
    if mupdf.pdf_is_dict(found):
        return found
    return mupdf.pdf_dict_put_dict(owner, name, 4)


def _add_object(document: pymupdf.Document, entries: str, data: bytes | None = None) -> int:
    """Add an object, a stream if `data` is given; return its number."""
    number = int(document.get_new_xref())
    document.update_object(number, f"<<{entries}>>")
    if data is not None:
        document.update_stream(number, data, compress=True)
    return number


def _write_font(document: pymupdf.Document, xref: int, glyphs: Glyphs) -> None:
    """Write the font: composite, each code its own character, all glyphs empty."""
    font = FILE.read_bytes()
    program = _add_object(document, f"/Length1 {len(font)}", font)
    to_unicode = _add_object(document, "", _to_unicode(glyphs))
    glyph_map = _add_object(document, "", b"\0\0" + b"\0\1" * len(glyphs.codes))
    descriptor = _add_object(
        document,
        f"/Type/FontDescriptor /FontName/{FONT_NAME} /Flags 4 /FontBBox[0 {-DESCENT} {UNITS} "
        f"{UNITS - DESCENT}] /ItalicAngle 0 /Ascent {UNITS - DESCENT} /Descent {-DESCENT} "
        f"/CapHeight {UNITS - DESCENT} /StemV 80 /FontFile2 {program} 0 R",
    )
    widths = " ".join(str(width_of(character)) for character in glyphs.codes)
    descendant = _add_object(
        document,
        f"/Type/Font /Subtype/CIDFontType2 /BaseFont/{FONT_NAME} /FontDescriptor {descriptor} 0 R "
        f"/CIDSystemInfo<</Registry(Adobe) /Ordering(Identity) /Supplement 0>> "
        f"/DW {UNITS // 2} /W[1[{widths}]] /CIDToGIDMap {glyph_map} 0 R",
    )
    document.update_object(
        xref,
        f"<</Type/Font /Subtype/Type0 /BaseFont/{FONT_NAME} /Encoding/Identity-H "
        f"/DescendantFonts[{descendant} 0 R] /ToUnicode {to_unicode} 0 R>>",
    )


def _to_unicode(glyphs: Glyphs) -> bytes:
    """Return the CMap that maps each code to its character."""
    mappings = [
        f"<{code:04x}> <{character.encode('utf-16-be').hex()}>"
        for character, code in glyphs.codes.items()
    ]
    return "\n".join(
        [
            "/CIDInit /ProcSet findresource begin 12 dict begin begincmap",
            "/CIDSystemInfo <</Registry(Adobe) /Ordering(UCS) /Supplement 0>> def",
            "/CMapName /Adobe-Identity-UCS def /CMapType 2 def",
            "1 begincodespacerange <0000> <ffff> endcodespacerange",
            *_bfchar_blocks(mappings),
            "endcmap CMapName currentdict /CMap defineresource pop end end",
        ]
    ).encode("ascii")


def _bfchar_blocks(mappings: list[str]) -> Iterator[str]:
    for start in range(0, len(mappings), _BFCHARS):
        part = mappings[start : start + _BFCHARS]
        yield "\n".join([f"{len(part)} beginbfchar", *part, "endbfchar"])
