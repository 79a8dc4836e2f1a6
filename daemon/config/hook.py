"""Whom an answer is told: a command or a web address, at least once, off the path.

    answered -> letters in the ledger, in one transaction -> [sender: due -> delivered | dead]

letters  what is told, made from the answer       sender   one hook's turn: due, sent, put off, dead
senders  a thread for each hook, and their faults  command  a program, killed at its time-out
post     an HTTP POST, signed (urllib3)
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

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
HIDDEN = "***"  # in place of a secret, wherever one would be shown
_ENCODED = "whsec_"  # what Standard Webhooks puts before a key in base64

Event = Literal["done", "partial", "failed", "duplicate"]
Mistake = tuple[str, object, str]  # key, value, remedy


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """Whom to tell, of what, and how long to try; exactly one of `command` and `url` is said."""

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
    def place(self) -> str:
        """The program, or the host of the address: the rest of an address may be a secret."""
        if self.command:
            return self.command[0]
        return urlsplit(self.url or "").hostname or ""

    def key(self) -> bytes | None:
        """Return the key to sign with, None where nothing is signed; OSError or ValueError.

        A secret that begins with `whsec_` is base64, any other is taken as it stands. A file is
        read each time, so that it may be exchanged.
        """
        secret = self.secret
        if self.secret_file is not None:
            secret = self.secret_file.read_text(encoding="utf-8").strip()
            if not secret:
                raise ValueError("it is empty")
        if secret is None or not secret.startswith(_ENCODED):
            return secret.encode() if secret else None
        try:
            return base64.b64decode(secret.removeprefix(_ENCODED), validate=True)
        except binascii.Error as error:
            raise ValueError(f"what follows {_ENCODED} is no base64") from error

    def below(self, base: Path) -> Hook:
        """Return it with its files relative to `base`; a program without a slash is in PATH."""
        secret_file, command = self.secret_file, self.command
        if secret_file is not None:
            secret_file = (base / secret_file.expanduser()).absolute()
        if command and os.sep in command[0]:
            program = (base / Path(command[0]).expanduser()).absolute()
            command = (str(program), *command[1:])
        return replace(self, secret_file=secret_file, command=command)

    def contradictions(self) -> Iterator[Mistake]:
        """Return what of the values cannot be meant."""
        if not NAME.fullmatch(self.name):
            yield "name", self.name, "takes letters, digits, - and _, at most 32"
        if (self.command is None) == (self.url is None):
            yield "command", self.command, "say either a command or a url"
        if self.command is not None and not any(self.command[:1]):
            yield "command", self.command, "is a list: a program, then its arguments"
        if any("\0" in word for word in self.command or ()):
            yield "command", self.command, "no argument of a program may hold a NUL"
        if self.url is not None and (remedy := _fault_of(self.url)):
            yield "url", HIDDEN, remedy
        if self.secret is not None and self.secret_file is not None:
            yield "secret", HIDDEN, "say it here or in secret_file, not in both"
        if self.command is not None and (self.secret or self.secret_file):
            yield "secret", HIDDEN, "signs what is sent to a url; a command needs none"
        if self.secret is not None:
            yield from _bad_key(self, "secret", HIDDEN)

    def hindrances(self) -> Iterator[Mistake]:
        """Return what is missing around us: the program, the file with the secret."""
        if self.command and shutil.which(self.command[0]) is None:
            yield "command", self.command[0], "is no program that we may run; name its whole path"
        if self.secret_file is not None:
            yield from _bad_key(self, "secret_file", self.secret_file)


def _bad_key(hook: Hook, name: str, value: object) -> Iterator[Mistake]:
    try:
        if not hook.key():
            yield name, value, "is empty; leave it out where nothing is to be signed"
    except OSError as error:
        yield name, value, f"{error.strerror}; name a file that exists and can be read"
    except ValueError as error:
        yield name, value, str(error)


def _fault_of(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        known = False
    if not known or not url.isascii() or any(c <= " " for c in url):
        return "is no address that begins with http:// or https://"
    if parts.username is not None or parts.password is not None:
        return "must hold no user and password; sign with a secret instead"
    return None
