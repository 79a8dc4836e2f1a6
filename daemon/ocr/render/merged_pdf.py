"""Several files merged into one PDF: the pages of each in order, pictures as they are stored.

Each image is converted by itself, and files are joined in groups, so that neither the memory nor
the number of open files grows with the number of files.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pikepdf

from daemon.core import fs
from daemon.core.errors import Rejected
from daemon.core.records import PageText, Stamp
from daemon.core.tasks import RenderTask
from daemon.ocr import pages
from daemon.ocr.pages import sniff
from daemon.ocr.render import image_to_pdf

if TYPE_CHECKING:
    from daemon.core.options import Recipe

_GROUP: Final = 64  # files that are open at once
_LOST: Final = {  # what belongs to a PDF as a whole and would not come along with its pages
    "/AcroForm": "a form or a signature", "/Names": "named files or scripts",
    "/OCProperties": "layers", "/Collection": "attached files",
}  # fmt: skip


def write(target: Path, sources: Sequence[Path], recipe: Recipe) -> None:
    """Write the pages of images and PDFs to `target`; the folder of `target` is used for drafts.

    Rejected names the file that is neither, that is encrypted, or that would lose something, and
    says so where the result would have more pages than `recipe.limits` allow.
    """
    drafts = target.parent
    parts, number_of_pages = [], 0
    for number, source in enumerate(sources):
        with _naming(source):
            part = _part(source, drafts / f"part-{number}.pdf", recipe)
            number_of_pages += _count(part)
        parts.append(part)
        if number_of_pages > recipe.limits.pages:
            limit = recipe.limits.pages
            raise Rejected(
                "too_large", f"together they have more than {limit} pages (limits.pages)"
            )
    level = 0
    while len(parts) > _GROUP:
        groups = [parts[start : start + _GROUP] for start in range(0, len(parts), _GROUP)]
        parts = [drafts / f"group-{level}-{number}.pdf" for number in range(len(groups))]
        for group, part in zip(groups, parts, strict=True):
            _join(group, part)
        level += 1
    _join(parts, target)


@contextlib.contextmanager
def _naming(source: Path) -> Iterator[None]:
    """Name the file in what is wrong with it."""
    try:
        yield
    except Rejected as error:
        raise Rejected(error.reason, f"{source.name}: {error.message}") from error
    except pikepdf.PasswordError as error:
        message = f"{source.name}: it is encrypted; remove its password first"
        raise Rejected("encrypted", message) from error
    except (pikepdf.PdfError, RuntimeError, ValueError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split())[:120]
        message = f"{source.name}: its PDF is damaged ({reason}); export it again"
        raise Rejected("corrupt", message) from error


def _part(source: Path, draft: Path, recipe: Recipe) -> Path:
    """Return a PDF with the pages of a file: the file itself, or its image converted."""
    with fs.open_regular(source) as file:
        media_type = sniff.media_type(file.read(sniff.HEAD_BYTES))
        if media_type == "application/pdf":
            return source
        file.seek(0)
        data = file.read()
    with pages.open_document(source, recipe.limits, recipe.rendering) as opened:
        texts = tuple(_page(opened, number) for number in range(1, opened.page_count + 1))
    task = RenderTask(
        "merge", source, Stamp.of(source), "searchable_pdf", texts, draft, 0.0, recipe
    )  # fmt: skip
    draft.write_bytes(image_to_pdf.convert(data, media_type, task))
    return draft


def _page(source: pages.PageSource, number: int) -> PageText:
    """Return the size of a page, which is all that is needed of it."""
    page = source.page(number)
    return PageText(
        number=number, width=page.width, height=page.height, dpi=page.dpi, rotation=page.rotation,
        skew=0.0, text_source="ocr", status="done", text="", confidence=None, blocks=(),
        pixel_height=page.pixel_height,
    )  # fmt: skip


def _count(path: Path) -> int:
    """Return the number of pages of a PDF; Rejected where it has what pages do not carry."""
    with pikepdf.open(path, suppress_warnings=True) as pdf:
        if pdf.is_encrypted:
            raise Rejected("encrypted", "it is encrypted; remove its password first")
        lost = [what for key, what in _LOST.items() if key in pdf.Root]
        if lost:
            raise Rejected("unsupported", f"it has {lost[0]}, which would be lost; leave it out")
        return len(pdf.pages)


def _join(parts: Sequence[Path], target: Path) -> None:
    with contextlib.ExitStack() as stack:
        merged = stack.enter_context(pikepdf.new())
        for part in parts:
            opened = stack.enter_context(pikepdf.open(part, suppress_warnings=True))
            merged.pages.extend(opened.pages)
        with target.open("wb") as file:
            merged.save(file, deterministic_id=True)
