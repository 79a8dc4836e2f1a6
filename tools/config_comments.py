"""What config.yaml says of each key: its comments, found by where they stand.

A comment behind a key, on the lines under it (indented deeper than the key) and on the lines right
above it (at the key's own indent) belongs to that key. Lines under the name of a list that begin
an entry, as in `# - folders: [invoices/**]`, are an example of its value, as far as they are YAML.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml


@dataclass(slots=True)
class Comment:
    """What is said of one key: `lines` of prose, and `example`, a value of it as YAML."""

    lines: list[str] = field(default_factory=list)
    example: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The prose as one paragraph."""
        return " ".join(self.lines)


@dataclass(frozen=True, slots=True)
class _Place:
    """A key and where it stands: line and column, counted from 0."""

    path: tuple[str, ...]
    line: int
    column: int


def comments_of(text: str, *, lists: tuple[str, ...] = ()) -> dict[tuple[str, ...], Comment]:
    """Return the comment of each key of a YAML text, by the key's path.

    An example is looked for only under the dotted keys `lists`, since prose may look like YAML.
    Keys within the entries of a list, in the text or in an example, have the list's path before
    theirs.
    """
    found: dict[tuple[str, ...], Comment] = {}
    places = list(_places(yaml.compose(text), ()))
    remarks = _remarks(text)
    for number, place in enumerate(places):
        after = places[number + 1].line if number + 1 < len(places) else len(text.splitlines())
        comment = Comment([*_above(place, remarks), *_behind(place, remarks)])
        _take_under(place, after, remarks, comment, has_example=".".join(place.path) in lists)
        known = found.setdefault(place.path, comment)
        if known is not comment and not known.lines:
            found[place.path] = comment
        if comment.example:
            within = comments_of("\n".join(comment.example) + "\n")
            found |= {place.path + path: said for path, said in within.items()}
    return found


def _places(node: yaml.Node | None, path: tuple[str, ...]) -> Iterator[_Place]:
    """Yield the keys in the order of the text; of those on one line the outermost comes first."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            below = (*path, str(key.value))
            yield _Place(below, key.start_mark.line, key.start_mark.column)
            yield from _places(value, below)
    elif isinstance(node, yaml.SequenceNode):
        for entry in node.value:
            yield from _places(entry, path)


def _remarks(text: str) -> dict[int, tuple[int, str, bool]]:
    """Return column, words and whether it stands alone, of the comment of each line that has one.

    What PyYAML takes for a scalar is no comment: the comment begins behind the last token.
    """
    ends: dict[int, int] = {}
    within: set[int] = set()
    for token in yaml.scan(text):
        start, end = token.start_mark, token.end_mark
        if isinstance(token, yaml.ScalarToken) and token.style in ("|", ">"):
            within |= set(range(start.line + 1, end.line))
        elif end.index > start.index:
            ends[end.line] = max(ends.get(end.line, 0), end.column)
    remarks = {}
    for number, line in enumerate(text.splitlines()):
        begins = line.find("#", ends.get(number, 0))
        if begins >= 0 and number not in within:
            words = line[begins + 1 :].removeprefix(" ").rstrip()
            remarks[number] = begins, words, not line[:begins].strip()
    return remarks


def _above(place: _Place, remarks: dict[int, tuple[int, str, bool]]) -> list[str]:
    lines: list[str] = []
    number = place.line - 1
    while number in remarks and remarks[number][2] and remarks[number][0] == place.column:
        lines.insert(0, remarks[number][1].strip())
        number -= 1
    return [] if number < 0 else lines  # what the file begins with is said of all of it


def _behind(place: _Place, remarks: dict[int, tuple[int, str, bool]]) -> list[str]:
    if place.line not in remarks or remarks[place.line][2]:
        return []
    return [remarks[place.line][1].strip()]


def _take_under(
    place: _Place,
    after: int,
    remarks: dict[int, tuple[int, str, bool]],
    comment: Comment,
    *,
    has_example: bool,
) -> None:
    """Add what stands under the key, up to the line `after` where the next key begins."""
    example: list[str] = []
    for number in range(place.line + 1, after):
        column, words, is_alone = remarks.get(number, (-1, "", False))
        is_entry = has_example and words.lstrip().startswith("- ")
        if not is_alone or (column <= place.column and not example and not is_entry):
            break
        if example or is_entry:
            example.append(words)
        else:
            comment.lines.append(words.strip())
    example = textwrap.dedent("\n".join(example)).splitlines()
    rest: list[str] = []
    while example and not _is_yaml("\n".join(example)):
        rest.insert(0, example.pop().strip())
    comment.example.extend(example)
    comment.lines.extend(rest)


def _is_yaml(text: str) -> bool:
    try:
        return isinstance(yaml.safe_load(text), list)
    except yaml.YAMLError:
        return False
