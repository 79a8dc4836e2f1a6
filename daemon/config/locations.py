"""Where a value of the config was written: file and line, or a variable of the environment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from daemon.config.yaml_file import Key, YamlFile
from daemon.core.errors import Misconfigured, UnknownKey


class Locations:
    """The locations of all keys; the lines of the file are counted only if something is wrong."""

    def __init__(
        self,
        file: YamlFile,
        environment: Mapping[str, str],
        prefix: str,
        short_names: Mapping[str, Key],
    ) -> None:
        self._file = file
        self._variables = {
            tuple(name[len(prefix) :].lower().split("__")): name
            for name in environment
            if name.upper().startswith(prefix)
        } | {key: name for name, key in short_names.items() if name in environment}

    def add_to(self, errors: Iterable[Misconfigured]) -> list[Misconfigured]:
        """Return the errors with their locations: unknown keys first, then by line."""
        found = list(errors)
        lines = self._file.lines() if found else {}
        located = []
        for error in found:
            line, error.location = self._locate(error.key, lines)
            located.append((not isinstance(error, UnknownKey), line, error))
        return [error for *_, error in sorted(located, key=lambda each: each[:2])]

    def _locate(self, name: str, lines: Mapping[Key, int]) -> tuple[int, str]:
        """Return the line, 0 without one, and the location in words."""
        key = tuple(name.split("."))
        for length in range(len(key), 0, -1):
            if variable := self._variables.get(key[:length]):
                return 0, f"variable {variable}"
            if line := lines.get(key[:length]):
                return line, f"{self._file.path}, line {line}"
        return 0, ""
