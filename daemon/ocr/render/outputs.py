"""Derived outputs, rendered in a worker process: PDFs, office documents and pictures of pages.

The output is written where the supervising process asks, which trusts it only to be a file. Errors
of decoders are raised as Rejected, Deferred or Died.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

from daemon.core import fs
from daemon.core.errors import Deferred
from daemon.core.records import Stamp
from daemon.ocr import pages
from daemon.ocr.pages.errors import translate_errors
from daemon.ocr.render import overlay, searchable_pdf

if TYPE_CHECKING:
    from daemon.core.tasks import RenderTask


def render(task: RenderTask) -> None:
    """Write one output of a document to `task.target`, replacing the remains of an earlier attempt.

    Raises Deferred where the file cannot be read now or no longer has `task.stamp`, and OSError
    where the target cannot be written.
    """
    made_at = (
        task.stamp.modified_ns / 1e9
    )  # of documents that have a date; a repetition is the same
    match task.kind:
        case "searchable_pdf":
            with _original(task) as file:
                searchable_pdf.write(file, task)
        case "pdfa":
            from daemon.ocr.render import pdfa  # pikepdf takes 6 MB

            with _original(task) as file:
                pdfa.write(file, task)
        case "docx":
            from daemon.ocr.render import docx  # python-docx takes 0.2 s, only where it is wanted

            docx.write(task.target, task.pages, made_at)
        case "xlsx":
            from daemon.ocr.render import xlsx

            xlsx.write(task.target, task.pages, made_at)
        case _:
            _write_picture(task)


def _original(task: RenderTask) -> BinaryIO:
    """Return the file of a document, opened; Deferred where it is not the one that was read."""
    with translate_errors("the file"):
        file = fs.open_regular(task.path)
    if Stamp.from_status(os.fstat(file.fileno())) != task.stamp:
        file.close()
        raise Deferred("the file was changed or replaced after it was claimed")
    return file


def _write_picture(task: RenderTask) -> None:
    recipe = task.recipe
    rendering = replace(recipe.rendering, text_layer="never")
    with pages.open_document(task.path, recipe.limits, rendering, task.stamp) as source:
        (text,) = task.pages
        content = overlay.png(source.page(text.number), text)
    task.target.write_bytes(content)
