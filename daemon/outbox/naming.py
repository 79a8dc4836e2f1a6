"""The name and the folder of the outputs of a document, from a template of the config."""

from __future__ import annotations

from itertools import islice
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from daemon.core import fs, name_template

if TYPE_CHECKING:
    from daemon.core.options import Naming
    from daemon.core.records import Document

_FIRST_PAGES: Final = 10  # in which a heading or a code is looked for


def stem_of(naming: Naming, document: Document, name: str, usual: str) -> str:
    """Return the path of the outputs of a document without their endings.

    It is relative to the folder of its sidecar; `name` is the path of the file in the inbox, and
    `usual` what the outputs are named without a template.
    """
    values = {each.name: each.found.value for each in document.fields if each.found}
    values["stem"] = PurePosixPath(fs.to_unicode(name)).stem
    values["page_count"] = str(len(document.pages))
    templates = f"{naming.name} {naming.folder}"
    if "first_heading" in templates:
        values["first_heading"] = _first_heading(document)
    if "barcode" in templates:
        values["barcode"] = _first_code(document)
    return name_template.base_name(naming.name, naming.folder, values, usual)


def _first_heading(document: Document) -> str:
    headings = (
        " ".join(line.text for line in block.lines)
        for page in islice(document.pages, _FIRST_PAGES)
        for block in page.blocks
        if block.kind == "heading"
    )
    return next(headings, "")


def _first_code(document: Document) -> str:
    pages = islice(document.pages, _FIRST_PAGES)
    codes = (code.text for page in pages for code in page.codes or () if not code.is_base64)
    return next(codes, "")
