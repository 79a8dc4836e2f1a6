"""Outputs that need a decoder, made in a worker process: searchable PDFs and pictures of pages.

What is made is written where the supervising process says, and believed by it no further than that
it is a file. Whatever a decoder raises leaves this door as Rejected, Deferred or Died.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from daemon.core import fs
from daemon.core.errors import Deferred
from daemon.core.records import Stamp
from daemon.ocr import pages
from daemon.ocr.pages.errors import translated
from daemon.ocr.render import overlay, searchable

if TYPE_CHECKING:
    from daemon.core.tasks import RenderTask


def make(making: RenderTask) -> None:
    """Make one output of a document as `making.target`, replacing what an earlier try has left.

    Deferred where the file cannot be read now or does not bear `making.stamp` any more, an OSError
    where the target cannot be written.
    """
    if making.kind == "searchable_pdf":
        with translated("the file"):
            file = fs.open_regular(making.path)
        with file:
            if Stamp.from_status(os.fstat(file.fileno())) != making.stamp:
                raise Deferred("the file was changed or replaced after it was claimed")
            searchable.write(file, making)
        return
    recipe = making.recipe
    rendering = replace(recipe.rendering, text_layer="never")
    with pages.open_document(making.path, recipe.limits, rendering, making.stamp) as source:
        (text,) = making.pages
        content = overlay.png(source.page(text.number), text)
    making.target.write_bytes(content)
