"""Records of training data: the phrase to draw and the labelled crop of a line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from daemon.core.records import Pixels

Language = Literal["en", "zh", "zh-Hant", "latin"]


@dataclass(frozen=True, slots=True)
class Phrase:
    """One line of text to be drawn: NFC, single spaces, every character in the alphabet.

    `language` decides which faces may draw it, `kind` is the part of the mixture that it is from
    (prose, capitals, number, label, receipt, code, cell, word, character, mixed ...).
    """

    text: str
    language: Language
    kind: str


@dataclass(frozen=True, slots=True)
class Sample:
    """A line as the daemon would crop it from a page (H,W gray), and its text."""

    crop: Pixels
    label: str
    language: Language
    kind: str
    face: str
