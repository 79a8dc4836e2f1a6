"""docs/cli.md: every command as its own --help has it, and what exit codes mean."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import typer

from daemon.cli.app import app
from daemon.core.errors import Exit

REPOSITORY = Path(__file__).parents[1]
PROGRAM = "ocr-daemon"
EXAMPLE = "Example:"
METAVARS = {Path: "PATH", int: "NUMBER", float: "NUMBER", str: "TEXT"}
MEANINGS = {
    Exit.OK: "it did what was asked",
    Exit.SOME_FAILED: "it ran, but something does not hold: a file could not be read, "
    "the daemon does not live, landed is not answered + waiting, or a folder is away",
    Exit.MISCONFIGURED: "the config cannot be meant or the environment does not allow it; "
    "the last line names key, value and remedy; to start it again changes nothing",
    Exit.INTERRUPTED: "it was interrupted (Ctrl-C)",
}


def root() -> Any:
    """Return the whole tree of commands, as `ocr-daemon` on a command line has it."""
    return typer.main.get_command(app)


def all_commands(group: Any = None, name: str = PROGRAM) -> Iterator[tuple[str, Any]]:
    """Yield the whole name and the command of each that does something."""
    group = group or root()
    for word, command in group.commands.items():
        if getattr(command, "commands", None):
            yield from all_commands(command, f"{name} {word}")
        elif not command.hidden:
            yield f"{name} {word}", command


def examples_of(command: Any) -> list[str]:
    """Return the command lines that the help of a command shows."""
    lines = (command.help or "").replace("\b", "").splitlines()
    found: list[str] = []
    for number, line in enumerate(lines):
        if line.strip().startswith(EXAMPLE):
            found.append(line.strip().removeprefix(EXAMPLE).strip())
            for more in lines[number + 1 :]:
                if not more.strip().startswith(PROGRAM):
                    break
                found.append(more.strip())
    return [line for line in found if line]


def options_of(command: Any) -> set[str]:
    """Return the names of the options that a command knows."""
    names = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
    return {name for name in names if name.startswith("-")} | {"--help"}


def page() -> str:
    """Return docs/cli.md."""
    commands = list(all_commands())
    index = "\n".join(
        f"- [`{name}`](#{name.replace(' ', '-')}): {_promise(command)[0]}"
        for name, command in commands
    )
    codes = "\n".join(f"| {int(code)} | {MEANINGS[code]} |" for code in Exit)
    entries = (_entry(name, command) for name, command in commands)
    return "\n".join([_HEAD, index, "", *entries, _CODES, codes, ""])


_HEAD = """# Commands

<!-- Made by `make docs` from the code: change daemon/cli/app.py, not this. -->

`ocr-daemon --version` prints the version, `ocr-daemon COMMAND --help` what stands here of a command.
What the keys of the configuration mean stands in [config.md](config.md).
"""  # noqa: E501
_CODES = """## Exit codes

| code | what it means |
|---|---|
| 2 | the command line is not understood: no such command, option or file |"""


def _entry(name: str, command: Any) -> str:
    lines = [f"## {name}", "", *_promise(command), ""]
    lines += ["```sh", *examples_of(command), "```", ""]
    rows = [_row(command, param) for param in command.params if not getattr(param, "hidden", False)]
    if rows:
        lines += ["| argument or option | default | what it is |", "|---|---|---|", *rows, ""]
    return "\n".join(lines)


def _promise(command: Any) -> list[str]:
    """Return the help without its examples, a line each paragraph."""
    text = (command.help or "").split(EXAMPLE)[0].replace("\b", "")
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]


def _row(command: Any, param: Any) -> str:
    if param.param_type_name == "argument":
        name = (param.metavar or param.name.upper()) + ("..." if param.nargs == -1 else "")
    elif param.is_flag:
        name = " / ".join((*param.opts, *param.secondary_opts))
    else:
        kind = typing.get_type_hints(command.callback)[param.name]
        name = f"{', '.join(param.opts)} {param.metavar or _metavar(kind)}"
    default = "needed" if param.required else _default(param)
    words = (param.help or "").replace("|", "\\|")
    return f"| `{name}` | {default} | {words} |".replace("|  |", "| |").replace("|  |", "| |")


def _metavar(kind: Any) -> str:
    """Return what stands for the value of an option, from the type of its parameter."""
    if get_origin(kind) is Literal:
        return " or ".join(map(str, get_args(kind)))
    inner = next((one for one in (kind, *get_args(kind)) if one in METAVARS), str)
    return METAVARS[inner]


def _default(param: Any) -> str:
    value = param.default
    if callable(value) or value is None or value is False or value == ():
        return ""
    if isinstance(value, Path) and value.is_relative_to(REPOSITORY):
        value = value.relative_to(REPOSITORY)
    return f"`{'on' if value is True else value}`"
