"""Fuzz target: for any bytes, the missing end is described in one line and found in few reads."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

from daemon.inbox import completeness

MAX_READS = 500_000
MAX_BYTES = 128 << 20
_read_at = completeness._read_at


def check(path: Path) -> None:
    """Raise when the answer is not one line, or needs more reads than allowed."""
    lengths: list[int] = []

    def counted(file, offset, length):
        data = _read_at(file, offset, length)
        lengths.append(len(data))
        return data

    with mock.patch.object(completeness, "_read_at", counted):
        missing = completeness.missing_end(path)

    assert missing is None or "\n" not in missing
    assert len(lengths) <= MAX_READS
    assert sum(lengths) <= MAX_BYTES
