"""The rights on the state folder: only the daemon's user needs them.

The folder holds what documents say (the search index, images of pages) and what became of them.
Versions up to 0.1.0 created it with the umask, so that it is tightened at every start.
"""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Iterator
from pathlib import Path

import structlog

from daemon.config.settings import LEDGER_NAME, Config
from daemon.core import private
from daemon.monitoring.heartbeat import HEARTBEAT_NAME
from daemon.monitoring.waiting import WAITING_NAME
from daemon.supervisor.instance_lock import LOCK_NAME
from daemon.supervisor.wiring import COPIES_NAME, SCRATCH_NAME

log = structlog.get_logger()

# What the daemon and its web process put there (the last three are the latter's); a state folder
# may have other files, of the operator.
_CONTENTS = (
    f"{LEDGER_NAME}*", HEARTBEAT_NAME, WAITING_NAME, LOCK_NAME, SCRATCH_NAME, COPIES_NAME,
    "search.sqlite3*", "pages", "thumbnails",
)  # fmt: skip


def tighten(config: Config) -> None:
    """Take the rights of group and others from the folder and its files; log that once."""
    changed, refused = 0, ""
    for path, mode in open_to_others(config):
        try:
            path.chmod(mode & ~private.OTHERS)
            changed += 1
        except FileNotFoundError:  # a draft that was renamed
            continue
        except OSError as error:
            refused = refused or f"{path}: {error.strerror}"
    if changed:
        log.info("state.tightened", path=str(config.folders.state), changed=changed)
    if refused:
        log.warning("state.open", path=str(config.folders.state), reason=refused)


def open_to_others(config: Config) -> list[tuple[Path, int]]:
    """Return the folder and its files, with their modes, where others have rights on them.

    The folder is left out where a folder of the config lies in it, which others may need to reach.
    """
    found = [(path, _mode(path)) for path in _paths(config)]
    return [(path, mode) for path, mode in found if mode & private.OTHERS]


def holds_other_folders(config: Config) -> bool:
    """Tell whether another folder of the config lies in the state folder."""
    state = config.folders.state
    return any(name != "state" and path.is_relative_to(state) for name, path in config.folders)


def _paths(config: Config) -> Iterator[Path]:
    state = config.folders.state
    if not holds_other_folders(config):
        yield state
    for pattern in _CONTENTS:
        for path in state.glob(pattern):
            yield path
            if path.is_dir() and not path.is_symlink():
                yield from path.rglob("*")


def _mode(path: Path) -> int:
    """Return the mode of a file or folder; 0 for anything else, and for what is gone."""
    with contextlib.suppress(OSError):
        mode = path.stat(follow_symlinks=False).st_mode
        if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
            return stat.S_IMODE(mode)
    return 0
