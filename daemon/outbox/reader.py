"""Reads the sidecars in an outbox: is there one, which claim is it of, which outputs has it?"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

from daemon.core import fs
from daemon.core.records import Block, Box, Cell, PageText, Table, TextLine, Word
from daemon.inbox.scan import WORK_FOLDER

SCHEMA_VERSION: Final = "1.2"  # of the sidecars that this version writes
_EARLIER_VERSIONS: Final = ("1.0", "1.1")
Answer = dict[str, Any]
"""The content of a sidecar."""

_REQUIRED = {"schema_version": str, "source": dict, "status": str, "processing": dict}


def read(path: Path) -> Answer | None:
    """Return the answer at `path`, None if there is none, or none that this daemon wrote.

    The sidecar of a part is no answer: it is an output of one. An answer that cannot be read counts
    as none: see `read_strictly`.
    """
    try:
        return read_strictly(path)
    except OSError:
        return None


def read_strictly(path: Path) -> Answer | None:
    """Return what `read` does; an OSError if it is not known whether there is an answer."""
    try:
        if not fs.is_regular(path):
            return None
        with fs.open_regular(path) as file:
            answer = json.load(file)
    except (FileNotFoundError, NotADirectoryError, PermissionError, ValueError):
        return None
    is_sidecar = isinstance(answer, dict) and all(
        isinstance(answer.get(key), kind) for key, kind in _REQUIRED.items()
    )
    if is_sidecar and "part_of" in answer:
        return None  # a part of another answer, which lists it
    return upgraded(answer) if is_sidecar else None


def upgraded(answer: Answer) -> Answer:
    """Return an answer of an earlier version as this version would write it.

    Whatever is no sidecar is left as it is: only `outbox.sidecar.is_valid` judges that.
    """
    for page in _dictionaries(answer.get("pages")):
        upgrade_page(page)
    answer.setdefault("warnings", [])
    if answer.get("schema_version") in _EARLIER_VERSIONS:
        answer["schema_version"] = SCHEMA_VERSION
    return answer


def upgrade_page(page: dict[str, Any]) -> None:
    """Bring a page to this version: before 0.1.0 `curvature` was `sag`, 1.0 had no `unread`."""
    if "sag" in page:
        page["curvature"] = page.pop("sag")
    page.setdefault("unread", [])
    page.setdefault("warnings", [])
    for block in _dictionaries(page.get("blocks")):
        for line in _dictionaries(block.get("lines")):
            line.setdefault("direction", "horizontal")


def _dictionaries(values: object) -> Iterator[dict[str, Any]]:
    """Return the dictionaries in a list; nothing where another file has something else there."""
    if isinstance(values, list):
        yield from (value for value in values if isinstance(value, dict))


def belongs_to(claim: str, answer: Answer | None) -> bool:
    """Return whether there is an answer and it is the one to this claim."""
    return answer is not None and answer["processing"].get("claim") == claim


def output_names(answer: Answer | None) -> list[str]:
    """Return the names of the outputs that an answer lists: paths relative to its folder."""
    names = (output["name"] for output in (answer or {}).get("outputs", ()))
    return [name for name in names if is_output_name(name)]


def is_output_name(name: str) -> bool:
    """Tell whether a name is that of a file in the folder of a sidecar, or below it."""
    parts = PurePosixPath(name).parts
    return bool(parts) and parts[0] not in ("/", "//", WORK_FOLDER) and ".." not in parts


def output_path(place: str, name: str) -> str:
    """Return the path of an output below the outbox; `name` is as the sidecar at `place` lists it.

    ValueError for a name that leads out of the folder of the sidecar.
    """
    if not is_output_name(name):
        raise ValueError(f"{name} is no name of an output")
    return os.fspath(PurePosixPath(place).parent / name)


def page_text(page: Mapping[str, Any]) -> PageText:
    """Return a page of a valid sidecar as it was read, without its failure and its warnings."""
    return PageText(
        number=page["number"], width=page["width"], height=page["height"], dpi=page["dpi"],
        rotation=page["rotation"], skew=page["skew"], text_source=page["text_source"],
        status=page["status"], text=page["text"], confidence=page["confidence"],
        blocks=tuple(map(_block, page["blocks"])), orientation=page["orientation"],
    )  # fmt: skip


def _block(block: Mapping[str, Any]) -> Block:
    table = None
    if "cells" in block:
        table = Table(block["rows"], block["columns"], tuple(map(_cell, block["cells"])))
    return Block(tuple(map(_line, block["lines"])), block["kind"], table)


def _line(line: Mapping[str, Any]) -> TextLine:
    words = tuple(
        Word(word["text"], word["confidence"], Box(*word["box"])) for word in line["words"]
    )
    box = Box(*line["box"])
    return TextLine(line["text"], line["confidence"], box, words, line["direction"])


def _cell(cell: Mapping[str, Any]) -> Cell:
    place = (cell["row"], cell["column"], cell["row_span"], cell["column_span"])
    return Cell(*place, Box(*cell["box"]), tuple(cell["lines"]), cell["text"])
