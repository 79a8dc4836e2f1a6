"""Lets an archive be streamed while it is written: hands over what was written, block by block."""

from __future__ import annotations

import io


class BlockWriter(io.RawIOBase):
    """A file that cannot seek, from which the blocks that were written are taken."""

    def __init__(self) -> None:
        self._blocks = bytearray()

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, block: bytes) -> int:  # type: ignore[override]
        """Keep a block until it is taken."""
        self._blocks += block
        return len(block)

    def taken(self) -> bytes:
        """Return what was written since the last call."""
        blocks = bytes(self._blocks)
        self._blocks.clear()
        return blocks
