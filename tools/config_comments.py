"""Finds the comments of each key in config.yaml.

The comments of a key are the one after it on its line, those on the lines below it (indented more
than the key) and those on the lines directly above it (with the indent of the key). Lines below the
name of a list that begin an entry, as in `# - folders: [invoices/**]`, are an example of its value,
as far as they are YAML; so are lines below the name of a mapping that begin with a name.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml


@dataclass(slots=True)
class Comment:
    """The comment of one key: `lines` of prose, and `example`, a value as YAML."""

    lines: list[str] = field(default_factory=list)
    example: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The prose as one paragraph."""
        return " ".join(self.lines)


@dataclass(frozen=True, slots=True)
class _LineComment:
    """The comment on a line; `is_whole_line` when nothing else is on it."""

    column: int
    text: str
    is_whole_line: bool


@dataclass(frozen=True, slots=True)
class _KeyPosition:
    """A key and its position: line and column, counted from 0."""

    path: tuple[str, ...]
    line: int
    column: int


_ENTRIES = {"list": re.compile(r"\s*- "), "mapping": re.compile(r"\s*[a-z_]+: ")}


def comments_of(
    text: str, *, lists: tuple[str, ...] = (), mappings: tuple[str, ...] = ()
) -> dict[tuple[str, ...], Comment]:
    """Return the comment of each key of a YAML text, by the path of the key.

    Examples are expected only below the dotted keys in `lists` and `mappings`, since prose may look
    like YAML. The path of a key within the entries of one of these, in the text or in an example,
    begins with that of the list or mapping, without the name of the entry.
    """
    examples = dict.fromkeys(lists, _ENTRIES["list"])
    examples |= dict.fromkeys(mappings, _ENTRIES["mapping"])
    found: dict[tuple[str, ...], Comment] = {}
    positions = list(_key_positions(yaml.compose(text), ()))
    comments_by_line = _comments_by_line(text)
    for number, key in enumerate(positions):
        after = (
            positions[number + 1].line if number + 1 < len(positions) else len(text.splitlines())
        )
        comment = Comment([*_above(key, comments_by_line), *_behind(key, comments_by_line)])
        name = ".".join(key.path)
        _add_below(key, after, comments_by_line, comment, examples.get(name))
        known = found.setdefault(key.path, comment)
        if known is not comment and not known.lines:
            found[key.path] = comment
        if comment.example:
            within = comments_of("\n".join(comment.example) + "\n")
            names = int(name in mappings)
            found |= {
                key.path + path[names:]: each for path, each in within.items() if path[names:]
            }
    return found


def _key_positions(node: yaml.Node | None, path: tuple[str, ...]) -> Iterator[_KeyPosition]:
    """Yield the keys in the order of the text; of several on one line, the outermost first."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            below = (*path, str(key.value))
            yield _KeyPosition(below, key.start_mark.line, key.start_mark.column)
            yield from _key_positions(value, below)
    elif isinstance(node, yaml.SequenceNode):
        for entry in node.value:
            yield from _key_positions(entry, path)


def _comments_by_line(text: str) -> dict[int, _LineComment]:
    """Return the comment of each line that has one.

    A comment begins after the last token of its line, so a # within a scalar is no comment.
    """
    ends: dict[int, int] = {}
    within: set[int] = set()
    for token in yaml.scan(text):
        start, end = token.start_mark, token.end_mark
        if isinstance(token, yaml.ScalarToken) and token.style in ("|", ">"):
            within |= set(range(start.line + 1, end.line))
        elif end.index > start.index:
            ends[end.line] = max(ends.get(end.line, 0), end.column)
    found = {}
    for number, line in enumerate(text.splitlines()):
        begins = line.find("#", ends.get(number, 0))
        if begins >= 0 and number not in within:
            words = line[begins + 1 :].removeprefix(" ").rstrip()
            found[number] = _LineComment(begins, words, not line[:begins].strip())
    return found


def _above(key: _KeyPosition, comments_by_line: dict[int, _LineComment]) -> list[str]:
    lines: list[str] = []
    number = key.line - 1
    while (comment := comments_by_line.get(number)) and comment.is_whole_line:
        if comment.column != key.column:
            break
        lines.insert(0, comment.text.strip())
        number -= 1
    return [] if number < 0 else lines  # the comment at the top is about the whole file


def _behind(key: _KeyPosition, comments_by_line: dict[int, _LineComment]) -> list[str]:
    comment = comments_by_line.get(key.line)
    return [comment.text.strip()] if comment and not comment.is_whole_line else []


def _add_below(
    key: _KeyPosition,
    after: int,
    comments_by_line: dict[int, _LineComment],
    comment: Comment,
    entry: re.Pattern[str] | None,
) -> None:
    """Add the comments below the key, up to the line `after` of the next key.

    `entry` matches the first line of an example, None where there is none.
    """
    example: list[str] = []
    for number in range(key.line + 1, after):
        below = comments_by_line.get(number)
        if below is None or not below.is_whole_line:
            break
        is_entry = entry is not None and entry.match(below.text) is not None
        if below.column <= key.column and not example and not is_entry:
            break
        if example or is_entry:
            example.append(below.text)
        else:
            comment.lines.append(below.text.strip())
    example = textwrap.dedent("\n".join(example)).splitlines()
    prose: list[str] = []
    while example and not _is_yaml("\n".join(example)):
        prose.insert(0, example.pop().strip())
    comment.example.extend(example)
    comment.lines.extend(prose)


def _is_yaml(text: str) -> bool:
    try:
        return isinstance(yaml.safe_load(text), list | dict)
    except yaml.YAMLError:
        return False
