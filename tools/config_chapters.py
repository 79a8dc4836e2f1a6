"""docs/config.md: a chapter for each section of config.yaml, an entry for each key."""

from __future__ import annotations

import json
import re
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml

from daemon.config.load import SHORT_NAMES
from daemon.config.settings import Config
from daemon.supervisor.reload import AT_RESTART
from tools.config_keys import (
    NOTHING,
    Key,
    all_keys,
    by_profile,
    choices_of,
    fields_of,
    is_as_shipped,
    said_of_sections,
    section_of,
)

_KINDS = {
    bool: "`true` or `false`", int: "whole number", float: "number", str: "text", Path: "path",
    type(None): "`null`", object: "any value", Any: "any value", dict: "keys and values",
}  # fmt: skip
_BOUNDS = {
    "ge": "{} or more", "gt": "more than {}", "le": "at most {}", "lt": "less than {}",
    "pattern": "like `{}`", "min_length": "{} or more of them", "max_length": "{} at most",
}  # fmt: skip


def kind_of(kind: Any) -> str:
    """Return what a value may be, in words."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        bounds = [said for mark in inner[1:] for said in _bounds(mark)]
        return kind_of(inner[0]) + (f" ({', '.join(bounds)})" if bounds else "")
    if origin is Literal:
        return _either([f"`{_as_yaml(value)}`" for value in inner])
    if origin in (Union, types.UnionType):
        return _either([kind_of(one) for one in inner])
    if origin in (tuple, list, frozenset, set):
        return f"list (each one: {kind_of(inner[0])})" if inner else "list"
    if origin is not None:
        return _KINDS.get(origin, "keys and values")
    return _KINDS.get(kind, "keys, see below" if section_of(kind) else str(kind))


def _bounds(mark: Any) -> Iterator[str]:
    """Yield what annotated_types or pydantic's Field bind a value to."""
    for one in (mark, *getattr(mark, "metadata", ())):
        for name, words in _BOUNDS.items():
            if (bound := getattr(one, name, None)) is not None:
                yield words.format(bound)


def _either(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _as_yaml(value: Any) -> str:
    """Return a value as a person would write it in config.yaml, on one line."""
    if isinstance(value, str | Path):
        text = str(value)
        return text if yaml.safe_load(text) == text else json.dumps(text)
    plain = [list(value) if isinstance(value, tuple | frozenset) else value][0]
    return json.dumps(plain, ensure_ascii=False, default=str)


def page(config: Path) -> str:
    """Return docs/config.md."""
    keys = all_keys(config)
    profiled = by_profile(keys)
    groups: dict[str, list[Key]] = {"": []}
    for key in keys:
        is_alone = len(key.path) == 1 and not _heads_group(key)
        groups.setdefault("" if is_alone else key.path[0], []).append(key)
    index = "\n".join(
        f"- [{name or 'Keys without a section'}](#{name or 'keys-without-a-section'}): "
        + ", ".join(
            f"[{'.'.join(key.path[1:]) or key.name}](#{_anchor(key.name)})"
            for key in found
            if not _heads_group(key)
        )
        for name, found in groups.items()
    )
    said = said_of_sections(config)
    chapters = (_group(name, found, profiled, said) for name, found in groups.items())
    return "\n".join([_HEAD, index, "", *chapters])


_HEAD = """# Configuration

<!-- Made by `make docs` from the code and from config.yaml: change those, not this. -->

Every key of [config.yaml](../config.yaml), with its default, what it may be, and its name in the environment.
A key left out has its default; an unknown one is refused (exit code 78).
Relative paths are relative to the file. Try a change with `ocr-daemon check`.

The environment wins over the file. Lists and whole sections are written there as JSON:
`OCR_DAEMON__WATCH__IGNORE='["*.tmp"]'`.
Unless it is said, a key does not differ by profile, and a change takes effect when the daemon is told to read the file again (SIGHUP).
"""  # noqa: E501


def _group(name: str, keys: list[Key], profiled: dict[str, str], said: dict[str, str]) -> str:
    kinds = {known: kind for known, kind, _ in fields_of(Config)}
    section = section_of(kinds.get(name))
    promise = " ".join((section.__doc__ or "").strip().split("\n\n")[0].split()) if section else ""
    comment = "" if any(map(_heads_group, keys)) else said.get(name, "")
    prose = " ".join(_sentence(text, set()) for text in (promise, comment) if text)
    lines = [f"## {name or 'Keys without a section'}", "", *([prose, ""] if prose else [])]
    return "\n".join([*lines, *(_entry(key, profiled) for key in keys)])


def _entry(key: Key, profiled: dict[str, str]) -> str:
    lines = [] if _heads_group(key) else [f"### {key.name}", ""]
    if prose := _prose(key):
        lines += [*prose, ""]
    if key.default is NOTHING:
        default = "none, it must be said"
    elif section_of(key.kind) and not key.default:
        default = "`[]`" if key.default is not None else "`null`"
    else:
        default = f"`{_as_yaml(key.default)}`"
    lines.append(f"- default: {' '.join(filter(None, (default, key.unit)))}{_shipped(key)}")
    lines.append(f"- may be: {kind_of(key.kind)}")
    if not key.is_entry:
        short = [short for short, path in SHORT_NAMES.items() if path == key.path]
        names = " or ".join(f"`{name}`" for name in (key.environment, *short))
        if key.is_set_with_section:
            names += f', the section as JSON: `{{"{key.path[-1]}": [...]}}`'
        lines.append(f"- environment: {names}")
    if any(key.name == name or key.name.startswith(f"{name}.") for name in AT_RESTART):
        lines.append("- a change waits for a restart")
    if key.name in profiled:
        lines.append(f"- may differ by profile: `{profiled[key.name]}`")
    if key.comment.example:
        lines += ["", "```yaml", f"{key.path[-1]}:", *_indented(key.comment.example), "```"]
    return "\n".join([*lines, ""])


def _heads_group(key: Key) -> bool:
    """Tell a list of sections, whose group has its name, from a key without a section."""
    return len(key.path) == 1 and section_of(key.kind) is not None


def _shipped(key: Key) -> str:
    if key.is_entry or key.shipped is NOTHING or is_as_shipped(key):
        return ""
    return f" (config.yaml names `{_as_yaml(key.shipped)}`)"


def _indented(lines: list[str]) -> list[str]:
    return [f"  {line}".rstrip() for line in lines]


def _prose(key: Key) -> list[str]:
    """Return the comment as sentences; where each choice has its own line, as a list."""
    choices = tuple(f"{value}:" for value in choices_of(key.kind))
    items: list[str] = []
    for line in key.comment.lines:
        if not items or line.startswith(choices):
            items.append(line)
        else:
            items[-1] += f" {line}"
    if choices and len(items) > 1:
        return [f"- {_escaped(item)}" if item.startswith(choices) else f"{_escaped(item)}\n"
                for item in items]  # fmt: skip
    if not items and key.path[0] == "profiles":
        return [f"As [{key.path[-1]}](#{_anchor(key.path[-1])}) is for all other folders."]
    return [_sentence(" ".join(items), set(choices_of(key.kind)))] if items else []


def _sentence(text: str, choices: set[Any]) -> str:
    """Return the text as a sentence; a value or a file's name at its beginning stays as it is."""
    first = text.split(" ")[0].rstrip(":,;")
    if first not in {*choices, "true", "false", "null"} and first.isalpha():
        text = text[:1].upper() + text[1:]
    return _escaped(text.rstrip(":.")) + "."


def _escaped(text: str) -> str:
    """Return text in which Markdown finds no markup but code between backticks."""
    parts = text.split("`")
    parts[::2] = [re.sub(r"([<*\[\]])", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)


def _anchor(title: str) -> str:
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
