"""`ocr-daemon completion`: the script with which a shell completes commands and options."""

from __future__ import annotations

from typing import Literal

# what `add_completion` of Typer uses, which would add two options and look for the shell we are in
from typer.completion import completion_init, get_completion_script  # type: ignore[attr-defined]

PROGRAM = "ocr-daemon"
VARIABLE = "_OCR_DAEMON_COMPLETE"  # the scripts set it
Shell = Literal["bash", "zsh", "fish"]


def script(shell: Shell) -> str:
    """Return the script of a shell; it asks this program for the completions.

    Where the program has none, for the name of a file, the shell completes names of files.
    """
    return str(get_completion_script(prog_name=PROGRAM, complete_var=VARIABLE, shell=shell))


def prepare() -> None:
    """Make the program answer the scripts."""
    completion_init()
