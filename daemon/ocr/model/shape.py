"""The shape of the network: its channels and kernels, and where it halves rows and columns.

The model card has it as one line of text: the channels of the stem; for each block its channels,
kernel, strides (ROWSxCOLUMNS, 1x1 if left out) and `attends` if it has channel attention; the
strides of the pooling. A step is four columns of pixels wide in every shape, so the number of steps
of a line does not depend on it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import prod

COLUMNS_PER_STEP = 4  # columns of pixels per step of the network

# the shape up to version 4: the pooling halves rows and columns last
WIDE = (
    "16 32/3 64/3 64/3 128/3/2x1 128/3 256/3/2x1 256/5 256/5 256/5 256/5 256/5"
    " 512/5/2x1/attends 512/5/attends pool/2x2"
)
# The same tensors on half of the columns from 64 channels on, and on half of the rows from the
# second block of 256 channels on: 2.5 times as many lines per second in ONNX Runtime.
NARROW = (
    "16 32/3 64/3/1x2 64/3 128/3/2x1 128/3 256/3/2x1 256/5/2x1 256/5 256/5 256/5 256/5"
    " 512/5/2x1/attends 512/5/attends pool/1x1"
)
NAMED_SHAPES = {"wide": WIDE, "narrow": NARROW}

_BLOCK = re.compile(r"(\d+)/(\d+)(?:/(\d+)x(\d+))?(/attends)?")
_POOL = re.compile(r"pool/(\d+)x(\d+)")


@dataclass(frozen=True, slots=True)
class BlockShape:
    """A depthwise-separable block; `channels` is the number of its outputs."""

    channels: int
    kernel: int
    row_stride: int
    column_stride: int
    attends: bool


@dataclass(frozen=True, slots=True)
class NetworkShape:
    """The convolutions of a network; `pool` is the strides of the pooling, rows and columns."""

    stem_channels: int
    blocks: tuple[BlockShape, ...]
    pool: tuple[int, int]

    @classmethod
    def parse(cls, text: str) -> NetworkShape:
        """Parse a shape or the name of one; raises ValueError when `text` is neither."""
        stem, *blocks = NAMED_SHAPES.get(text, text).split() or [""]
        pool = _POOL.fullmatch(blocks.pop() if blocks else "")
        matches = [_BLOCK.fullmatch(block) for block in blocks]
        if not stem.isdecimal() or pool is None or not all(matches):
            raise ValueError(f"{text!r} is not a network shape; an example is {NARROW!r}")
        parsed = tuple(_block(match) for match in matches if match)
        shape = cls(int(stem), parsed, (int(pool[1]), int(pool[2])))
        columns = 2 * prod(block.column_stride for block in parsed) * shape.pool[1]
        if columns != COLUMNS_PER_STEP:
            raise ValueError(f"{text!r} has {columns} columns per step, not {COLUMNS_PER_STEP}")
        return shape

    @property
    def height(self) -> int:
        """The height of a line in pixels: as many rows become one."""
        return 2 * prod(block.row_stride for block in self.blocks) * self.pool[0]


def _block(match: re.Match[str]) -> BlockShape:
    channels, kernel, rows, columns, attends = match.groups()
    return BlockShape(int(channels), int(kernel), int(rows or 1), int(columns or 1), bool(attends))
