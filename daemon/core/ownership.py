"""Owner, group and modes of the published files and folders.

They are applied before a file gets its final name, so that it is never visible without them.
"""

from __future__ import annotations

import grp
import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from daemon.core.errors import Misconfigured

_UNCHANGED = -1  # chown(2): leave this id


@dataclass(frozen=True, slots=True)
class Ownership:
    """Numeric user and group, and modes; by default the system's own values are kept."""

    user: int = _UNCHANGED
    group: int = _UNCHANGED
    file_mode: int | None = None
    folder_mode: int | None = None

    @classmethod
    def of(
        cls,
        user: str | int | None,
        group: str | int | None,
        file_mode: str | None,
        folder_mode: str | None,
    ) -> Ownership:
        """Look up the names; raises Misconfigured for one that this system does not have."""
        return cls(
            _UNCHANGED if user is None else _user(user),
            _UNCHANGED if group is None else _group(group),
            None if file_mode is None else int(file_mode, 8),
            None if folder_mode is None else int(folder_mode, 8),
        )

    def apply_to_file(self, descriptor: int) -> None:
        """Set owner and mode of an open file; raises OSError if that is not permitted."""
        self._apply(descriptor, self.file_mode)

    def apply_to_folder(self, folder: Path) -> None:
        """Set owner and mode of a folder; raises OSError if that is not permitted."""
        self._apply(folder, self.folder_mode)

    def _apply(self, target: int | Path, mode: int | None) -> None:
        if (self.user, self.group) != (_UNCHANGED, _UNCHANGED):
            os.chown(target, self.user, self.group)  # first, because it clears set-id bits
        if mode is not None:
            os.chmod(target, mode)  # noqa: PTH101  # a descriptor is no path


INHERITED = Ownership()


def _user(name: str | int) -> int:
    try:
        return int(name) if str(name).isdecimal() else pwd.getpwnam(str(name)).pw_uid
    except KeyError as error:
        remedy = "this system has no such user; create it, or give a number"
        raise Misconfigured("permissions.user", name, remedy) from error


def _group(name: str | int) -> int:
    try:
        return int(name) if str(name).isdecimal() else grp.getgrnam(str(name)).gr_gid
    except KeyError as error:
        remedy = "this system has no such group; create it, or give a number"
        raise Misconfigured("permissions.group", name, remedy) from error
