"""What is written into every file of weights, whatever its format: the card and the alphabet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.core.errors import Misconfigured
from daemon.ocr.model.card import Card
from daemon.ocr.model.charset import Charset

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daemon.core.options import Weights

CARD = "card.json"
CHARSET = "charset.txt"


def inscribed(charset: Charset, card: Card) -> dict[str, str]:
    """Return the texts to write, by name."""
    return {CHARSET: charset.characters, CARD: card.to_json()}


def read(metadata: Mapping[str, str], weights: Weights) -> tuple[Card, Charset]:
    """Return what the file of `weights` says of itself; Misconfigured when it says nothing."""
    try:
        return Card.from_json(metadata[CARD]), Charset.of(metadata[CHARSET])
    except (KeyError, TypeError, ValueError) as error:
        raise foreign(weights, "it carries no card and charset") from error


def foreign(weights: Weights, complaint: str) -> Misconfigured:
    """Return the error for a file that is not ours."""
    remedy = f"{complaint}: no artifact of ours for {weights.backend}; make it again with `train`"
    return Misconfigured("model.file", weights.file, remedy)
