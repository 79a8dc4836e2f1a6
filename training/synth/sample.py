"""What travels through the making of training data: a phrase is drawn, damaged, and labelled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from daemon.core.records import Pixels

Language = Literal["en", "zh", "zh-Hant", "latin"]


@dataclass(frozen=True, slots=True)
class Phrase:
    """One line of text to be drawn: NFC, single spaces, every character in the alphabet.

    `language` decides which faces may draw it, `kind` says which part of the mixture made it
    (prose, capitals, number, label, receipt, code, cell, word, character, mixed ...).
    """

    text: str
    language: Language
    kind: str


@dataclass(frozen=True, slots=True)
class Sample:
    """A crop of a line as the daemon would cut it from a page (H,W gray) and what it says."""

    crop: Pixels
    label: str
    language: Language
    kind: str
    face: str
