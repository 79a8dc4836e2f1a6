"""Structured logs: JSON lines to a rotating file in the log folder, readable lines on a terminal.

If standard error is no terminal (a container, a service manager), it gets the same JSON lines,
unless the format is set. JSON has times in UTC, readable lines have local time. The daemon writes
its log in a separate thread, so that a stalled log volume blocks nothing: new lines are dropped
while 10 000 lines are queued and none was written for a second. File names are untrusted: control
characters in them are escaped, so that no name can start a line of its own or send commands to a
terminal.
"""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import os
import queue
import sys
import time
import unicodedata
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import structlog

if TYPE_CHECKING:
    from daemon.core.options import LogFormat

LOG_NAME = "ocr-daemon.jsonl"
MAX_QUEUED = 10_000
ENQUEUE_SECONDS = 1.0
_CONTROLS = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_MULTILINE_KEYS = {"exception", "stack"}

_SHARED: list[structlog.typing.Processor] = [
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]


def set_up(
    folder: Path | None,
    level: str,
    file_bytes: int = 0,
    files: int = 0,
    log_format: LogFormat = "auto",
) -> None:
    """Send events to standard error and, when `folder` is given, to a rotating file in it.

    `log_format` is that of standard error; the file has JSON lines in any case.
    """
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,  # by the root logger's level, which may change
            *_SHARED,
            structlog.processors.format_exc_info,  # the writing thread has no exception
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.make_filtering_bound_logger("debug"),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    is_terminal = sys.stderr.isatty()
    console = logging.StreamHandler(sys.stderr)
    is_readable = is_terminal if log_format == "auto" else log_format == "console"
    console.setFormatter(_formatter(readable=is_readable, coloured=is_terminal))
    root = logging.getLogger()
    for old in root.handlers:
        old.close()
    root.handlers = [console]
    root.setLevel(level)
    # a full log disk must neither stop OCR nor print a traceback for every line
    logging.raiseExceptions = False
    if folder is not None:
        rotating = logging.handlers.RotatingFileHandler(
            folder / LOG_NAME, maxBytes=file_bytes, backupCount=files, encoding="utf-8",
            errors="backslashreplace",
        )  # fmt: skip
        rotating.setFormatter(_formatter())
        root.handlers = [_QueueHandler(console, rotating)]


def set_level(level: str) -> None:
    """Log events of `level` (DEBUG, INFO, WARNING, ERROR) and above from now on."""
    logging.getLogger().setLevel(level)


@contextlib.contextmanager
def written_to(stream: TextIO) -> Iterator[None]:
    """Write to `stream` in place of standard error until the block ends, without a log file."""
    with contextlib.ExitStack() as stack:
        for handler in logging.getLogger().handlers:
            if isinstance(handler, logging.StreamHandler):
                stack.callback(handler.setStream, handler.stream)
                handler.setStream(stream)
        yield


def drain(seconds: float = 2.0) -> bool:
    """Wait up to `seconds` until all queued lines are written; return whether they are."""
    ends = time.monotonic() + seconds
    for handler in logging.getLogger().handlers:
        while (
            isinstance(handler, _QueueHandler)
            and handler.queued.unfinished_tasks
            and time.monotonic() < ends
        ):
            time.sleep(0.01)
    return not any(
        isinstance(handler, _QueueHandler) and handler.queued.unfinished_tasks
        for handler in logging.getLogger().handlers
    )


class _QueueHandler(logging.handlers.QueueHandler):
    """Queues records for the writing thread, which formats and writes them."""

    def __init__(self, *writers: logging.Handler) -> None:
        self.queued: queue.Queue[logging.LogRecord] = queue.Queue(MAX_QUEUED)
        super().__init__(self.queued)
        self._writers = writers
        self._thread = logging.handlers.QueueListener(self.queued, *writers)
        self._thread.start()
        self._is_stalled = False

    def enqueue(self, record: logging.LogRecord) -> None:
        try:
            self.queued.put(record, timeout=0.001 if self._is_stalled else ENQUEUE_SECONDS)
            self._is_stalled = False
        except queue.Full:
            self._is_stalled = True

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        return record

    def close(self) -> None:
        self._thread.stop()
        for writer in self._writers:
            writer.close()
        super().close()


def escape_controls(text: str, keep: str = "") -> str:
    """Return the text with characters that control a terminal, or are invisible, escaped.

    Those are control and format characters (U+202E reverses a line), line separators, and
    surrogates, which stand for bytes of a name that are not UTF-8. Those in `keep` are kept.
    """
    return "".join(c if c in keep else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    if unicodedata.category(character) not in _CONTROLS:
        return character
    return character.encode("unicode_escape").decode("ascii")


def _for_terminal(
    _logger: structlog.typing.WrappedLogger, _level: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Escape control characters in every value; a traceback keeps its line breaks."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = escape_controls(value, "\n" if key in _MULTILINE_KEYS else "")
    return event


def _escape_surrogates(
    _logger: structlog.typing.WrappedLogger, _level: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Escape surrogates, which strict JSON parsers reject."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = value.encode("utf-8", "backslashreplace").decode()
    return event


def _in_local_time(
    _logger: structlog.typing.WrappedLogger, _level: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Give the time as people read it, in the time zone of this process."""
    with contextlib.suppress(KeyError, ValueError, TypeError):
        at = datetime.fromisoformat(event["timestamp"]).astimezone()
        event["timestamp"] = at.strftime("%Y-%m-%d %H:%M:%S")
    return event


def readable_processors(*, coloured: bool) -> list[structlog.typing.Processor]:
    """Return the last processors of events for people: local time, no control characters.

    `coloured` lines are for a terminal; the environment variable NO_COLOR turns colours off.
    """
    colours = coloured and not os.environ.get("NO_COLOR")
    renderer = structlog.dev.ConsoleRenderer(
        colors=colours, exception_formatter=structlog.dev.plain_traceback
    )
    return [_for_terminal, _in_local_time, renderer]


def _formatter(*, readable: bool = False, coloured: bool = False) -> logging.Formatter:
    last: list[structlog.typing.Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
    ]
    if readable:
        last += readable_processors(coloured=coloured)
    else:
        last += [_escape_surrogates, structlog.processors.JSONRenderer()]
    return structlog.stdlib.ProcessorFormatter(processors=last, foreign_pre_chain=_SHARED)
