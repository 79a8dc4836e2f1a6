"""Turns pydantic's validation errors into ours, without secrets."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import is_dataclass
from types import NoneType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from daemon.config.secrets import shown
from daemon.core.errors import Misconfigured, UnknownKey

MAX_SHOWN = 100  # characters of a wrong value that a message repeats
UNKNOWN_KEY = ("extra_forbidden", "unexpected_keyword_argument")
# sentence for each type of pydantic's errors, with the words of its context
_SENTENCES = {
    "bool": "must be true or false",
    "dict": "must be a section: keys and values",
    "dataclass": "must be a section: keys and values",
    "mapping": "must be a section: keys and values",
    "model": "must be a section: keys and values",
    "finite_number": "must be a finite number",
    "float": "must be a number",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be {ge} or more",
    "int": "must be a whole number",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be {le} or less",
    "list": "must be a list: [...]",
    "literal_error": "must be {expected}",
    "missing": "is missing; add it",
    "path": "must be a path",
    "string_pattern_mismatch": "has characters that are not allowed here (allowed: {pattern})",
    "string_too_long": "must have {max_length} characters or less",
    "string_too_short": "must have {min_length} characters or more",
    "string": "must be text",
    "too_short": "must have {min_length} or more entries",
    "tuple": "must be a list: [...]",
}


def errors_in(
    error: ValidationError, root: type, within: tuple[str, ...] = ()
) -> Iterator[Misconfigured]:
    """Yield each error in `root`, a section at the path `within` of the config."""
    found: dict[str, list[Misconfigured]] = {}
    for details in error.errors():
        each = _error_of(details, root, within)
        found.setdefault(each.key, []).append(each)
    for errors in found.values():  # a value that may be of two types has an error for each
        errors[0].remedy = ", or ".join(dict.fromkeys(each.remedy for each in errors))
        yield errors[0]


def _error_of(details: ErrorDetails, root: type, within: tuple[str, ...]) -> Misconfigured:
    is_unknown = details["type"] in UNKNOWN_KEY
    *above, last = path = _path(details["loc"], root, with_last=is_unknown)
    remedy = did_you_mean(last, _section_at(above, root)) if is_unknown else _sentence(details)
    key = ".".join([*within, *path])
    # a misspelt key may hold a secret: the remedy names the key that was probably meant
    searched = f"{key} {remedy}" if is_unknown else key
    value = "nothing" if details["type"] == "missing" else shown(searched, details["input"])
    kind = UnknownKey if is_unknown else Misconfigured
    return kind(key, value[:MAX_SHOWN], remedy)


def _path(location: tuple[int | str, ...], root: Any, *, with_last: bool) -> list[str]:  # noqa: ANN401
    """Return the keys and indexes of a location, without the types that pydantic tried there."""
    path: list[str] = []
    for part in location:
        fields = _fields_of(_section_at(path, root))
        is_unknown = with_last and part == location[-1]
        is_name = _values_of(_section_at(path, root)) is not None and part != "[key]"
        if not (isinstance(part, int) or part in fields or is_unknown or is_name):
            break
        path.append(str(part))
    return path


def _sentence(details: ErrorDetails) -> str:
    kind = details["type"]
    words = _SENTENCES.get(kind) or _SENTENCES.get(kind.split("_")[0])
    if words is None:
        return f"{details['msg']}; correct it"
    return words.format_map(details.get("ctx", {}))


def did_you_mean(key: str, section: type) -> str:
    """Return the remedy for an unknown key of `section`."""
    near = difflib.get_close_matches(key, _fields_of(section), n=1)
    return f"there is no such key; {f'did you mean {near[0]}?' if near else 'remove it'}"


def _fields_of(section: Any) -> list[str]:  # noqa: ANN401
    """Return the keys of a section; none if it is a value."""
    if is_dataclass(section):
        return list(section.__dataclass_fields__)
    return list(getattr(section, "model_fields", ()))


def _values_of(section: Any) -> Any:  # noqa: ANN401
    """Return the type of the values of a mapping whose keys are names; None if it is none."""
    if get_origin(section) is not dict or get_args(section)[1] is Any:
        return None
    values = get_args(section)[1]
    return get_args(values)[0] if get_origin(values) is Annotated else values


def _section_at(path: list[str], section: Any) -> type:  # noqa: ANN401
    for key in path:
        if key.isdecimal():  # an index in a list of sections of one type
            section = get_args(section)[0]
        elif (values := _values_of(section)) is not None:
            section = values
        elif is_dataclass(section):
            section = get_type_hints(section, include_extras=False)[key]
        else:
            section = section.model_fields[key].annotation
        if NoneType in get_args(section):
            section = get_args(section)[0]
        if get_origin(section) is Annotated:
            section = get_args(section)[0]
    return section  # type: ignore[no-any-return]
