"""A network grows: its recurrence by units, its classifier by characters, and reads on as before.

A new unit listens from the start and is listened to as soon as training finds a use for it. A new
character's row is that of the known one which the network takes it for (說 begins as 说), so
training has to tell two neighbours apart and not to find a place for a stranger.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor, nn
from torch.nn.functional import pad

from daemon.ocr.batches import make_batches
from daemon.ocr.model.charset import BLANK
from training.data import sources
from training.synth.glyphs import coverage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from daemon.core.records import Pixels
    from daemon.ocr.model.card import Framing
    from daemon.ocr.model.charset import Charset
    from daemon.ocr.model.crnn import CRNN

HIDDEN = 96  # units of the recurrence a direction: 1 to 3 % more time a line than 64
_SIZE = 36  # pixels an em of a character drawn alone
_SHY = 1.0  # how much less likely than its look-alike a new character is at first


def grow(network: CRNN, charset: Charset, likeness: Mapping[str, int]) -> None:
    """Let `network`, in place, tell all of `charset` apart; it knows the first classes already.

    `likeness` names the known class that a new character looks like; one that it does not name
    starts as the average of all classes.
    """
    known = network.classifier.out_features
    fresh = charset.characters[known - 1 :]
    weight, bias = network.classifier.weight.detach(), network.classifier.bias.detach()
    rows = [likeness.get(character, BLANK) for character in fresh]
    strange = torch.tensor([row == BLANK for row in rows], dtype=torch.bool)
    more, offsets = weight[rows].clone(), bias[rows].clone()
    more[strange], offsets[strange] = weight[1:].mean(0), bias[1:].mean()
    grown = nn.Linear(network.classifier.in_features, charset.classes)
    with torch.no_grad():
        grown.weight.copy_(torch.cat([weight, more]))
        grown.bias.copy_(torch.cat([bias, offsets - _SHY]))
    network.classifier = grown


def widen(network: CRNN, hidden: int = HIDDEN) -> None:
    """Give the recurrence of `network`, in place, `hidden` units a direction: the same scores.

    Network morphism (Wei et al. 2016): what the old units and the bottleneck hear of the new ones
    is weighed 0 at first.
    """
    old = network.recurrence
    wide = nn.LSTM(old.input_size, hidden, old.num_layers, bidirectional=True, batch_first=True)
    bottleneck = nn.Linear(2 * hidden, network.bottleneck.out_features)
    with torch.no_grad():
        for name, known in old.named_parameters():
            among_units = "weight_hh" in name or ("weight_ih" in name and "_l0" not in name)
            heard = _deaf(known, old.hidden_size, hidden) if among_units else known
            gates = wide.get_parameter(name).view(4, hidden, -1)
            gates[:, : old.hidden_size] = heard.view(4, old.hidden_size, -1)
        bottleneck.weight.copy_(_deaf(network.bottleneck.weight, old.hidden_size, hidden))
        bottleneck.bias.copy_(network.bottleneck.bias)
    network.recurrence, network.bottleneck = wide, bottleneck


def _deaf(weights: Tensor, known: int, hidden: int) -> Tensor:
    """Return `weights`, ROWS,directions * `known`, for `hidden` units: 0 for the new ones."""
    by_direction = weights.view(len(weights), -1, known)
    return pad(by_direction, (0, hidden - known)).flatten(1)


def glyphs_of(fonts: Path, characters: str) -> Iterator[tuple[str, Pixels]]:
    """Yield each of `characters` that a face draws, and a gray crop of it."""
    faces = [face for face in sources.faces(fonts) if not face.heldout]
    covered = coverage(faces, fonts)
    plain = [row for row, face in enumerate(faces) if {"hei", "text"} & set(face.styles)]
    for character in characters:
        able = [row for row in plain if covered[row, ord(character)]]
        if able:
            face = faces[able[0]]
            yield character, _crop(character, ImageFont.truetype(face.path, _SIZE, face.index))


def _crop(character: str, font: ImageFont.FreeTypeFont) -> Pixels:
    """Draw it three times, since the network reads lines."""
    width, (ascent, descent) = round(font.getlength(3 * character)), font.getmetrics()
    sheet = Image.new("L", (width + 12, ascent + descent + 4), 255)
    ImageDraw.Draw(sheet).text((6, 2), 3 * character, 0, font)
    return np.asarray(sheet, np.uint8)


@torch.inference_mode()
def look_alikes(
    network: CRNN, known: Charset, glyphs: Mapping[str, Pixels], framing: Framing
) -> dict[str, int]:
    """Return, for each character of `glyphs` (a gray crop of it), the known class it is taken for.

    A Chinese character is taken for a Chinese one, any other for one that is not.
    """
    characters, likeness = list(glyphs), dict[str, int]()
    chinese = torch.tensor([False, *map(is_chinese, known.characters)])
    barred = torch.tensor([True, *(character == " " for character in known.characters)])
    for batch in make_batches(list(glyphs.values()), framing, 64):
        scores = network(torch.from_numpy(batch.pixels)).amax(1)  # N, classes
        for place, row in zip(batch.indexes, scores, strict=True):
            other = chinese != is_chinese(characters[place])
            likeness[characters[place]] = int(row.masked_fill(barred | other, -np.inf).argmax())
    return likeness


def is_chinese(character: str) -> bool:
    """Tell a character of the CJK Unified Ideographs block."""
    return "\u4e00" <= character <= "\u9fff"
