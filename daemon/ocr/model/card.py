"""Model cards: the provenance of weights, and how lines are scaled for them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from daemon.ocr.model.shape import WIDE, NetworkShape


@dataclass(frozen=True, slots=True, kw_only=True)
class Framing:
    """How the crop of a line is scaled to the input that the network was trained on; in pixels.

    The crop is scaled to `height` rows, its width by `stretch` more, and padded on the right with
    `fill` (-1 black .. 1 white) to the next multiple of `multiple` above its width plus `margin`;
    to a multiple of twice, four times ... `multiple` where that is at most the share `grain` of it,
    so that long lines have few widths. Crops higher than `area_above` are downscaled by area
    averaging, others by linear interpolation.
    """

    height: int = 32
    stretch: float = 1.12
    margin: int = 8
    multiple: int = 32
    grain: float = 0.0
    min_width: int = 64
    max_width: int = 8192
    area_above: int = 48
    fill: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """The origin and licence of weights, and the input that they need.

    `losses` is the increase of the character error rate measured in other precisions than fp32;
    `precision` is the one in which the file itself computes. `network` is the shape of the network
    as text; cards that were written before there were several do not have it.
    """

    name: str
    source: str
    licence: str
    framing: Framing
    precision: str = "fp32"
    losses: dict[str, float] = field(default_factory=dict)
    network: str = WIDE

    @property
    def shape(self) -> NetworkShape:
        """The parsed shape of the network; raises ValueError when `network` is not one."""
        return NetworkShape.parse(self.network)

    def to_json(self) -> str:
        """Return the card as it is stored in the file of weights."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str) -> ModelCard:
        """Parse a card; raises ValueError, KeyError or TypeError when it is not one."""
        fields = json.loads(text)
        card = cls(framing=Framing(**fields.pop("framing")), **fields)
        NetworkShape.parse(card.network)
        return card
