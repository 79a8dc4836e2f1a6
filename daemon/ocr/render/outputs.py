"""Derived outputs, rendered in a worker process: searchable PDFs and pictures of pages.

The output is written where the supervising process asks, which trusts it only to be a file. Errors
of decoders are raised as Rejected, Deferred or Died.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

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
    if task.kind == "searchable_pdf":
        with translate_errors("the file"):
            file = fs.open_regular(task.path)
        with file:
            if Stamp.from_status(os.fstat(file.fileno())) != task.stamp:
                raise Deferred("the file was changed or replaced after it was claimed")
            searchable_pdf.write(file, task)
        return
    recipe = task.recipe
    rendering = replace(recipe.rendering, text_layer="never")
    with pages.open_document(task.path, recipe.limits, rendering, task.stamp) as source:
        (text,) = task.pages
        content = overlay.png(source.page(text.number), text)
    task.target.write_bytes(content)
