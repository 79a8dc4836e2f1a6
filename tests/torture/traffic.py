"""What is dropped while the daemon is tortured: seeded, mixed, and each file with its due answer.

One-line images for the most part; documents of a few pages, files that cannot be read, the same
bytes under another name, other bytes under a used name, all in sub-folders. A used name is taken
again only once it is gone from the inbox, as a scanner does.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import count

from tests.support.running_daemon import Workspace
from tests.torture import pretended
from tests.torture.oracle import Landed

FOLDER_FILES = 50  # files of one sub-folder
KINDS = {"line": 60, "pages": 10, "broken": 10, "copy": 10, "reused": 10}  # of a hundred files


def endless(program: str, seed: int) -> Iterator[Landed]:
    """Return files without end; the same ones for the same program and seed."""
    chance = random.Random(seed)
    earlier: list[Landed] = []
    for number in count():
        (kind,) = chance.choices(list(KINDS), list(KINDS.values()))
        file = _file(program, kind, number, chance, earlier[-200:])
        earlier.append(file)
        yield file


def drop(workspace: Workspace, file: Landed) -> Landed:
    """Land a file, under another name where its own still waits in the inbox; return it so."""
    if (workspace.inbox / file.name).exists():
        file = Landed(f"again/{file.sha256[:16]}.png", file.content, file.text)
        if (workspace.inbox / file.name).exists():
            return drop(workspace, Landed(f"{file.name}.png", file.content, file.text))
    workspace.drop(file.name, file.content)
    return file


def _file(
    program: str, kind: str, number: int, chance: random.Random, earlier: list[Landed]
) -> Landed:
    name = f"{number // FOLDER_FILES:03}/scan-{number}.png"
    if kind == "copy" and earlier:
        twin = chance.choice(earlier)
        return Landed(name, twin.content, twin.text)
    if kind == "reused" and earlier:
        name = chance.choice(earlier).name
    if kind == "broken":
        return Landed(name, _encoded(program, [], number), None)
    texts = [f"Scan number {number}"]
    if kind == "pages":
        name = name.replace(".png", ".pdf")
        texts = [f"Scan number {number} page {page}" for page in range(1, chance.randint(2, 4))]
    return Landed(name, _encoded(program, texts, number), "\n\n".join(texts))


def _encoded(program: str, texts: list[str], number: int) -> bytes:
    """Return a file of these pages, one that cannot be read where there are none."""
    if program == "pretended":
        return pretended.content(*texts) if texts else pretended.BROKEN + b" %d" % number
    from tests.support.samples import pdf_of_images, png, text_page

    if not texts:
        return b"\x89PNG\r\n\x1a\n broken %d" % number
    pages = [text_page([text]) for text in texts]
    return png(pages[0]) if len(pages) == 1 else pdf_of_images(pages)
