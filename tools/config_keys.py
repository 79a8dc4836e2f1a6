"""Lists every key of the config, from its classes and from the comments of config.yaml."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import yaml
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from daemon.config.settings import ENV_PREFIX, Config
from tools.config_comments import Comment, comments_of

UNSET = object()  # the default of a required key
UNITS = {
    "days": "days", "dpi": "dots per inch", "hours": "hours", "megabytes": "MB",
    "megapixels": "megapixels", "milliseconds": "ms", "minutes": "minutes", "pages": "pages",
    "seconds": "seconds",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Key:
    """One key: its path, its type and default in the code, its comment and value in the file."""

    path: tuple[str, ...]
    kind: Any
    default: Any
    comment: Comment
    in_file: Any = UNSET
    is_entry: bool = False  # within the entries of a list: it has no environment variable

    @property
    def name(self) -> str:
        """The dotted name."""
        return ".".join(self.path)

    @property
    def environment(self) -> str:
        """The environment variable that sets it, or that of its section if only that can."""
        path = self.path[:1] if self.is_set_with_section else self.path
        return ENV_PREFIX + "__".join(path).upper()

    @property
    def is_set_with_section(self) -> bool:
        """Whether it is a list in a dataclass, for which pydantic-settings reads no JSON."""
        if len(self.path) == 1 or get_origin(self.kind) not in (tuple, list):
            return False
        kinds = {name: kind for name, kind, _ in fields_of(Config)}
        return is_dataclass(section_of(kinds[self.path[0]]))

    @property
    def unit(self) -> str:
        """The unit at the end of the name; empty if it has none."""
        last = UNITS.get(self.path[-1].rsplit("_", 1)[-1], "")
        return "MiB" if last == "MB" and "MiB" in self.comment.text else last


def section_of(kind: Any) -> type | None:
    """Return the class of a section, also of an optional one or of those in a list."""
    if isinstance(kind, type) and (is_dataclass(kind) or issubclass(kind, BaseModel)):
        return kind
    if get_origin(kind) is Literal:
        return None
    return next(filter(None, map(section_of, get_args(kind))), None)


def fields_of(section: type) -> Iterator[tuple[str, Any, Any]]:
    """Yield name, type (with its bounds) and default of each key of a section."""
    kinds = typing.get_type_hints(section, include_extras=True)
    if issubclass(section, BaseModel):
        for name, known in section.model_fields.items():
            default = known.get_default(call_default_factory=True)
            yield known.alias or name, kinds[name], _or_nothing(default)
        return
    for field in fields(section):  # type: ignore[arg-type]  # it is a dataclass: see section_of
        factory = field.default_factory
        yield (
            field.name,
            kinds[field.name],
            _or_nothing(field.default if factory is MISSING else factory()),
        )


def _or_nothing(default: Any) -> Any:
    return UNSET if default in (MISSING, PydanticUndefined) else default


def all_keys(config: Path) -> list[Key]:
    """Return every key of the config in the order of the file; keys not in it come last."""
    text = config.read_text(encoding="utf-8")
    lists = tuple(
        n
        for n, k, _ in fields_of(Config)
        if section_of(k) and not is_section(k) and not is_mapping(k)
    )
    mappings = tuple(n for n, k, _ in fields_of(Config) if is_mapping(k))
    comments = comments_of(text, lists=lists, mappings=mappings)
    in_file = yaml.safe_load(text)
    found = list(_walk(Config, (), comments, in_file, is_entry=False))
    order = {path: number for number, path in enumerate(comments)}
    return sorted(found, key=lambda key: order.get(key.path, len(order)))


def _walk(
    section: type,
    path: tuple[str, ...],
    comments: dict[tuple[str, ...], Comment],
    in_file: Any,
    *,
    is_entry: bool,
) -> Iterator[Key]:
    for name, kind, default in fields_of(section):
        below = (*path, name)
        value = in_file.get(name, UNSET) if isinstance(in_file, dict) else UNSET
        comment = comments.get(below, Comment())
        inner = section_of(kind)
        if not (inner and is_section(kind)):
            yield Key(below, kind, default, comment, value, is_entry)
        is_described_elsewhere = is_entry and not is_section(kind)  # in its own chapter
        if inner and not is_described_elsewhere:
            entry = is_entry or not is_section(kind)
            yield from _walk(inner, below, comments, value, is_entry=entry)


def is_section(kind: Any) -> bool:
    """Return whether `kind` is a section, not a list of them."""
    return isinstance(kind, type) and section_of(kind) is kind


def section_comments(config: Path) -> dict[str, str]:
    """Return the comment after the name of each section in config.yaml."""
    comments = comments_of(config.read_text(encoding="utf-8"))
    return {path[0]: comment.text for path, comment in comments.items() if len(path) == 1}


def is_mapping(kind: Any) -> bool:
    """Return whether a value is a mapping of names to sections."""
    return section_of(kind) is not None and not is_section(kind) and is_open(kind)


def is_open(kind: Any) -> bool:
    """Return whether a value may be a mapping."""
    inner = [one for one in get_args(kind) if one is not type(None)]
    return kind is dict or get_origin(kind) is dict or any(map(is_open, inner))


def by_profile(keys: list[Key]) -> dict[str, str]:
    """Return the keys that a profile can set, by name, with the name within the profile."""
    names = {key.name for key in keys if not key.is_entry}
    found: dict[str, str] = {}
    for key in keys:
        if key.path[0] != "profiles" or len(key.path) == 1:
            continue
        within = ".".join(key.path[1:])
        if is_open(key.kind):
            found |= {name: name for name in names if name.startswith(f"{within}.")}
        else:
            found |= {name: within for name in names if name.split(".", 1)[-1] == within}
    return found


def is_default(key: Key) -> bool:
    """Return whether the value in config.yaml is the default in the code."""
    if isinstance(key.default, Path):
        return Path(str(key.in_file)) == key.default
    default = list(key.default) if isinstance(key.default, tuple) else key.default
    return bool(key.in_file == default)


def choices_of(kind: Any) -> Iterator[Any]:
    """Yield the values of the literals in a type."""
    if get_origin(kind) is Literal:
        yield from get_args(kind)
    else:
        for inner in get_args(kind):
            yield from choices_of(inner)
