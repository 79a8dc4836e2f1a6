"""The card: what a file of weights says of itself, and how lines must be framed for it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Framing:
    """How the crop of a line becomes what the network was trained on; lengths in pixels.

    The crop is scaled to `height` rows and its width by `stretch` more, then padded on the right
    with `fill` (-1 black .. 1 white) to the next multiple of `multiple` above its width plus
    `margin`; of twice, four times ... `multiple` where that is at most the share `grain` of it, so
    that long lines have few widths. Crops higher than `area_above` are averaged down, others
    interpolated.
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
class Card:
    """Where weights come from, under which licence, and how they want their lines.

    `losses` says by how much the character error rate rose when it was measured in another
    precision than fp32; `precision` is what the file itself computes in.
    """

    name: str
    source: str
    licence: str
    framing: Framing
    precision: str = "fp32"
    losses: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the card as it rides in the file of weights."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Card:
        """Read a card; raises ValueError, KeyError or TypeError when it is not one."""
        fields = json.loads(text)
        return cls(framing=Framing(**fields.pop("framing")), **fields)
