"""Adds units to the recurrence and classes to the classifier of a trained network; reshapes it.

More units or classes do not change the readings at first. The output of a new unit has weight 0
until training uses it. The weights of a new character are those of the known one that the network
takes it for (說 begins as 说), so that training only has to tell the two apart. Another shape
keeps the weights, but not the readings.
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
from daemon.ocr.model.crnn import CRNN, fold_norms
from training.data import sources
from training.synth.glyphs import coverage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from daemon.core.records import Pixels
    from daemon.ocr.model.card import Framing
    from daemon.ocr.model.charset import Charset
    from daemon.ocr.model.shape import NetworkShape

HIDDEN = 96  # units of the recurrence per direction: 1 to 3 % more time a line than 64
_SIZE = 36  # pixels per em
_NEW_CLASS_PENALTY = (
    1.0  # by how much the score of a new character is below that of its look-alike at first
)


def add_classes(network: CRNN, charset: Charset, likeness: Mapping[str, int]) -> None:
    """Extend the classifier of `network` in place to `charset`, whose first classes it has.

    `likeness` has the known class that a new character looks like; a character without one starts
    as the average of all classes.
    """
    known = network.classifier.out_features
    added = charset.characters[known - 1 :]
    weight, bias = network.classifier.weight.detach(), network.classifier.bias.detach()
    rows = [likeness.get(character, BLANK) for character in added]
    unknown = torch.tensor([row == BLANK for row in rows], dtype=torch.bool)
    more, offsets = weight[rows].clone(), bias[rows].clone()
    more[unknown], offsets[unknown] = weight[1:].mean(0), bias[1:].mean()
    classifier = nn.Linear(network.classifier.in_features, charset.classes)
    with torch.no_grad():
        classifier.weight.copy_(torch.cat([weight, more]))
        classifier.bias.copy_(torch.cat([bias, offsets - _NEW_CLASS_PENALTY]))
    network.classifier = classifier


def widen(network: CRNN, hidden: int = HIDDEN) -> None:
    """Give the recurrence of `network` in place `hidden` units per direction, with equal scores.

    Network morphism (Wei et al. 2016): the weights from the new units to the old ones and to the
    bottleneck are 0 at first.
    """
    old = network.recurrence
    wide = nn.LSTM(old.input_size, hidden, old.num_layers, bidirectional=True, batch_first=True)
    bottleneck = nn.Linear(2 * hidden, network.bottleneck.out_features)
    with torch.no_grad():
        for name, known in old.named_parameters():
            among_units = "weight_hh" in name or ("weight_ih" in name and "_l0" not in name)
            padded = _zero_padded(known, old.hidden_size, hidden) if among_units else known
            gates = wide.get_parameter(name).view(4, hidden, -1)
            gates[:, : old.hidden_size] = padded.view(4, old.hidden_size, -1)
        bottleneck.weight.copy_(_zero_padded(network.bottleneck.weight, old.hidden_size, hidden))
        bottleneck.bias.copy_(network.bottleneck.bias)
    network.recurrence, network.bottleneck = wide, bottleneck


def reshaped(network: CRNN, shape: NetworkShape) -> CRNN:
    """Return a network of `shape` with all tensors of `network` that have the same size in it.

    The others are random, with the same seed each time. Normalisations are folded in both.
    """
    known = network.state_dict()
    torch.manual_seed(0)
    fresh = CRNN(
        network.classifier.out_features,
        network.recurrence.hidden_size,
        network.bottleneck.out_features,
        shape,
    )
    state = fold_norms(fresh).state_dict()
    common = {name: known[name] for name in state if name in known}
    fitting = {name: value for name, value in common.items() if value.shape == state[name].shape}
    fresh.load_state_dict(state | fitting)
    return fresh


def _zero_padded(weights: Tensor, known: int, hidden: int) -> Tensor:
    """Return `weights` (ROWS,directions * `known`) for `hidden` units, 0 for the new ones."""
    by_direction = weights.view(len(weights), -1, known)
    return pad(by_direction, (0, hidden - known)).flatten(1)


def character_crops(fonts: Path, characters: str) -> Iterator[tuple[str, Pixels]]:
    """Yield each of `characters` that a face can draw, with a gray crop of it."""
    faces = [face for face in sources.faces(fonts) if not face.heldout]
    covered = coverage(faces, fonts)
    plain = [row for row, face in enumerate(faces) if {"hei", "text"} & set(face.styles)]
    for character in characters:
        candidates = [row for row in plain if covered[row, ord(character)]]
        if candidates:
            face = faces[candidates[0]]
            yield character, _crop(character, ImageFont.truetype(face.path, _SIZE, face.index))


def _crop(character: str, font: ImageFont.FreeTypeFont) -> Pixels:
    """Draw the character three times, since the network reads lines."""
    width, (ascent, descent) = round(font.getlength(3 * character)), font.getmetrics()
    image = Image.new("L", (width + 12, ascent + descent + 4), 255)
    ImageDraw.Draw(image).text((6, 2), 3 * character, 0, font)
    return np.asarray(image, np.uint8)


@torch.inference_mode()
def look_alikes(
    network: CRNN, known: Charset, glyphs: Mapping[str, Pixels], framing: Framing
) -> dict[str, int]:
    """Return the known class that the network takes each character of `glyphs` (its crop) for.

    The class is a Chinese character for a Chinese one, and none for any other.
    """
    characters, likeness = list(glyphs), dict[str, int]()
    chinese = torch.tensor([False, *map(is_chinese, known.characters)])
    excluded = torch.tensor([True, *(character == " " for character in known.characters)])
    for batch in make_batches(list(glyphs.values()), framing, 64):
        scores = network(torch.from_numpy(batch.pixels)).amax(1)  # N, classes
        for place, row in zip(batch.indexes, scores, strict=True):
            other = chinese != is_chinese(characters[place])
            likeness[characters[place]] = int(row.masked_fill(excluded | other, -np.inf).argmax())
    return likeness


def is_chinese(character: str) -> bool:
    """Return whether `character` is in the CJK Unified Ideographs block."""
    return "\u4e00" <= character <= "\u9fff"
