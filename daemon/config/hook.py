"""The settings of one hook: a command or a URL that is notified of each answer.

The ledger stores the notifications in the same transaction as the answer; `outbox/hooks` sends
them: payload (the text), dispatcher (a thread per hook), sender (due, sent, postponed, dead),
command (a program with a timeout), webhook (a signed HTTP POST).
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from annotated_types import Ge, Gt, Le, MinLen

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
HIDDEN = "***"  # shown in place of a secret
_ENCODED = "whsec_"  # prefix of a key in base64 (Standard Webhooks)

Event = Literal["done", "partial", "failed", "duplicate"]
Problem = tuple[str, object, str]  # key, value, remedy


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """Target, events and retries of a hook; exactly one of `command` and `url` is set."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}
    name: str
    on: Annotated[tuple[Event, ...], MinLen(1)] = ("done", "partial", "failed")
    command: tuple[str, ...] | None = None
    url: str | None = None
    secret: str | None = field(default=None, repr=False)
    secret_file: Path | None = None
    timeout_seconds: Annotated[float, Gt(0), Le(3600)] = 30.0
    attempts: Annotated[int, Ge(1), Le(1000)] = 20
    wait_seconds: Annotated[float, Gt(0), Le(3600)] = 10.0
    text_characters: Annotated[int, Ge(0), Le(1_000_000)] = 4000

    @property
    def target(self) -> str:
        """The program, or the host of the URL; the rest of a URL may be a secret."""
        if self.command:
            return self.command[0]
        return urlsplit(self.url or "").hostname or ""

    def signing_key(self) -> bytes | None:
        """Return the key to sign with, None without a secret; raises OSError or ValueError.

        A secret that begins with `whsec_` is base64, any other is used as text. `secret_file` is
        read on every call, so that it may be replaced.
        """
        secret = self.secret
        if self.secret_file is not None:
            secret = self.secret_file.read_text(encoding="utf-8").strip()
            if not secret:
                raise ValueError("is empty")
        if secret is None or not secret.startswith(_ENCODED):
            return secret.encode() if secret else None
        try:
            return base64.b64decode(secret.removeprefix(_ENCODED), validate=True)
        except binascii.Error as error:
            raise ValueError(f"is not valid base64 after {_ENCODED}") from error

    def resolved(self, base: Path) -> Hook:
        """Return the hook with paths relative to `base`; a program without a slash is in PATH."""
        secret_file, command = self.secret_file, self.command
        if secret_file is not None:
            secret_file = (base / secret_file.expanduser()).absolute()
        if command and os.sep in command[0]:
            program = (base / Path(command[0]).expanduser()).absolute()
            command = (str(program), *command[1:])
        return replace(self, secret_file=secret_file, command=command)

    def conflicts(self) -> Iterator[Problem]:
        """Return the values that are invalid, alone or together."""
        if not _NAME.fullmatch(self.name):
            yield "name", self.name, "may have letters, digits, - and _, at most 32 characters"
        if (self.command is None) == (self.url is None):
            yield "command", self.command, "set either a command or a url"
        if self.command is not None and not any(self.command[:1]):
            yield "command", self.command, "must be a list: a program, then its arguments"
        if any("\0" in word for word in self.command or ()):
            yield "command", self.command, "must not contain a NUL character"
        if self.url is not None and (remedy := _url_problem(self.url)):
            yield "url", HIDDEN, remedy
        if self.secret is not None and self.secret_file is not None:
            yield "secret", HIDDEN, "set it here or in secret_file, not in both"
        if self.command is not None and (self.secret or self.secret_file):
            yield "secret", HIDDEN, "signs what is sent to a url; remove it, a command needs none"
        if self.secret is not None:
            yield from _key_problem(self, "secret", HIDDEN)

    def missing_resources(self) -> Iterator[Problem]:
        """Return what is missing on this machine: the program, the file with the secret."""
        if self.command and shutil.which(self.command[0]) is None:
            yield "command", self.command[0], "is not an executable program; write its full path"
        if self.secret_file is not None:
            yield from _key_problem(self, "secret_file", self.secret_file)


def _key_problem(hook: Hook, name: str, value: object) -> Iterator[Problem]:
    try:
        if not hook.signing_key():
            yield name, value, "is empty; remove it if nothing is to be signed"
    except OSError as error:
        yield name, value, f"{error.strerror}; name a file that exists and can be read"
    except ValueError as error:
        yield name, value, str(error)


def _url_problem(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid or not url.isascii() or any(c <= " " for c in url):
        return "is not a URL that begins with http:// or https://"
    if parts.username is not None or parts.password is not None:
        return "must not contain user and password; sign with a secret instead"
    return None
