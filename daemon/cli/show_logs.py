"""`ocr-daemon logs`: the log of the daemon for people, also while it is written."""

from __future__ import annotations

import contextlib
import functools
import json
import sys
import time
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from structlog.typing import Processor

from daemon.cli.log_file import LogFile
from daemon.core import logs

_LEVELS = ("debug", "info", "warning", "error", "critical")
_POLL_SECONDS = 0.25


def show(folder: Path, number: int, level: str, *, follow: bool, as_json: bool) -> bool:
    """Print the last lines of the log in `folder`, and with `follow` each further one.

    `level` is the lowest that is printed. Returns whether there is a log.
    """
    log, rotated = (LogFile(folder / f"{logs.LOG_NAME}{ending}") for ending in ("", ".1"))
    lowest = _LEVELS.index(level.lower())
    wanted = functools.partial(_is_wanted, lowest=lowest)
    render = (
        str
        if as_json
        else functools.partial(_readable, logs.readable_processors(coloured=sys.stdout.isatty()))
    )
    last = deque(filter(wanted, chain(rotated.new_lines(), log.new_lines())), maxlen=number)
    has_log = bool(last) or (folder / logs.LOG_NAME).exists()
    _print_all(map(render, last))
    while follow:
        _print_all(map(render, filter(wanted, log.new_lines())))
        time.sleep(_POLL_SECONDS)
    return has_log


def _print_all(lines: Iterable[str]) -> None:
    for line in lines:
        print(line, flush=True)


def _event(line: str) -> dict[str, Any] | None:
    """Return a line as an event, None where the daemon has not written it."""
    with contextlib.suppress(ValueError):
        event = json.loads(line)
        if isinstance(event, dict) and event.get("level") in _LEVELS and "event" in event:
            return event
    return None


def _is_wanted(line: str, lowest: int) -> bool:
    event = _event(line)
    return event is None or _LEVELS.index(event["level"]) >= lowest


def _readable(processors: Sequence[Processor], line: str) -> str:
    """Return a line as the daemon prints it on a terminal."""
    event: Any = _event(line)
    if event is None:
        return logs.escape_controls(line)
    for processor in processors:
        event = processor(None, "", event)
    return str(event)
