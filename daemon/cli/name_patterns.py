"""The files that a command line names: by path, by name in any folder, or by a pattern."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Sequence
from pathlib import Path


class NamePatterns:
    """Patterns of a command line, and the files that they mean among those that there are.

    A pattern that is the path of a file means that file alone. Any other one means the files of
    that name in all folders, and those whose path or name it matches (`*`, `?`, `[abc]`).
    """

    def __init__(self, patterns: Sequence[str], paths: Collection[str]) -> None:
        """`paths` are those of all files, relative to their folder (the inbox, failed/)."""
        self._exact = {pattern for pattern in patterns if pattern in paths}
        self._others = [pattern for pattern in patterns if pattern not in self._exact]
        self.unmatched = [
            pattern
            for pattern in self._others
            if not any(_matches(path, pattern) for path in paths)
        ]
        """The patterns that mean no file."""

    def match(self, path: str) -> bool:
        """Tell whether a file is meant."""
        return path in self._exact or any(_matches(path, pattern) for pattern in self._others)


def _matches(path: str, pattern: str) -> bool:
    names = (path, Path(path).name)
    return pattern in names or any(fnmatch.fnmatchcase(name, pattern) for name in names)
