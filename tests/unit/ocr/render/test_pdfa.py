"""PDF/A-2b, held to the clauses of ISO 19005-2 with pikepdf, which sees the finished file only."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pikepdf
import pymupdf
import pytest
from PIL import Image, ImageCms

from daemon.core.errors import Rejected
from daemon.core.options import Recipe, Rendering
from daemon.core.records import PageText, Stamp
from daemon.core.tasks import RenderTask
from daemon.ocr.render import outputs, srgb
from tests.support.running_daemon import SHIPPED
from tests.unit.ocr.render.papers import (
    DPI,
    HEIGHT,
    READ,
    WIDTH,
    WORDS,
    line,
    picture,
    scan,
    text_of,
)

XMP = "{http://www.aiim.org/pdfa/ns/id/}"


def made(root: Path, content: bytes, *pages: PageText, **rendering: object) -> Path:
    source, target = root / "a", root / "made.pdf"
    source.write_bytes(content)
    recipe = Recipe(weights=SHIPPED, rendering=Rendering(**rendering))  # type: ignore[arg-type]
    task = RenderTask("c", source, Stamp.of(source), "pdfa", pages or (READ,), target, 60, recipe)
    outputs.render(task)
    return target


def violations(path: Path) -> list[str]:
    """Return the clauses of ISO 19005-2 that a file breaks, as far as they are checked here."""
    data = path.read_bytes()
    with pikepdf.open(path) as pdf:
        meta = pdf.Root.Metadata
        said = ET.fromstring(meta.read_bytes())
        intents = list(pdf.Root.OutputIntents)
        fonts = [f for page in pdf.pages for f in page.resources.get("/Font", {}).values()]
        images = [i for page in pdf.pages for i in page.resources.get("/XObject", {}).values()]
        spaces = [str(each.get("/ColorSpace")) for each in images]
        checks = {
            "6.1.2 header": re.match(rb"%PDF-1\.[0-7]\n%[\x80-\xff]{4}", data) is not None,
            "6.1.3 ID": len(pdf.trailer.ID) == 2 and all(map(bytes, pdf.trailer.ID)),
            "6.1.3 encryption": "/Encrypt" not in pdf.trailer,
            "6.1.3 end": data.rstrip().endswith(b"%%EOF"),
            "6.1.7 filters": b"LZWDecode" not in data and b"/Crypt" not in data,
            "6.2.2 resources": all("/Resources" in page.obj for page in pdf.pages),
            "6.2.3 output intent": [str(each.S) for each in intents] == ["/GTS_PDFA1"]
            and intents[0].DestOutputProfile.read_bytes()[36:40] == b"acsp",
            "6.2.4 colours": not any("CMYK" in each for each in spaces),
            "6.2.8 interpolation": not any(each.get("/Interpolate", False) for each in images),
            "6.2.11.4 fonts": all(
                "/FontFile2" in each.DescendantFonts[0].FontDescriptor for each in fonts
            ),
            "6.2.11.3 glyphs": all("/CIDToGIDMap" in each.DescendantFonts[0] for each in fonts),
            "6.5.1 actions": b"/JavaScript" not in data and "/AA" not in pdf.Root,
            "6.6.2 metadata": "/Filter" not in meta and meta.Type == "/Metadata"
            and meta.Subtype == "/XML",
            "6.6.4 version": said.findtext(f".//{XMP}part") == "2",
            "6.6.4 conformance": said.findtext(f".//{XMP}conformance") == "B",
        }  # fmt: skip
    return [clause for clause, holds in checks.items() if not holds]


def text_in(path: Path) -> list[str]:
    with pymupdf.open(path) as document:
        return [word[4] for page in document for word in page.get_text("words")]


def pixels(path: Path) -> np.ndarray:
    with pymupdf.open(path) as document:
        shown = document[0].get_pixmap(dpi=int(DPI))
        return np.frombuffer(shown.samples, np.uint8).reshape(shown.height, shown.width, -1)


def image(mode: str, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    Image.open(io.BytesIO(picture("PNG"))).convert(mode).save(file, kind, dpi=(DPI, DPI), **options)
    return file.getvalue()


IMAGES: dict[str, Callable[[], bytes]] = {
    "jpeg": lambda: image("RGB", "JPEG"), "gray jpeg": lambda: image("L", "JPEG"),
    "cmyk jpeg": lambda: image("CMYK", "JPEG"), "png": lambda: image("RGB", "PNG"),
    "black and white": lambda: image("1", "PNG"), "palette": lambda: image("P", "PNG"),
    "alpha": lambda: image("RGBA", "PNG"), "webp": lambda: image("RGB", "WEBP"),
    "fax": lambda: image("1", "TIFF", compression="group4"),
    "lzw": lambda: image("RGB", "TIFF", compression="tiff_lzw"),
    "jpeg 2000": lambda: image("RGB", "JPEG2000"), "bmp": lambda: image("RGB", "BMP"),
}  # fmt: skip


@pytest.mark.parametrize("kind", IMAGES)
def test_an_image_of_any_kind_becomes_pdfa_with_its_text(kind: str, tmp_path: Path) -> None:
    path = made(tmp_path, IMAGES[kind]())

    assert violations(path) == []
    assert text_in(path) == ["Invoice", "2041", "发票号码𠮷"]


@pytest.mark.parametrize("rotation", [0, 90, 270])
def test_a_pdf_of_pictures_becomes_pdfa_and_looks_the_same(rotation: int, tmp_path: Path) -> None:
    sides = (HEIGHT, WIDTH) if rotation in (90, 270) else (WIDTH, HEIGHT)
    text = text_of(line(WORDS), width=sides[0], height=sides[1], rotation=rotation)

    path = made(tmp_path, scan(rotation), text)

    assert violations(path) == []
    assert (pixels(path) == pixels(tmp_path / "a")).all()
    assert text_in(path) == ["Invoice", "2041"]


def test_a_page_that_is_turned_straight_is_pdfa_too(tmp_path: Path) -> None:
    source, target = tmp_path / "a", tmp_path / "made.pdf"
    source.write_bytes(scan())
    text, recipe = text_of(line(WORDS), skew=2.0), Recipe(weights=SHIPPED, deskew_pdf=True)

    outputs.render(RenderTask("c", source, Stamp.of(source), "pdfa", (text,), target, 60, recipe))

    assert violations(target) == []
    assert not (pixels(target) == pixels(source)).all()


def test_what_the_document_says_of_itself_is_in_the_metadata(tmp_path: Path) -> None:
    with pymupdf.open("pdf", scan()) as document:
        document.set_metadata(
            {"title": "Quay 发票", "author": "A. Hale", "creationDate": "D:20260317120000Z"}
        )
        content = document.tobytes()

    with pikepdf.open(made(tmp_path, content)) as pdf, pdf.open_metadata() as metadata:
        assert metadata["dc:title"] == "Quay 发票"
        assert list(metadata["dc:creator"]) == ["A. Hale"]
        assert metadata["xmp:CreateDate"] == "2026-03-17T12:00:00+00:00"
        assert metadata.pdfa_status == "2B"


def test_a_repetition_has_the_same_bytes(tmp_path: Path) -> None:
    content = scan()

    assert made(tmp_path, content).read_bytes() == made(tmp_path, content).read_bytes()


def test_inherited_resources_are_given_to_the_page_and_smoothing_is_dropped(tmp_path: Path) -> None:
    with pikepdf.open(io.BytesIO(scan())) as pdf:
        page = pdf.pages[0].obj
        pdf.Root.Pages.Resources = page.Resources
        (name,) = page.Resources.XObject.keys()
        page.Resources.XObject[name].Interpolate = True
        del page["/Resources"]
        file = io.BytesIO()
        pdf.save(file)

    assert violations(made(tmp_path, file.getvalue())) == []


def changed(change: Callable[[pymupdf.Document], object]) -> bytes:
    with pymupdf.open("pdf", scan()) as document:
        change(document)
        return bytes(document.tobytes())


def cmyk(document: pymupdf.Document) -> None:
    document[0].draw_rect((9, 9, 40, 40), fill=(0, 1, 0, 0), color=None)


def layer(document: pymupdf.Document) -> None:
    document[0].insert_image((9, 9, 40, 40), stream=picture("PNG"), oc=document.add_ocg("layer"))


def form(document: pymupdf.Document) -> None:
    field = pymupdf.Widget()
    field.field_type, field.field_name = pymupdf.PDF_WIDGET_TYPE_TEXT, "a"
    field.rect = pymupdf.Rect(9, 9, 90, 40)
    document[0].add_widget(field)


def script(document: pymupdf.Document) -> None:
    action = "<</Type/Action/S/JavaScript/JS(app.alert(1))>>"
    document.xref_set_key(document.pdf_catalog(), "OpenAction", action)


REFUSED: dict[str, tuple[Callable[[pymupdf.Document], object], str]] = {
    "font": (lambda d: d[0].insert_text((50, 50), "own"), "a font of its own .*Helvetica"),
    "link": (
        lambda d: d[0].insert_link({"kind": 2, "from": pymupdf.Rect(9, 9, 40, 40), "uri": "http://a"}),
        "page 1 has annotations, links",
    ),
    "form": (form, "it has a form"), "script": (script, "JavaScript"),
    "attachment": (lambda d: d.embfile_add("a.txt", b"x"), "attached files"),
    "cmyk": (cmyk, "page 1 has colours in CMYK without a profile"), "layer": (layer, "layers"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_archived_is_refused_by_its_name(kind: str, tmp_path: Path) -> None:
    change, reason = REFUSED[kind]

    with pytest.raises(Rejected, match=reason) as error:
        made(tmp_path, changed(change))

    assert error.value.reason == "not_archivable"
    assert not (tmp_path / "made.pdf").exists()


def test_an_encrypted_pdf_is_refused(tmp_path: Path) -> None:
    with pymupdf.open("pdf", scan()) as document:
        content = document.tobytes(
            encryption=pymupdf.mupdf.PDF_ENCRYPT_AES_256, user_pw="open", owner_pw="own"
        )

    with pytest.raises(Rejected, match="it is encrypted"):
        made(tmp_path, content, passwords=("open",))


def test_the_profile_is_that_of_srgb() -> None:
    ours = ImageCms.ImageCmsProfile(io.BytesIO(srgb.profile()))
    colours = np.stack(np.meshgrid(*[np.arange(0, 256, 15, np.uint8)] * 3), axis=-1)
    drawn = Image.fromarray(colours.reshape(-1, 18, 3))

    for pair in ((ours, ImageCms.createProfile("sRGB")), (ImageCms.createProfile("sRGB"), ours)):
        shown = ImageCms.profileToProfile(drawn, *pair)
        assert np.abs(np.asarray(shown, int) - np.asarray(drawn, int)).max() <= 1
