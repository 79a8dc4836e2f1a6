"""Metadata stored in every file of weights, whatever its format: the card and the charset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.core.errors import Misconfigured
from daemon.ocr.model.card import ModelCard
from daemon.ocr.model.charset import Charset

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daemon.core.options import Weights

CARD = "card.json"
CHARSET = "charset.txt"


def to_properties(charset: Charset, card: ModelCard) -> dict[str, str]:
    """Return the metadata as texts by name."""
    return {CHARSET: charset.characters, CARD: card.to_json()}


def read(metadata: Mapping[str, str], weights: Weights) -> tuple[ModelCard, Charset]:
    """Return card and charset from the metadata of `weights`; Misconfigured without them."""
    try:
        return ModelCard.from_json(metadata[CARD]), Charset.of(metadata[CHARSET])
    except (KeyError, TypeError, ValueError) as error:
        raise invalid_artifact(weights, "it carries no card and charset") from error


def invalid_artifact(weights: Weights, reason: str) -> Misconfigured:
    """Return the error for a file that is not an artifact of ours."""
    remedy = (
        f"{reason}: not an artifact of ours for {weights.backend}; "
        "export it again with `python -m training export`"
    )
    return Misconfigured("model.file", weights.file, remedy)
