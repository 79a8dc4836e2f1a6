"""The searchable PDF: the document as it came, with what was read of it as invisible text.

A PDF stays as it is, byte for byte, and the text is appended as an incremental update; a damaged
one is written anew, which leaves pages and pictures as they are. An image is wrapped first. The
text goes before what a page draws, where no state that a page leaves behind can move it.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import pymupdf

from daemon.ocr.pages import pdf_graphics, sniff, text_layer
from daemon.ocr.pages.errors import translated
from daemon.ocr.pages.pdf import unlock
from daemon.ocr.render import image_to_pdf
from daemon.ocr.render.glyphless import DESCENT, FILE, UNITS
from daemon.ocr.render.invisible_text import Glyphs, Matrix, content, width_of, written_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from daemon.core.records import Block, Box, PageText
    from daemon.core.tasks import RenderTask

_POINTS_PER_INCH: Final = 72.0
_NAME: Final = "OcrDaemon"
_SEARCHABLE_SHARE: Final = 0.5  # of what was read; a page that hides so much text has its layer
_BFCHARS: Final = 100  # a CMap has no more in one block (Adobe TN 5014)


def write(file: BinaryIO, render_task: RenderTask) -> None:
    """Write the searchable PDF of an open file as `render_task.target`."""
    media_type = sniff.media_type(file.read(sniff.HEAD_BYTES))
    file.seek(0)
    with render_task.target.open("wb") as target:
        if media_type == "application/pdf":
            shutil.copyfileobj(file, target, 1 << 20)
        else:
            target.write(image_to_pdf.wrapped(file.read(), media_type, render_task))
    with translated("the searchable PDF"):
        anew = _with_text(render_task, is_pdf=media_type == "application/pdf")
    if anew is not None:
        render_task.target.write_bytes(anew)


def _with_text(render_task: RenderTask, *, is_pdf: bool) -> bytes | None:
    """Add the text to the PDF that lies there; return it anew where nothing can be appended."""
    with pymupdf.open(str(render_task.target), filetype="pdf") as document:
        unlock(document, render_task.recipe.rendering.passwords)
        if not _add(document, render_task.pages, is_pdf=is_pdf):
            return None
        if document.can_save_incrementally():
            document.saveIncr()
            return None
        return bytes(document.tobytes(encryption=pymupdf.mupdf.PDF_ENCRYPT_KEEP))


def _add(document: pymupdf.Document, pages: tuple[PageText, ...], *, is_pdf: bool) -> bool:
    """Add the text of all pages; tell whether there was any to add."""
    glyphs = Glyphs()
    names = _Names(document)
    for text in pages:
        if not written_lines(text):
            continue
        page = document[text.number - 1]
        to_user = _to_user(page, text, is_pdf=is_pdf)
        unsaid = _unsaid(page, text) if is_pdf else text
        operators = content(unsaid, to_user, glyphs, names.font)
        if operators:
            names.prepend(page, operators)
        pymupdf.TOOLS.store_shrink(100)  # the next page has other images
    if names.used:
        _fill_font(document, names.font_xref, glyphs)
    return names.used


def _unsaid(page: pymupdf.Page, text: PageText) -> PageText:
    """Return a page without the words that who copies from the PDF gets already.

    Those are words over text that the page shows, and all of them where another OCR has hidden as
    much as was read.
    """
    drawing = pdf_graphics.read(page)
    scale = (text.dpi or _POINTS_PER_INCH) / _POINTS_PER_INCH
    zoom = pymupdf.Matrix(scale, scale)
    shown = text_layer.read(page, drawing, zoom)
    every = text_layer.read(page, drawing, zoom, hidden=True)
    hidden = text_layer.count_marks(every) - text_layer.count_marks(shown)
    ours = sum(len(word.text) for line in written_lines(text) for word in line.words)
    if hidden >= _SEARCHABLE_SHARE * ours:
        return replace(text, blocks=())
    if not shown:
        return text
    said = [word.box for block in shown for line in block.lines for word in line.words]
    return replace(text, blocks=tuple(_without(block, said) for block in text.blocks))


def _without(block: Block, said: Sequence[Box]) -> Block:
    """Return a block without the words whose middle lies in one of the boxes."""
    lines = []
    for line in block.lines:
        words = tuple(word for word in line.words if not _lies_in(word.box, said))
        lines.append(replace(line, words=words))
    return replace(block, lines=tuple(lines))


def _lies_in(box: Box, others: Sequence[Box]) -> bool:
    x, y = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    return any(o.left <= x <= o.right and o.top <= y <= o.bottom for o in others)


def _to_user(page: pymupdf.Page, text: PageText, *, is_pdf: bool) -> Matrix:
    """Return the way from pixels of the page as shown to its user space: crop, turn and unit."""
    if is_pdf and text.dpi:
        across = down = _POINTS_PER_INCH / text.dpi
    else:
        across, down = page.rect.width / text.width, page.rect.height / text.height
    box, to_shown = pymupdf.mupdf.FzRect(), pymupdf.mupdf.FzMatrix()
    pymupdf.mupdf.pdf_page_transform(pymupdf._as_pdf_page(page), box, to_shown)
    to_points = pymupdf.Matrix(across, down)
    back = ~pymupdf.Matrix(to_shown.a, to_shown.b, to_shown.c, to_shown.d, to_shown.e, to_shown.f)
    return tuple(to_points * back)


class _Names:
    """The font of a document under a name that none of its pages uses."""

    def __init__(self, document: pymupdf.Document) -> None:
        self._document = document
        self.font = _NAME
        self.font_xref = 0

    @property
    def used(self) -> bool:
        """Whether any page names the font."""
        return bool(self.font_xref)

    def prepend(self, page: pymupdf.Page, operators: bytes) -> None:
        """Write operators before what a page draws."""
        document = self._document
        if not self.font_xref:
            self.font_xref = _put(document, "")
        stream = _put(document, "", operators)
        self._name_font(page)
        others = " ".join(f"{number} 0 R" for number in page.get_contents())
        document.xref_set_key(page.xref, "Contents", f"[{stream} 0 R {others}]")

    def _name_font(self, page: pymupdf.Page) -> None:
        """Name the font among the resources of a page, which it may share with others."""
        mupdf = pymupdf.mupdf
        pdf = pymupdf._as_pdf_document(self._document)
        leaf = mupdf.pdf_lookup_page_obj(pdf, page.number)
        resources = _dictionary(leaf, "Resources", is_inherited=True)
        fonts = _dictionary(resources, "Font")
        reference = mupdf.pdf_new_indirect(pdf, self.font_xref, 0)
        mupdf.pdf_dict_puts(fonts, self.font, reference)


def _dictionary(owner: Any, key: str, *, is_inherited: bool = False) -> Any:  # noqa: ANN401
    """Return a dictionary of MuPDF's in another one, made where it is missing."""
    mupdf, name = pymupdf.mupdf, pymupdf.PDF_NAME(key)
    get = mupdf.pdf_dict_get_inheritable if is_inherited else mupdf.pdf_dict_get
    found = get(owner, name)
    if mupdf.pdf_is_dict(found):
        return found
    return mupdf.pdf_dict_put_dict(owner, name, 4)


def _put(document: pymupdf.Document, entries: str, data: bytes | None = None) -> int:
    """Add an object, with `data` a stream; return its number."""
    number = int(document.get_new_xref())
    document.update_object(number, f"<<{entries}>>")
    if data is not None:
        document.update_stream(number, data, compress=True)
    return number


def _fill_font(document: pymupdf.Document, xref: int, glyphs: Glyphs) -> None:
    """Make the font: composite, each code its own character, every glyph the empty one."""
    font = FILE.read_bytes()
    program = _put(document, f"/Length1 {len(font)}", font)
    meanings = _put(document, "", _to_unicode(glyphs))
    places = _put(document, "", b"\0\0" + b"\0\1" * len(glyphs.codes))
    descriptor = _put(
        document,
        f"/Type/FontDescriptor /FontName/{_NAME} /Flags 4 /FontBBox[0 {-DESCENT} {UNITS} "
        f"{UNITS - DESCENT}] /ItalicAngle 0 /Ascent {UNITS - DESCENT} /Descent {-DESCENT} "
        f"/CapHeight {UNITS - DESCENT} /StemV 80 /FontFile2 {program} 0 R",
    )
    widths = " ".join(str(width_of(character)) for character in glyphs.codes)
    descendant = _put(
        document,
        f"/Type/Font /Subtype/CIDFontType2 /BaseFont/{_NAME} /FontDescriptor {descriptor} 0 R "
        f"/CIDSystemInfo<</Registry(Adobe) /Ordering(Identity) /Supplement 0>> "
        f"/DW {UNITS // 2} /W[1[{widths}]] /CIDToGIDMap {places} 0 R",
    )
    document.update_object(
        xref,
        f"<</Type/Font /Subtype/Type0 /BaseFont/{_NAME} /Encoding/Identity-H "
        f"/DescendantFonts[{descendant} 0 R] /ToUnicode {meanings} 0 R>>",
    )


def _to_unicode(glyphs: Glyphs) -> bytes:
    """Return the CMap that says which character each code means."""
    meant = [
        f"<{code:04x}> <{character.encode('utf-16-be').hex()}>"
        for character, code in glyphs.codes.items()
    ]
    return "\n".join(
        [
            "/CIDInit /ProcSet findresource begin 12 dict begin begincmap",
            "/CIDSystemInfo <</Registry(Adobe) /Ordering(UCS) /Supplement 0>> def",
            "/CMapName /Adobe-Identity-UCS def /CMapType 2 def",
            "1 begincodespacerange <0000> <ffff> endcodespacerange",
            *_blocks(meant),
            "endcmap CMapName currentdict /CMap defineresource pop end end",
        ]
    ).encode("ascii")


def _blocks(meant: list[str]) -> Iterator[str]:
    for start in range(0, len(meant), _BFCHARS):
        part = meant[start : start + _BFCHARS]
        yield "\n".join([f"{len(part)} beginbfchar", *part, "endbfchar"])
