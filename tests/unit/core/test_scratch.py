"""The folder that workers write in."""

from __future__ import annotations

import os
from pathlib import Path

from daemon.core.scratch import Scratch


def test_clearing_empties_the_folder_that_kept_workers_may_write_in_and_keeps_it(
    tmp_path: Path,
) -> None:
    """Their sandbox allows one inode, not a name: a reload keeps workers and clears again."""
    scratch, secret = Scratch(tmp_path / "making"), tmp_path / "secret"
    secret.mkdir()
    (secret / "kept").touch()
    (scratch.room_of("claim") / "page.png").touch()
    (scratch.folder / "file").touch()
    (scratch.folder / "link").symlink_to(secret)
    held = os.open(scratch.folder, os.O_RDONLY)  # as a sandbox does

    scratch.clear()

    assert os.path.samestat(os.fstat(held), scratch.folder.stat())
    os.close(held)
    assert list(scratch.folder.iterdir()) == []
    assert (secret / "kept").exists()


def test_clearing_makes_the_folder_where_it_is_missing(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path / "state/making")

    scratch.clear()

    assert list(scratch.folder.iterdir()) == []
