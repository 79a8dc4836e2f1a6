"""Corrected lines as a tar that `python -m training run --real` takes: crops and `labels.tsv`."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import structlog

from daemon.web.http.block_writer import BlockWriter
from daemon.web.index.corrections import Correction
from daemon.web.index.records import DocumentDetails
from daemon.web.previews.line_crops import LineBox
from daemon.web.previews.page_images import PageImages

log = structlog.get_logger()

MEDIA_TYPE = "application/x-tar"
LABELS = "labels.tsv"  # file TAB text TAB language TAB kind, without quoting
_ANGLES = {"horizontal": 0, "rotated_90": 90, "rotated_180": 180, "rotated_270": 270}
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff]")


def training_archive(
    documents: Iterable[tuple[DocumentDetails, Sequence[Correction]]], page_images: PageImages
) -> Iterator[bytes]:
    """Return the blocks of a tar with the corrected lines of documents.

    Vertical lines are left out, as training reads along rows; and those of pages that cannot be
    rendered any more. The table of labels comes last: by then it is known which crops there are.
    """
    buffer = BlockWriter()
    labels = list[str]()
    with tarfile.open(fileobj=buffer, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for details, corrections in documents:
            for number, found in groupby(corrections, key=lambda each: each.page):
                for name, text, image in _page_lines(details, number, list(found), page_images):
                    _add(tar, name, image)
                    labels.append(f"{name}\t{text}\t{language_of(text)}\tprint\n")
                    yield buffer.taken()
        _add(tar, LABELS, "".join(labels).encode("utf-8", "replace"))
    yield buffer.taken()


def language_of(text: str) -> str:
    """Return the language of a line by its script, in the words of `training.records.Language`."""
    if _HAN.search(text):
        return "zh"
    return "en" if text.isascii() else "latin"


def _page_lines(
    details: DocumentDetails, number: int, corrections: Sequence[Correction], images: PageImages
) -> Iterator[tuple[str, str, bytes]]:
    """Return name, text and image of each line of a page."""
    level = [each for each in corrections if each.direction in _ANGLES and each.text]
    if not level:
        return
    boxes = [
        LineBox(
            each.box, each.width, each.height,
            (each.orientation - _ANGLES[each.direction]) % 360, each.skew,
        )
        for each in level
    ]  # fmt: skip
    try:
        crops = images.line_crops(details, number, boxes)
    except LookupError as error:
        log.warning("web.lines_left_out", name=details.summary.name, page=number, reason=str(error))
        return
    document = (details.sha256 or "")[:16]
    for place, (correction, image) in enumerate(zip(level, crops, strict=True)):
        text = " ".join((correction.text or "").split())
        yield f"corrections_{document}-{number}_{place:03d}.jpg", text, image


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o644
    tar.addfile(member, io.BytesIO(content))
