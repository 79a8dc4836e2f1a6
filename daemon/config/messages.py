"""Turns pydantic's validation errors into Misconfigured, without secrets."""

from __future__ import annotations

import difflib
from dataclasses import is_dataclass
from types import NoneType
from typing import Any, get_args, get_type_hints

from pydantic import ValidationError

from daemon.config.secrets import shown
from daemon.core.errors import Misconfigured

MAX_SHOWN = 100  # characters of a wrong value that a message repeats


def finding(error: ValidationError, root: type, within: tuple[str, ...] = ()) -> Misconfigured:
    """Return the first finding in `root`, a section at the path `within` of the config."""
    first = error.errors()[0]
    path = [str(part) for part in first["loc"]]
    more = f" ({error.error_count() - 1} more findings)" if error.error_count() > 1 else ""
    is_unknown = first["type"] in ("extra_forbidden", "unexpected_keyword_argument")
    if is_unknown:
        remedy = did_you_mean(path[-1], _section_at(path[:-1], root))
    else:
        remedy = f"{first['msg']}; correct it in the config file or the environment"
    key = ".".join([*within, *path])
    # a misspelt key may hold a secret: the remedy names the key that was probably meant
    searched = f"{key} {remedy}" if is_unknown else key
    value = "nothing" if first["type"] == "missing" else shown(searched, first["input"])
    return Misconfigured(key, value[:MAX_SHOWN], remedy + more)


def did_you_mean(key: str, section: type) -> str:
    """Return the remedy for an unknown key of `section`."""
    known = section.__dataclass_fields__ if is_dataclass(section) else section.model_fields  # type: ignore[attr-defined]
    near = difflib.get_close_matches(key, known, n=1)
    return f"there is no such key; {f'did you mean {near[0]}?' if near else 'remove it'}"


def _section_at(path: list[str], section: Any) -> type:  # noqa: ANN401
    for key in path:
        if key.isdecimal():  # an index in a list of sections of one type
            section = get_args(section)[0]
        elif is_dataclass(section):
            section = get_type_hints(section)[key]
        else:
            section = section.model_fields[key].annotation
        if NoneType in get_args(section):
            section = get_args(section)[0]
    return section  # type: ignore[no-any-return]
