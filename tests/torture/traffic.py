"""The files dropped in crash tests: seeded, mixed, each with the answer expected for it.

Most are one-line images; others are documents of a few pages, unreadable files, the same bytes
under another name, and other bytes under a used name, all in sub-folders. A name is used again
only when its file has left the inbox, as by a scanner.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import count

from tests.support.running_daemon import Workspace
from tests.torture import pretended
from tests.torture.oracle import Landed

FOLDER_FILES = 50  # per sub-folder
KINDS = {"line": 60, "pages": 10, "broken": 10, "copy": 10, "reused": 10}  # per hundred files


def endless(program: str, seed: int, first: int = 0) -> Iterator[Landed]:
    """Yield files without end, numbered from `first`; equal ones for equal arguments."""
    rng = random.Random(seed)
    earlier: list[Landed] = []
    for number in count(first):
        (kind,) = rng.choices(list(KINDS), list(KINDS.values()))
        file = _file(program, kind, number, rng, earlier[-200:])
        earlier.append(file)
        yield file


def drop(workspace: Workspace, file: Landed) -> Landed:
    """Drop a file, under another name if its own is in the inbox; return it with that name."""
    if (workspace.inbox / file.name).exists():
        file = Landed(f"again/{file.sha256[:16]}.png", file.content, file.text)
        if (workspace.inbox / file.name).exists():
            return drop(workspace, Landed(f"{file.name}.png", file.content, file.text))
    workspace.drop(file.name, file.content)
    return file


def _file(
    program: str, kind: str, number: int, rng: random.Random, earlier: list[Landed]
) -> Landed:
    name = f"{number // FOLDER_FILES:03}/scan-{number}.png"
    if kind == "copy" and earlier:
        twin = rng.choice(earlier)
        return Landed(name, twin.content, twin.text)
    if kind == "reused" and earlier:
        name = rng.choice(earlier).name
    if kind == "broken":
        return Landed(name, _encoded(program, [], number), None)
    texts = [f"Scan number {number}"]
    if kind == "pages":
        name = name.replace(".png", ".pdf")
        texts = [f"Scan number {number} page {page}" for page in range(1, rng.randint(2, 4))]
    return Landed(name, _encoded(program, texts, number), "\n\n".join(texts))


def _encoded(program: str, texts: list[str], number: int) -> bytes:
    """Return a file with these pages, an unreadable one if there are none."""
    if program == "pretended":
        return pretended.content(*texts) if texts else pretended.BROKEN + b" %d" % number
    from tests.support.samples import pdf_of_images, png, text_page

    if not texts:
        return b"\x89PNG\r\n\x1a\n broken %d" % number
    pages = [text_page([text]) for text in texts]
    return png(pages[0]) if len(pages) == 1 else pdf_of_images(pages)
