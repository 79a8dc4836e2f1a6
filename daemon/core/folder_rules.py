"""Which folders of the inbox a value is for: patterns of folders, the first that matches wins.

A pattern is a path from the inbox down, folder by folder: `*`, `?` and `[...]` match within the
name of one folder, a folder `**` stands for any number of folders, none as well. It matches a
folder together with everything below it: `invoices`, `invoices/` and `invoices/**` are one pattern.
Only `.` (or an empty one) does not reach down: it is the files that lie in the inbox itself.
Letters must match in case; a pattern is never looked for further down unless it says `**/`.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
Pattern = tuple[str, ...]

DEEP = "**"
UPLOADED = "web/" + "[0-9a-f]" * 32  # where the web process renames each upload in, whole
MOST_REMEMBERED = 10_000  # folders; those of a year of dates are forgotten now and then


def parsed(pattern: str) -> Pattern:
    """Return a pattern folder by folder, () for the inbox itself; ValueError with the remedy."""
    if pattern.startswith("/"):
        raise ValueError(f"is relative to the inbox; write {pattern.lstrip('/') or '.'}")
    parts = tuple(part for part in pattern.split("/") if part not in ("", "."))
    if ".." in parts:
        raise ValueError("must not lead out of the inbox; name the folder itself")
    if torn := next((part for part in parts if DEEP in part and part != DEEP), None):
        raise ValueError(f"** stands alone for folders; write * in {torn}")
    while parts[1:] and parts[-1] == DEEP:
        parts = parts[:-1]  # what a pattern matches it matches with everything below
    return parts


def folder_of(name: str) -> str:
    """Return the folder that a file lies in, "" for the inbox itself."""
    return name.rpartition("/")[0]


class _Unknown:
    """Stands for a value that is not remembered, since None may be one."""


_UNKNOWN = _Unknown()


class ByFolder(Generic[T]):
    """A value for each file by its folder: that of the first pattern that matches, or `other`."""

    def __init__(self, other: T, rules: Iterable[tuple[Sequence[str], T]] = ()) -> None:
        self.other = other
        rules = tuple(rules)
        self.values = (other, *(value for _, value in rules))
        self._rules = [
            (_compiled(parsed(pattern)), value) for patterns, value in rules for pattern in patterns
        ]
        self._known: dict[str, T] = {}

    def of(self, name: str) -> T:
        """Return the value for the file `name`, a path relative to the inbox."""
        if not self._rules:
            return self.other
        folder = folder_of(name)
        value = self._known.get(folder, _UNKNOWN)
        if isinstance(value, _Unknown):
            value = self._found(folder)
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()  # by whichever thread asks: none relies on what is remembered
            self._known[folder] = value
        return value

    def _found(self, folder: str) -> T:
        parts = folder.split("/") if folder else []
        return next((value for rule, value in self._rules if _matches(rule, parts)), self.other)


_Compiled = tuple[re.Pattern[str] | None, ...]
"""What matches each folder of a pattern; None is any number of folders."""


def _compiled(pattern: Pattern) -> _Compiled:
    return tuple(None if part == DEEP else re.compile(fnmatch.translate(part)) for part in pattern)


def _matches(pattern: _Compiled, folders: Sequence[str]) -> bool:
    """Tell whether the pattern ends within `folders`; it may stand at several places at once."""
    if not pattern:
        return not folders
    places = _onward(pattern, {0})
    for folder in folders:
        if len(pattern) in places:
            return True
        stay = {place for place in places if pattern[place] is None}
        step = {
            place + 1
            for place in places
            if (part := pattern[place]) is not None and part.match(folder)
        }
        places = _onward(pattern, stay | step)
    return len(pattern) in places


def _onward(pattern: _Compiled, places: set[int]) -> set[int]:
    """Add the places behind each `**`, which may be no folder at all."""
    for place in sorted(places):
        onward = place
        while onward < len(pattern) and pattern[onward] is None:
            onward += 1
            places.add(onward)
    return places
