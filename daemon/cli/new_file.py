"""Gives a file that a command has made its name, which must be free.

It appears when it is complete, so that it may be written into an inbox.
"""

from __future__ import annotations

import os
import sys
import uuid
from typing import TYPE_CHECKING

from daemon.core import fs
from daemon.core.errors import Exit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BLOCK_BYTES = 1 << 20


def refuse_existing(out: Path) -> bool:
    """Tell whether a name is taken, and print so."""
    if os.path.lexists(out):
        failed(out, "it exists; name another file, nothing is overwritten")
        return True
    return False


def publish(made: Path, out: Path) -> Exit:
    """Copy a file to its name, and print the name; or print why it cannot be done."""
    draft = out.with_name(f".{uuid.uuid4().hex}.part")  # no inbox reads such names
    try:
        fs.write_durable(draft, _blocks(made))
        fs.rename_no_clobber(draft, out)
        fs.fsync_folder(out.parent)
    except FileExistsError:
        return failed(out, "it exists; name another file, nothing is overwritten")
    except OSError as error:
        return failed(out, f"it cannot be written: {error.strerror}")
    finally:
        draft.unlink(missing_ok=True)
    print(out)
    return Exit.OK


def failed(out: Path, message: str) -> Exit:
    """Print why a file is not written."""
    print(f"{out}: {message}", file=sys.stderr)
    return Exit.SOME_FAILED


def _blocks(path: Path) -> Iterator[bytes]:
    with fs.open_regular(path) as file:
        while block := file.read(_BLOCK_BYTES):
            yield block
