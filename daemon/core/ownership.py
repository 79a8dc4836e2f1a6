"""Whom answers, reasons and the folders made for them belong to, and who may read them.

Modes and owners are given before a file gets its name, so that nobody sees it without them.
"""

from __future__ import annotations

import grp
import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from daemon.core.errors import Misconfigured

_AS_IT_IS = -1  # chown(2): leave this id


@dataclass(frozen=True, slots=True)
class Ownership:
    """User and group by number, and modes; what is left out stays as the system makes it."""

    user: int = _AS_IT_IS
    group: int = _AS_IT_IS
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
        """Look names up; Misconfigured for one that this system does not know."""
        return cls(
            _AS_IT_IS if user is None else _user(user),
            _AS_IT_IS if group is None else _group(group),
            None if file_mode is None else int(file_mode, 8),
            None if folder_mode is None else int(folder_mode, 8),
        )

    def mark_file(self, descriptor: int) -> None:
        """Give an open file its owner and mode; an OSError where this process may not."""
        self._mark(descriptor, self.file_mode)

    def mark_folder(self, folder: Path) -> None:
        """Give a folder its owner and mode; an OSError where this process may not."""
        self._mark(folder, self.folder_mode)

    def _mark(self, target: int | Path, mode: int | None) -> None:
        if (self.user, self.group) != (_AS_IT_IS, _AS_IT_IS):
            os.chown(target, self.user, self.group)  # first: it takes set-id bits away
        if mode is not None:
            os.chmod(target, mode)  # noqa: PTH101  # a descriptor is no path


INHERITED = Ownership()


def _user(name: str | int) -> int:
    try:
        return int(name) if str(name).isdecimal() else pwd.getpwnam(str(name)).pw_uid
    except KeyError as error:
        remedy = "this system knows no such user; make it, or give a number"
        raise Misconfigured("permissions.user", name, remedy) from error


def _group(name: str | int) -> int:
    try:
        return int(name) if str(name).isdecimal() else grp.getgrnam(str(name)).gr_gid
    except KeyError as error:
        remedy = "this system knows no such group; make it, or give a number"
        raise Misconfigured("permissions.group", name, remedy) from error
