"""Assigns values to folders of the inbox by patterns; the first pattern that matches wins.

A pattern is a path relative to the inbox. `*`, `?` and `[...]` match within one folder name; `**`
matches any number of folders, including none. A pattern matches a folder and everything below it:
`invoices`, `invoices/` and `invoices/**` are the same. Only `.` (or an empty pattern) does not
include sub-folders: it matches the files directly in the inbox. Matching is case-sensitive and
starts at the inbox; `**/` at the beginning of a pattern makes it match at any depth.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
Pattern = tuple[str, ...]

ANY_DEPTH = "**"
MAX_CACHED_FOLDERS = (
    10_000  # the cache is emptied when it is full, e.g. by folders named after dates
)


def parse_pattern(pattern: str) -> Pattern:
    """Return the parts of a pattern, () for the inbox itself; raises ValueError with the remedy."""
    if pattern.startswith("/"):
        raise ValueError(f"is relative to the inbox; write {pattern.lstrip('/') or '.'}")
    parts = tuple(part for part in pattern.split("/") if part not in ("", "."))
    if ".." in parts:
        raise ValueError("must not leave the inbox; name the folder itself")
    if mixed := next((part for part in parts if ANY_DEPTH in part and part != ANY_DEPTH), None):
        raise ValueError(f"** must be a whole folder name; write * in {mixed}")
    while parts[1:] and parts[-1] == ANY_DEPTH:
        parts = parts[:-1]  # implied: a pattern includes everything below
    return parts


def folder_of(name: str) -> str:
    """Return the folder of a file, "" for the inbox itself."""
    return name.rpartition("/")[0]


class _Unknown:
    """Marks a value that is not cached; None may be a cached value."""


_UNKNOWN = _Unknown()


class FolderRules(Generic[T]):
    """A value per folder: that of the first pattern that matches, or `default`."""

    def __init__(self, default: T, rules: Iterable[tuple[Sequence[str], T]] = ()) -> None:
        self.default = default
        rules = tuple(rules)
        self.values = (default, *(value for _, value in rules))
        self._rules = [
            (_compiled(parse_pattern(pattern)), value)
            for patterns, value in rules
            for pattern in patterns
        ]
        self._cache: dict[str, T] = {}

    def of(self, name: str) -> T:
        """Return the value for the file `name`, a path relative to the inbox."""
        if not self._rules:
            return self.default
        folder = folder_of(name)
        value = self._cache.get(folder, _UNKNOWN)
        if isinstance(value, _Unknown):
            value = self._lookup(folder)
            if len(self._cache) >= MAX_CACHED_FOLDERS:
                self._cache.clear()  # by any thread: none relies on the cache
            self._cache[folder] = value
        return value

    def _lookup(self, folder: str) -> T:
        parts = folder.split("/") if folder else []
        return next((value for rule, value in self._rules if _matches(rule, parts)), self.default)


_Compiled = tuple[re.Pattern[str] | None, ...]
"""The matcher of each part of a pattern; None matches any number of folders."""


def _compiled(pattern: Pattern) -> _Compiled:
    return tuple(
        None if part == ANY_DEPTH else re.compile(fnmatch.translate(part)) for part in pattern
    )


def _matches(pattern: _Compiled, folders: Sequence[str]) -> bool:
    """Tell whether the pattern matches a prefix of `folders`; simulates all its states at once."""
    if not pattern:
        return not folders
    states = _closure(pattern, {0})
    for folder in folders:
        if len(pattern) in states:
            return True
        stay = {state for state in states if pattern[state] is None}
        step = {
            state + 1
            for state in states
            if (part := pattern[state]) is not None and part.match(folder)
        }
        states = _closure(pattern, stay | step)
    return len(pattern) in states


def _closure(pattern: _Compiled, states: set[int]) -> set[int]:
    """Add the states after each `**`, which may match no folder."""
    for state in sorted(states):
        following = state
        while following < len(pattern) and pattern[following] is None:
            following += 1
            states.add(following)
    return states
