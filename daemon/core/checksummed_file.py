"""Reads the file of a network and checks it against the SHA-256 in the config."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from daemon.core.errors import Misconfigured

if TYPE_CHECKING:
    from pathlib import Path


def read(section: str, file: Path, sha256: str | None) -> tuple[bytes, str]:
    """Return the bytes of `file` and their digest; with `sha256` None any digest is accepted.

    Raises Misconfigured with a key of `section` if the file cannot be read or its digest differs.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        remedy = f"cannot be read ({error.strerror}); name a file of models/ or restore it"
        raise Misconfigured(f"{section}.file", file, remedy) from error
    found = hashlib.sha256(content).hexdigest()
    if sha256 is not None and sha256.lower() != found:
        remedy = f"{file} has {found}; restore the file, or write this digest to accept the file"
        raise Misconfigured(f"{section}.sha256", sha256, remedy)
    return content, found
