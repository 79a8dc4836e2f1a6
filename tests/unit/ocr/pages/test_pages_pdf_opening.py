"""PDFs that MuPDF does not open and other viewers do, and what a PDF holds besides its pages."""

from __future__ import annotations

import io

import pikepdf
import pymupdf
import pytest

from daemon.core.errors import Rejected
from daemon.core.options import Limits, Rendering
from daemon.ocr import pages
from daemon.ocr.pages import pdf_opening
from tests.support import samples
from tests.support.samples import shown_text
from tests.unit.ocr.pages.test_pages import read_bytes
from tests.unit.ocr.pages.test_pages_pdf import text_lines

TEXT = samples.pdf_of_text([samples.LINES])


def texts(page) -> list[str]:
    return [line.text for line in text_lines(page)]


def warnings_of(tmp_path, data: bytes) -> list[tuple[str, str]]:
    path = tmp_path / "some.pdf"
    path.write_bytes(data)
    with pages.open_document(path, Limits(), Rendering()) as source:
        return [(warning.kind, warning.message) for warning in source.warnings]


# --- passwords ----------------------------------------------------------------------------------


def encrypted(**encryption) -> bytes:
    target = io.BytesIO()
    with pikepdf.open(io.BytesIO(TEXT)) as pdf:
        pdf.save(target, encryption=pikepdf.Encryption(**encryption))
    return target.getvalue()


def test_a_pdf_whose_owner_password_is_empty_is_opened(tmp_path):
    (page,) = read_bytes(tmp_path, encrypted(owner="", user="secret", R=6))

    assert texts(page) == list(samples.LINES)


@pytest.mark.parametrize("revision", [3, 4, 6])
def test_the_owner_password_opens_too(revision, tmp_path):
    data = encrypted(
        owner="boss", user="secret", R=revision, metadata=revision > 3, aes=revision > 3
    )

    (page,) = read_bytes(tmp_path, data, passwords=("wrong", "boss"))

    assert texts(page) == list(samples.LINES)


def attachments_encrypted() -> bytes:
    """Streams and strings are plain (/Identity), embedded files are not (ISO 32000-2, 7.6)."""
    data = encrypted(owner="boss", user="secret", R=6)
    with pikepdf.open(io.BytesIO(data), password="secret") as pdf:
        dictionary = pdf.trailer.Encrypt
        keys = {key: bytes(dictionary[key]) for key in ("/O", "/U", "/OE", "/UE", "/Perms")}
        permissions = int(dictionary["/P"])
    entries = b"".join(
        key.encode() + b"<" + value.hex().encode() + b">" for key, value in keys.items()
    )
    filters = b"/CF<</StdCF<</CFM/AESV3/AuthEvent/EFOpen/Length 32>>>>"
    objects = samples.pdf_of_content(shown_text("Plain words", 60, 700))
    trailer = b"/Encrypt<</Filter/Standard/V 5/R 6/Length 256/P %d" % permissions
    trailer += entries + filters + b"/StmF/Identity/StrF/Identity/EFF/StdCF>>"
    return objects.replace(b"/Root 1 0 R", b"/Root 1 0 R/ID[<00><00>]" + trailer)


def test_a_pdf_of_which_only_the_attachments_are_encrypted_is_opened(tmp_path):
    assert pymupdf.open(stream=attachments_encrypted(), filetype="pdf").needs_pass

    (page,) = read_bytes(tmp_path, attachments_encrypted())

    assert texts(page) == ["Plain words"]


# --- damaged page trees -------------------------------------------------------------------------


def updated(prev: bytes) -> bytes:
    """A file of two revisions; the second has the changed content, and this as /Prev."""
    first = samples.pdf_of_content(shown_text("Old words", 60, 700))
    content = shown_text("New words", 60, 700)
    start = len(first)
    second = b"4 0 obj\n" + samples.pdf_stream(content) + b"\nendobj\n"
    table = b"xref\n4 1\n%010d 00000 n \ntrailer<</Size 6/Root 1 0 R/Prev %s>>\n" % (start, prev)
    return first + second + table + b"startxref\n%d\n%%%%EOF\n" % (start + len(second))


def previous() -> int:
    first = samples.pdf_of_content(shown_text("Old words", 60, 700))
    return int(first.rsplit(b"startxref\n", 1)[1].split()[0])


TREES = {
    "the previous table is named in an array": updated(b"[%d]" % previous()),
    "a catalogue without its type": samples.pdf_of_content(
        shown_text("New words", 60, 700)
    ).replace(b"/Type/Catalog", b"/Type/Katalog"),
    "a count that is negative": samples.pdf_of_content(shown_text("New words", 60, 700)).replace(
        b"/Count 1", b"/Count -1"
    ),
}


@pytest.mark.parametrize("data", TREES.values(), ids=TREES.keys())
def test_a_page_tree_that_another_library_can_walk_is_read(data, tmp_path):
    (page,) = read_bytes(tmp_path, data)

    assert texts(page) == ["New words"]


def test_a_recovered_page_tree_is_told(tmp_path):
    ((kind, message),) = warnings_of(tmp_path, TREES["the previous table is named in an array"])

    assert kind == "page_tree_recovered"
    assert "others may be missing" in message


def test_a_pdf_that_nothing_opens_is_rejected(tmp_path):
    with pytest.raises(Rejected) as caught:
        read_bytes(tmp_path, samples.pdf_by_hand([b"<</Type/Catalog>>"]))

    assert caught.value.reason == "corrupt"


def test_a_large_pdf_is_not_copied_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(pdf_opening, "_MAX_COPIED_BYTES", 100)

    with pytest.raises(Rejected):
        read_bytes(tmp_path, encrypted(owner="", user="secret", R=6))


# --- attachments, portfolios, forms -------------------------------------------------------------


def test_names_in_unicode_are_read(tmp_path):
    target = io.BytesIO()
    with pikepdf.open(io.BytesIO(TEXT)) as pdf:
        pdf.attachments["发票.xml"] = b"content"
        pdf.save(target)

    ((_, message),) = warnings_of(tmp_path, target.getvalue())

    assert "(发票.xml)" in message


def with_files(*names: str, portfolio: bool = False) -> bytes:
    document = pymupdf.open(stream=TEXT, filetype="pdf")
    for name in names:
        document.embfile_add(name, b"content", filename=name)
    if portfolio:
        document.xref_set_key(document.pdf_catalog(), "Collection", "<</Type/Collection/View/D>>")
    return document.tobytes()


@pytest.mark.parametrize("portfolio", [False, True])
def test_attached_files_are_named(portfolio, tmp_path):
    ((kind, message),) = warnings_of(
        tmp_path, with_files("invoice.pdf", "发票.xml", portfolio=portfolio)
    )

    assert kind == "attachments_not_read"
    assert "2 attached files (invoice.pdf, 发票.xml)" in message
    assert ("portfolio" in message) == portfolio


def test_many_attached_files_are_counted(tmp_path):
    ((_, message),) = warnings_of(tmp_path, with_files(*(f"{k:03}.txt" for k in range(100))))

    assert "100 attached files" in message
    assert "and 80 more" in message


def test_a_file_attached_to_a_place_is_a_warning_of_its_page(tmp_path):
    document = pymupdf.open(stream=samples.pdf_of_text([["one"], ["two"]]), filetype="pdf")
    document[1].add_file_annot((300, 300), b"content", "notes.txt")

    first, second = read_bytes(tmp_path, document.tobytes())

    assert first.warnings == ()
    (warning,) = second.warnings
    assert (warning.kind, warning.page) == ("attachments_not_read", 2)
    assert "notes.txt" in warning.message


def with_xfa(*, widget: bool, needs_rendering: bool = False) -> bytes:
    annots = b"/Annots[6 0 R]" if widget else b""
    field = b"<</Type/Annot/Subtype/Widget/FT/Tx/T(a)/V(filled in)/Rect[60 600 200 620]>>"
    data = samples.pdf_of_content(
        shown_text("Please wait...", 60, 700),
        page=annots,
        objects=[samples.pdf_stream(b"<xdp/>"), field],
    )
    fields = b"6 0 R" if widget else b""
    form = b"/AcroForm<</XFA 5 0 R/Fields[" + fields + b"]>>"
    form += b"/NeedsRendering true" if needs_rendering else b""
    return samples.pdf_by_hand(
        [
            b"<</Type/Catalog/Pages 2 0 R" + form + b">>",
            *(
                part.split(b" 0 obj\n", 1)[1]
                for part in data.split(b"\nendobj\n")[1:-1]
            ),
        ]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("widget", "needs_rendering", "is_told"),
    [(False, False, True), (False, True, True), (True, True, True), (True, False, False)],
)
def test_an_xfa_form_that_the_pages_do_not_show_is_told(widget, needs_rendering, is_told, tmp_path):
    data = with_xfa(widget=widget, needs_rendering=needs_rendering)

    kinds = [kind for kind, _ in warnings_of(tmp_path, data)]

    assert kinds == (["xfa_form_not_read"] if is_told else [])


def test_a_plain_pdf_has_no_warning(tmp_path):
    assert warnings_of(tmp_path, TEXT) == []
