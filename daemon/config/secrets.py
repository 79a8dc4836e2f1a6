"""Which config values are secret, and how values are shown in messages and logs without them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path

from pydantic import BaseModel

from daemon.config.hook import HIDDEN, Hook

_SECRET = re.compile(
    r"password|passphrase|secret|token|credential|authorization|api_?key|private_?key"
    r"|url|command|environment|headers",
    re.IGNORECASE,
)
_URL = re.compile(r"(?P<scheme>\w://)(?P<user>[^/?#\s]*@)?(?P<host>[^/?#\s]*)(?P<rest>\S*)")
_PUBLIC_HOOK_KEYS = ("timeout_seconds", "attempts", "wait_seconds", "text_characters")


def is_secret(key: str) -> bool:
    """Tell whether the value of a key is never shown.

    `key` is a path (`hooks.0.command.1`), the name of an environment variable or free text: one
    secret word anywhere in it is enough, because what lies below a secret key is secret as well.
    """
    return bool(_SECRET.search(key))


def masked(key: str, value: object) -> object:
    """Return a value as it may be shown: without secrets at any depth, URLs with the host only."""
    if value is not None and is_secret(key):
        return HIDDEN
    match value:
        case Hook():  # the path of a URL or an argument of a command may be the secret
            shown = {name: getattr(value, name) for name in _PUBLIC_HOOK_KEYS}
            return {"name": value.name, "target": value.target, "on": list(value.on), **shown}
        case BaseModel() | Mapping():
            return {name: masked(str(name), item) for name, item in dict(value).items()}
        case list() | tuple():
            return [masked("", item) for item in value]
        case str():
            return _URL.sub(_host_only, value)
        case Path():
            return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: masked(f.name, getattr(value, f.name)) for f in fields(value)}
    return value


def shown(key: str, value: object) -> str:
    """Return a value that was refused as it may be shown in an error message.

    A refused value may have any shape, so it is hidden as a whole if its text contains a secret
    word: `{'secrets': {'secret': ...}}` in place of a section.
    """
    return HIDDEN if is_secret(str(value)) and value is not None else str(masked(key, value))


def _host_only(url: re.Match[str]) -> str:
    user, rest = (HIDDEN if url[part] else "" for part in ("user", "rest"))
    return url["scheme"] + (user and f"{user}@") + url["host"] + (rest and f"/{rest}")
