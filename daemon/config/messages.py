"""What pydantic finds wrong with values, as Misconfigured: key, value, remedy, and no secret."""

from __future__ import annotations

import difflib
from dataclasses import is_dataclass
from types import NoneType
from typing import Any, get_args, get_type_hints

from pydantic import ValidationError

from daemon.config.hook import HIDDEN
from daemon.core.errors import Misconfigured

SHOWN = 100  # characters of a wrong value that are worth repeating
SECRETS = ("secret", "passwords", "token", "url")  # keys whose values are never repeated


def finding(error: ValidationError, root: type, within: tuple[str, ...] = ()) -> Misconfigured:
    """Return the first of the findings in `root`, a section that lies `within` the config."""
    first = error.errors()[0]
    path = [str(part) for part in first["loc"]]
    more = f" ({error.error_count() - 1} more findings)" if error.error_count() > 1 else ""
    if first["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        remedy = did_you_mean(path[-1], _section_at(path[:-1], root))
    else:
        remedy = f"{first['msg']}; correct it in the config file or the environment"
    value = "nothing" if first["type"] == "missing" else str(first["input"])
    if path[-1] in SECRETS or any(key in value for key in SECRETS):
        value = HIDDEN
    return Misconfigured(".".join([*within, *path]), value[:SHOWN], remedy + more)


def did_you_mean(key: str, section: type) -> str:
    """Return the remedy for a key that `section` does not have."""
    known = section.__dataclass_fields__ if is_dataclass(section) else section.model_fields  # type: ignore[attr-defined]
    near = difflib.get_close_matches(key, known, n=1)
    return f"there is no such key; {f'did you mean {near[0]}?' if near else 'remove it'}"


def _section_at(path: list[str], section: Any) -> type:  # noqa: ANN401
    for key in path:
        if key.isdecimal():  # a place in a list, of sections that are all alike
            section = get_args(section)[0]
        elif is_dataclass(section):
            section = get_type_hints(section)[key]
        else:
            section = section.model_fields[key].annotation
        if NoneType in get_args(section):
            section = get_args(section)[0]
    return section  # type: ignore[no-any-return]
