"""Files of networks, read whole and held to the digest that the config pins."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from daemon.core.errors import Misconfigured

if TYPE_CHECKING:
    from pathlib import Path


def read(section: str, file: Path, sha256: str | None) -> tuple[bytes, str]:
    """Return the bytes of a network's `file` and their digest; None pins nothing.

    Raises Misconfigured with a key of `section` where it cannot be read or has another digest.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        remedy = f"cannot be read ({error.strerror}); name a file of models/ or restore it"
        raise Misconfigured(f"{section}.file", file, remedy) from error
    found = hashlib.sha256(content).hexdigest()
    if sha256 is not None and sha256.lower() != found:
        remedy = f"{file} has {found}; restore the file, or accept it by writing its hash"
        raise Misconfigured(f"{section}.sha256", sha256, remedy)
    return content, found
