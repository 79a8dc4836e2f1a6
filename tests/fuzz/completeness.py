"""Whatever the bytes: what is missing is said in one line, and found in few reads."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

from daemon.inbox import completeness

MOST_READS = 500_000
MOST_BYTES = 128 << 20
_read_at = completeness._read_at


def check(path: Path) -> None:
    """Raise where the answer is no line, or cost the daemon more reads than any file may."""
    lengths: list[int] = []

    def counted(file, offset, length):
        data = _read_at(file, offset, length)
        lengths.append(len(data))
        return data

    with mock.patch.object(completeness, "_read_at", counted):
        missing = completeness.missing_end(path)

    assert missing is None or "\n" not in missing
    assert len(lengths) <= MOST_READS
    assert sum(lengths) <= MOST_BYTES
