"""A config file in YAML: its values, and the line of each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from daemon.core.errors import Misconfigured

Key = tuple[str, ...]


class YamlFile:
    """The text of a config file; without a `path` that of an empty one.

    Raises Misconfigured where the file cannot be read.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        try:
            self._text = path.read_text(encoding="utf-8") if path else ""
        except OSError as error:
            remedy = f"{error.strerror}; name a readable file"
            raise Misconfigured("--config", path, remedy) from error
        except UnicodeDecodeError as error:
            raise Misconfigured("--config", path, f"is not valid YAML: {error}") from error

    def values(self) -> dict[str, Any]:
        """Return the values; raises Misconfigured where the file is not a mapping in YAML."""
        try:
            values = yaml.load(self._text, _Loader)  # noqa: S506 -- a subclass of SafeLoader
        except (
            yaml.MarkedYAMLError
        ) as error:  # str(error) would repeat the line, which may hold a secret
            mark = error.problem_mark
            where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
            is_token = "expected" in str(error.problem)  # most often the indentation is wrong
            remedy = "check the indentation of this line" if is_token else "correct it"
            remedy = f"is not valid YAML: {error.problem}{where}; {remedy}"
            raise Misconfigured("--config", self.path, remedy) from error
        except yaml.YAMLError as error:
            raise Misconfigured("--config", self.path, f"is not valid YAML: {error}") from error
        if values is None:
            return {}
        if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
            remedy = "must contain keys and values, like the shipped config.yaml"
            raise Misconfigured("--config", self.path, remedy)
        return values

    def lines(self) -> dict[Key, int]:
        """Return the line of each key and of each entry of a list, from 1."""
        root = yaml.compose(self._text, yaml.SafeLoader)
        return dict(_lines_below(root, ())) if root is not None else {}


class _Loader(yaml.SafeLoader):
    """YAML with the booleans of version 1.2 only: `on`, `off`, `yes` and `no` are strings."""

    yaml_implicit_resolvers = {  # noqa: RUF012 -- as in its base class
        first: [rule for rule in rules if rule[0] != "tag:yaml.org,2002:bool"]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _unique_mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    """Return a mapping; a key that is given twice is an error, not the last one of the two."""
    lines: dict[str, int] = {}
    for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
        if (first := lines.get(key.value)) is not None:
            problem = f"{key.value} is given twice, first in line {first}; merge the two"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
        lines[key.value] = key.start_mark.line + 1
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique_mapping)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile("^(true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)


def _lines_below(node: yaml.Node, path: Key) -> Iterator[tuple[Key, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*path, str(key.value))
            yield inner, key.start_mark.line + 1
            yield from _lines_below(value, inner)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            inner = (*path, str(number))
            yield inner, value.start_mark.line + 1
            yield from _lines_below(value, inner)
