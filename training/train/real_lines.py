"""Lines of real documents to train on beside drawn ones; a tenth is held out, by whole documents.

An archive is a tar of `labels.tsv` (file TAB text TAB language TAB kind, without quoting) and the
crops, NAME_PAGE_LINE.jpg. A document is all pages with one shelf mark, or whose names differ only
in the page number, so that no hand, typeface or ribbon is both trained on and evaluated on.
"""

from __future__ import annotations

import re
import tarfile
from collections import defaultdict
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain
from typing import TYPE_CHECKING

import cv2
import numpy as np

from training.evaluate.error_rate import ComparisonRule, LabelledLine, line_of
from training.records import Sample
from training.synth import augment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.random import Generator

    from daemon.core.records import Pixels
    from training.records import Language

HELDOUT = 0.1  # largest share of the lines of an archive
COARSER = 0.4  # share of lines that are scaled to 60 to 95 % of their resolution
MIN_HEIGHT = 14  # pixels; lines are not scaled below it
NORMALISED_SPACES = frozenset({"ehri"})  # archives whose labels do not show the typed spaces
EXCLUDED_KINDS = frozenset({"signature"})  # whose labels are names, not what is legible

_PAGE = re.compile(r"(-page)?-\d+(-[0-9a-f]+-default)?$")
_SHELF_MARK = re.compile(r"btv1b[0-9a-z]+")  # of Gallica, whose names vary before it


@dataclass(frozen=True, slots=True)
class RealLine:
    """A labelled crop; `image` is its encoded file, since decoded pixels would take much memory."""

    name: str
    text: str
    language: str
    kind: str
    image: bytes

    @property
    def archive(self) -> str:
        """The name of its archive."""
        return self.name.split("_", 1)[0]

    @property
    def document(self) -> str:
        """The name of its document."""
        mark = _SHELF_MARK.search(self.name)
        return f"{self.archive}_{mark[0]}" if mark else _PAGE.sub("", self.name.rsplit("_", 1)[0])

    def crop(self) -> Pixels:
        """Return the crop in gray; raises ValueError when it is not an image."""
        image = cv2.imdecode(np.frombuffer(self.image, np.uint8), cv2.IMREAD_GRAYSCALE)
        if image is None:
            raise ValueError(f"{self.name} is not an image")
        return image.astype(np.uint8)


def read_archive(archive: Path) -> list[RealLine]:
    """Return the lines of a tar; raises KeyError for a listed crop that it does not contain."""
    with tarfile.open(archive) as tar:
        files = {member.name: tar.extractfile(member) for member in tar if member.isfile()}
        table = files["labels.tsv"]
        assert table is not None
        rows = [row.split("\t") for row in table.read().decode().splitlines() if row]
        return [
            RealLine(name, text, language, kind, file.read())
            for name, text, language, kind in rows
            if kind not in EXCLUDED_KINDS and (file := files[name])
        ]


def split(lines: Sequence[RealLine]) -> tuple[list[RealLine], list[RealLine]]:
    """Split the lines of an archive into those to train on and those held out.

    Whole documents are held out, in the order of the hashes of their names, as many as fit into a
    tenth of the lines: an arbitrary choice that is the same in every run.
    """
    documents: defaultdict[str, list[RealLine]] = defaultdict(list)
    for line in lines:
        documents[line.document].append(line)
    free, heldout = HELDOUT * len(lines), set[str]()
    for name in sorted(documents, key=lambda name: sha256(name.encode()).digest()):
        if len(documents[name]) <= free:
            free -= len(documents[name])
            heldout.add(name)
    train = [line for line in lines if line.document not in heldout]
    return train, [line for line in lines if line.document in heldout]


@dataclass(frozen=True, slots=True)
class RealLines:
    """Lines to train on, and lines of other documents to evaluate on."""

    train: tuple[RealLine, ...]
    heldout: tuple[RealLine, ...]

    @classmethod
    def load(cls, paths: Iterable[Path]) -> RealLines:
        """Read archives and folders of them; raises FileNotFoundError for a folder without any."""
        train, heldout = list[RealLine](), list[RealLine]()
        for archive in chain.from_iterable(map(_archives, paths)):
            more_train, more_heldout = split(read_archive(archive))
            train += more_train
            heldout += more_heldout
        return cls(tuple(train), tuple(heldout))

    def sample(self, rng: Generator) -> Sample:
        """Return one of the lines to train on, mildly damaged."""
        line = self.train[int(rng.integers(len(self.train)))]
        language: Language = "en" if line.language == "en" else "latin"
        crop = line.crop()
        if rng.random() < COARSER:
            height = round(crop.shape[0] * rng.uniform(0.6, 0.95))
            crop = augment.rescaled(crop, max(MIN_HEIGHT, height))
        crop = np.ascontiguousarray(augment.damaged(crop, language, True, rng))
        return Sample(crop, line.text, language, line.kind, line.archive)

    def labelled(self, max_lines: int) -> list[LabelledLine]:
        """Return at most `max_lines` of the held-out lines, evenly spaced over all archives."""
        step = max(1, -(-len(self.heldout) // max_lines)) if max_lines else 1
        return [
            LabelledLine(line.name, line_of(line.crop()), line.text, _rule(line))
            for line in self.heldout[::step]
        ]


def mix(drawn: Iterator[Sample], real: RealLines, share: float, rng: Generator) -> Iterator[Sample]:
    """Yield the drawn samples and, between them, real ones, which are `share` of all."""
    for sample in drawn:
        while rng.random() < share:
            yield real.sample(rng)
        yield sample


def _archives(path: Path) -> list[Path]:
    found = sorted(path.glob("*.tar")) if path.is_dir() else [path]
    if not found:
        raise FileNotFoundError(f"no archive (*.tar) of real lines in {path}")
    return found


def _rule(line: RealLine) -> ComparisonRule:
    """Return the rule of a line; error rates are listed by archive, apart for handwriting."""
    source = f"{line.archive}-hand" if line.kind == "handwriting" else line.archive
    return ComparisonRule(source, source, strip_spaces=line.archive in NORMALISED_SPACES)
