"""Structured logs: JSON lines to a rotating file in the log volume, readable lines on a terminal.

Where standard error is no terminal (a container, a service manager) it gets the same JSON lines.
The daemon's are written by a thread of their own, so that a log volume that hangs holds up nothing:
where 10 000 lines wait and none is written for a second, new ones are lost.
Names of files are strangers' words: none can begin a line of its own or command a terminal.
"""

from __future__ import annotations

import logging
import logging.handlers
import queue
import sys
import time
import unicodedata
from pathlib import Path

import structlog

LOG_NAME = "ocr-daemon.jsonl"
MOST_WAITING = 10_000
HANG_SECONDS = 1.0
_CONTROLS = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_OF_SEVERAL_LINES = {"exception", "stack"}

_SHARED: list[structlog.typing.Processor] = [
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]


def set_up(folder: Path | None, level: str, file_bytes: int, files: int) -> None:
    """Send events to standard error and, when `folder` is given, to a rotating file in it."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,  # by the root's, which may be set anew at any time
            *_SHARED,
            structlog.processors.format_exc_info,  # here: the writing thread has no exception
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.make_filtering_bound_logger("debug"),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    console = logging.StreamHandler(sys.stderr)
    console.setFormatter(_formatter(readable=sys.stderr.isatty()))
    root = logging.getLogger()
    for old in root.handlers:
        old.close()
    root.handlers = [console]
    root.setLevel(level)
    # a full log disk must not stop the reading, nor print a traceback for every line
    logging.raiseExceptions = False
    if folder is not None:
        rotating = logging.handlers.RotatingFileHandler(
            folder / LOG_NAME, maxBytes=file_bytes, backupCount=files, encoding="utf-8",
            errors="backslashreplace",
        )  # fmt: skip
        rotating.setFormatter(_formatter(readable=False))
        root.handlers = [_Handover(console, rotating)]


def set_level(level: str) -> None:
    """Say from now on what is at least of `level` (DEBUG, INFO, WARNING, ERROR)."""
    logging.getLogger().setLevel(level)


def drain(seconds: float = 2.0) -> bool:
    """Wait until what was said is written, but no longer than `seconds`; tell whether it is."""
    ends = time.monotonic() + seconds
    for handler in logging.getLogger().handlers:
        while (
            isinstance(handler, _Handover)
            and handler.waiting.unfinished_tasks
            and time.monotonic() < ends
        ):
            time.sleep(0.01)
    return not any(
        isinstance(handler, _Handover) and handler.waiting.unfinished_tasks
        for handler in logging.getLogger().handlers
    )


class _Handover(logging.handlers.QueueHandler):
    """Hands records over as they are: they are formatted where they are written."""

    def __init__(self, *writers: logging.Handler) -> None:
        self.waiting: queue.Queue[logging.LogRecord] = queue.Queue(MOST_WAITING)
        super().__init__(self.waiting)
        self._writers = writers
        self._thread = logging.handlers.QueueListener(self.waiting, *writers)
        self._thread.start()
        self._hangs = False

    def enqueue(self, record: logging.LogRecord) -> None:
        try:
            self.waiting.put(record, timeout=0.001 if self._hangs else HANG_SECONDS)
            self._hangs = False
        except queue.Full:
            self._hangs = True

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        return record

    def close(self) -> None:
        self._thread.stop()
        for writer in self._writers:
            writer.close()
        super().close()


def without_controls(text: str, keep: str = "") -> str:
    """Return the text with what a terminal would obey, or not show, written as its code.

    That is control and format characters (U+202E turns a line around), line separators, and halves
    of characters, as which bytes that are no UTF-8 stand in names. Those in `keep` stay.
    """
    return "".join(c if c in keep else _shown(c) for c in text)


def _shown(character: str) -> str:
    if unicodedata.category(character) not in _CONTROLS:
        return character
    return character.encode("unicode_escape").decode("ascii")


def _for_terminal(
    _logger: structlog.typing.WrappedLogger, _level: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Disarm every value; a traceback keeps its lines."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = without_controls(value, "\n" if key in _OF_SEVERAL_LINES else "")
    return event


def _well_formed(
    _logger: structlog.typing.WrappedLogger, _level: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Write halves of characters as their code: strict readers of JSON take none."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = value.encode("utf-8", "backslashreplace").decode()
    return event


def _formatter(*, readable: bool) -> logging.Formatter:
    last: list[structlog.typing.Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
    ]
    if readable:
        last += [
            _for_terminal,
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
        ]
    else:
        last += [_well_formed, structlog.processors.JSONRenderer()]
    return structlog.stdlib.ProcessorFormatter(processors=last, foreign_pre_chain=_SHARED)
