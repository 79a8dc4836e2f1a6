"""What keeps a PDF from being PDF/A-2b (ISO 19005-2): a list of sentences, empty if nothing does.

Only what scanners and this program write is known here: pictures, drawings without fonts, and our
own invisible text. Everything else is refused by its name, whether or not PDF/A would allow it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, Final

import pikepdf

from daemon.ocr.render.invisible_text import FONT_NAME


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_CATALOG: Final = {  # keys of the document as a whole
    "/AcroForm": "a form", "/Names": "named files or scripts", "/OCProperties": "layers",
    "/Collection": "attached files", "/AF": "attached files", "/Perms": "signatures",
    "/StructTreeRoot": "a tagged structure", "/Requirements": "requirements to its reader",
    "/NeedsRendering": "a dynamic form", "/Threads": "threads of articles",
}  # fmt: skip
_NAMED: Final = {  # keys anywhere in the document
    "/AA": "actions", "/JS": "JavaScript", "/EF": "attached files", "/OC": "layers",
    "/OPI": "OPI proxies", "/Alternates": "alternate pictures", "/Ref": "references to other files",
    "/PresSteps": "steps of a presentation", "/TR": "transfer functions", "/HTP": "halftones",
    "/Shading": "shadings", "/Pattern": "patterns", "/XObject/PS": "PostScript",
}  # fmt: skip
_ACTIONS: Final = ("/GoTo", "/URI")
_STATE: Final = _words(
    "/Type /LW /LC /LJ /ML /D /RI /FL /SM /SA /BM /CA /ca /AIS /TK /SMask /OP /op /OPM"
)
_BLEND: Final = _words(
    "/Normal /Compatible /Multiply /Screen /Overlay /Darken /Lighten /ColorDodge /ColorBurn "
    "/HardLight /SoftLight /Difference /Exclusion /Hue /Saturation /Color /Luminosity"
)
_INTENTS: Final = _words("/RelativeColorimetric /AbsoluteColorimetric /Perceptual /Saturation")
_OPERATORS: Final = _words(
    "q Q cm w J j M d ri i gs m l c v y h re S s f F f* B B* b b* n W W* CS cs SC SCN sc scn G g "
    "RG rg Do BT ET Tc Tw Tz TL Tf Tr Ts Td TD Tm T* Tj TJ ' \" MP DP BMC BDC EMC"
)
_SIDES: Final = (3.0, 14400.0)  # points of a page
_MAX_NESTING: Final = 28  # of q and Q
_PROFILES: Final = {1: (b"GRAY",), 3: (b"RGB ", b"Lab "), 4: (b"CMYK",)}
_CLASSES: Final = (b"scnr", b"mntr", b"prtr", b"spac")

Object = Any  # pikepdf.Object, which is whatever the file says


def problems(pdf: pikepdf.Pdf) -> list[str]:
    """Return what keeps a document from being PDF/A-2b, each once, in a few words."""
    if pdf.is_encrypted:
        return ["it is encrypted"]
    return list(dict.fromkeys(_problems(pdf)))


def _problems(pdf: pikepdf.Pdf) -> Iterator[str]:
    for key in map(str, pdf.Root):
        if key in _CATALOG:
            yield f"it has {_CATALOG[key]}"
    for number, page in enumerate(pdf.pages, 1):
        for problem in _page(page):
            yield f"page {number} has {problem}"
    for name, found in _reachable(pdf.Root):
        yield from (f"it has {problem}" for problem in _dictionary(name, found))


def _reachable(root: Object) -> Iterator[tuple[str, Object]]:
    """Yield each dictionary and stream, with the key under which it was found first."""
    seen: set[tuple[int, int]] = set()
    waiting: list[tuple[str, Object]] = [("", root)]
    while waiting:
        key, found = waiting.pop()
        if isinstance(found, pikepdf.Array):
            waiting.extend((key, each) for each in found)
        if not isinstance(found, pikepdf.Dictionary | pikepdf.Stream):
            continue
        if found.is_indirect:
            if found.objgen in seen:
                continue
            seen.add(found.objgen)
        yield key, found
        waiting.extend((name, each) for name, each in found.items() if name != "/Parent")


def _dictionary(key: str, found: Object) -> Iterator[str]:
    """Yield the problems of a dictionary or stream, wherever it is."""
    yield from (_NAMED[name] for name in found if name in _NAMED)
    kind = found.get("/S")
    if key in ("/A", "/OpenAction", "/Next") and kind is not None and kind not in _ACTIONS:
        yield f"an action of the kind {str(kind).removeprefix('/')}"
    if found.get("/Type") == "/Filespec":
        yield "attached files"
    yield from _resources(key, found)
    if isinstance(found, pikepdf.Stream):
        yield from _stream(found)


def _resources(key: str, found: Object) -> Iterator[str]:
    """Yield the problems of the resources of one kind."""
    if not isinstance(found, pikepdf.Dictionary):
        return
    for each in found.values():
        if key == "/Font" and not _is_ours(each):
            yield _font(each)
        elif key == "/ExtGState":
            yield from _graphics_state(each)
        elif key == "/ColorSpace":
            yield from _colours(each)


def _stream(found: Object) -> Iterator[str]:
    if "/F" in found or "/FFilter" in found:
        yield "streams outside of the file"
    filters = found.get("/Filter", pikepdf.Array())
    names = list(filters) if isinstance(filters, pikepdf.Array) else [filters]
    if "/Crypt" in names:
        yield "encrypted streams"
    if found.get("/Subtype") == "/Image":
        yield from _image(found, names)
    if found.get("/Subtype") == "/Form":
        if "/Resources" not in found:
            yield "drawings that borrow the resources of their page"
        if found.get("/Subtype2") == "/PS":
            yield "PostScript"
        yield from _content(found)


def _image(image: Object, filters: list[Object]) -> Iterator[str]:
    if image.get("/Intent", pikepdf.Name.Perceptual) not in _INTENTS:
        yield "an unknown rendering intent"
    if "/JPXDecode" in filters:
        if not _is_plain_jpx(image.read_raw_bytes()):
            yield "a JPEG 2000 picture that PDF/A does not allow"
    elif not image.get("/ImageMask", False):
        yield from _colours(image.get("/ColorSpace"))


def _colours(space: Object) -> Iterator[str]:
    """Yield what is wrong with a colour space."""
    if isinstance(space, pikepdf.Array) and len(space):
        kind = space[0]
        if kind == "/ICCBased":
            if not _is_valid_profile(space[1]):
                yield "an invalid colour profile"
            return
        if kind == "/Indexed":
            yield from _colours(space[1])
            return
        if kind in ("/CalGray", "/CalRGB", "/Lab"):
            return
        space = kind
    if space == "/DeviceCMYK":
        yield "colours in CMYK without a profile"
    elif space not in ("/DeviceGray", "/DeviceRGB", "/G", "/RGB"):
        yield f"colours in {str(space).removeprefix('/')}"


def _is_valid_profile(stream: Object) -> bool:
    """Tell whether an ICC profile is one of version 2 or 4 for so many components."""
    profile = stream.read_bytes()
    if len(profile) < 132 or profile[36:40] != b"acsp" or profile[8] > 4:
        return False
    spaces = _PROFILES.get(int(stream.get("/N", 0)), ())
    return profile[12:16] in _CLASSES and profile[16:20] in spaces


def _is_plain_jpx(data: bytes) -> bool:
    """Tell whether a JPEG 2000 is gray or RGB, of one depth, with one colour specification."""
    header = next((box for kind, box in _boxes(data) if kind == b"jp2h"), b"")
    inner = list(_boxes(header))
    size = next((box for kind, box in inner if kind == b"ihdr"), b"")
    colours = [box for kind, box in inner if kind == b"colr"]
    if len(size) < 14 or len(colours) != 1 or len(colours[0]) < 3:
        return False
    (components,) = struct.unpack(">H", size[8:10])
    method, space = colours[0][0], colours[0][3:7]
    is_named = method == 1 and space in (b"\0\0\0\x10", b"\0\0\0\x11", b"\0\0\0\x12")
    return components in (1, 3) and size[10] != 255 and (is_named or method == 2)


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the boxes of a JP2 file: type and content (ISO 15444-1, annex I)."""
    place = 0
    while place + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[place : place + 8])
        head = 8
        if length == 1 and place + 16 <= len(data):
            (length,), head = struct.unpack(">Q", data[place + 8 : place + 16]), 16
        length = length or len(data) - place
        if length < head:
            return
        yield kind, data[place + head : place + length]
        place += length


def _graphics_state(state: Object) -> Iterator[str]:
    if not isinstance(state, pikepdf.Dictionary):
        yield "an invalid graphics state"
        return
    for key in map(str, state):
        if key == "/TR2" and state.TR2 == "/Default":
            continue
        if key not in _STATE:
            yield f"a graphics state with {key.removeprefix('/')}"
    modes = state.get("/BM", pikepdf.Name.Normal)
    for mode in modes if isinstance(modes, pikepdf.Array) else [modes]:
        if mode not in _BLEND:
            yield "an unknown blend mode"
    if state.get("/RI", pikepdf.Name.Perceptual) not in _INTENTS:
        yield "an unknown rendering intent"


def _is_ours(font: Object) -> bool:
    """Tell whether a font is that of an invisible text layer of ours, embedded."""
    try:
        descriptor = font.DescendantFonts[0].FontDescriptor
        return font.BaseFont == f"/{FONT_NAME}" and "/FontFile2" in descriptor
    except (AttributeError, KeyError, IndexError, TypeError):
        return False


def _font(font: Object) -> str:
    name = font.get("/BaseFont") if isinstance(font, pikepdf.Dictionary) else None
    return f"text in a font of its own ({str(name or 'without a name').removeprefix('/')[:60]})"


def _page(page: pikepdf.Page) -> Iterator[str]:
    if len(page.obj.get("/Annots", ())):
        yield "annotations, links or form fields"
    group = page.obj.get("/Group")
    if group is not None and "/CS" in group:
        yield from _colours(group.CS)
    box = [float(each) for each in page.mediabox]
    sides = abs(box[2] - box[0]), abs(box[3] - box[1])
    if not all(_SIDES[0] <= side <= _SIDES[1] for side in sides):
        yield f"a size of {sides[0]:.0f} x {sides[1]:.0f} points"
    yield from _content(page)


def _content(owner: pikepdf.Page | Object) -> Iterator[str]:
    """Yield the problems of the operators of a page or a form."""
    depth = 0
    for instruction in pikepdf.parse_content_stream(owner):
        if isinstance(instruction, pikepdf.ContentStreamInlineImage):
            yield from _inline_image(instruction.iimage)
            continue
        operator, operands = str(instruction.operator), instruction.operands
        depth += {"q": 1, "Q": -1}.get(operator, 0)
        if depth > _MAX_NESTING:
            yield "more than 28 nested graphics states"
            return
        if operator in ("k", "K"):
            yield "colours in CMYK without a profile"
        elif operator not in _OPERATORS:
            yield f"the operator {operator[:20]}"
        elif operator in ("cs", "CS") and operands and operands[0] in ("/DeviceCMYK", "/Pattern"):
            yield f"colours in {str(operands[0]).removeprefix('/')}"
        elif operator in ("BDC", "DP") and operands and operands[0] == "/OC":
            yield "layers"
        elif operator == "ri" and operands and operands[0] not in _INTENTS:
            yield "an unknown rendering intent"


def _inline_image(image: Any) -> Iterator[str]:  # noqa: ANN401
    if {"/LZWDecode", "/LZW", "/Crypt"} & set(map(str, image.filters)):
        yield "an inline picture in LZW"
    if not image.image_mask and str(image.colorspace) not in (
        "/DeviceGray", "/DeviceRGB", "/G", "/RGB",
    ):  # fmt: skip
        yield "an inline picture with colours of its own"
