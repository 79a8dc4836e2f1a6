"""One page of an untrusted file, decoded in a sandboxed process of its own.

The parent calls `run`, the process `main`: it decodes the page and hands its pixels on.
"""

from __future__ import annotations

import contextlib
import pickle
import resource
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from daemon.core.errors import Deferred, Rejected
from daemon.engine.isolated import run_isolated

if TYPE_CHECKING:
    from daemon.core.options import Limits, Rendering
    from daemon.core.records import Pixels

MAX_MEMORY_BYTES = 3_000_000_000  # of address space


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """Page `number` (from 1) of the file `path`; what is made of it is written to `draft`.

    In a sandbox the process can open this file, write in that folder, and do nothing else.
    """

    path: Path
    number: int
    limits: Limits
    rendering: Rendering
    draft: Path
    in_sandbox: bool = True


Request = TypeVar("Request", bound=PageRequest)


def run(module: str, request: PageRequest) -> str | None:
    """Run `python -m module` within the time limit of a page.

    Returns None, or a sentence on what failed.
    """
    seconds = request.limits.page_seconds
    try:
        code, message = run_isolated(module, request, seconds)
    except TimeoutError:
        return f"the page could not be rendered within {seconds:.0f} s"
    if not code:
        return None
    is_ours = code == 1 and message and "Error" not in message
    return message if is_ours else "the page could not be rendered"


def main(make: Callable[[Request, Pixels], None]) -> None:
    """Decode the page of the request on standard input and make something of it."""
    request: Request = pickle.load(sys.stdin.buffer)  # noqa: S301  # from our own parent
    try:
        make(request, _decoded(request))
    except (Rejected, Deferred) as error:
        sys.exit(str(error))


def _decoded(request: PageRequest) -> Pixels:
    from daemon.engine import sandbox
    from daemon.ocr import pages

    with contextlib.suppress(OSError, ValueError):  # a lower limit is already in force
        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    if request.in_sandbox:
        sandbox.enter([request.path], [request.draft.parent])
    rendering = replace(request.rendering, text_layer="never")
    with pages.open_document(request.path, request.limits, rendering) as source:
        if not 1 <= request.number <= source.page_count:
            raise Rejected("no_page", f"the document has {source.page_count} pages")
        return source.page(request.number).image
