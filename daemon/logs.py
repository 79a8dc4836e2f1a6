"""Structured logs: JSON lines to a rotating file in the log volume, readable lines on a terminal.

Where standard error is no terminal (a container, a service manager) it gets the same JSON lines.
"""

from __future__ import annotations

import logging
import logging.handlers
import sys
from pathlib import Path

import structlog

LOG_NAME = "ocr-daemon.jsonl"

_SHARED: list[structlog.typing.Processor] = [
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]


def set_up(folder: Path | None, level: str, file_bytes: int, files: int) -> None:
    """Send events to standard error and, when `folder` is given, to a rotating file in it."""
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level.lower()),
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
        root.addHandler(rotating)


def _formatter(*, readable: bool) -> logging.Formatter:
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if readable else structlog.processors.JSONRenderer()
    )
    last: list[structlog.typing.Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta
    ]
    if not readable:
        last.append(structlog.processors.format_exc_info)
    return structlog.stdlib.ProcessorFormatter(
        processors=[*last, renderer], foreign_pre_chain=_SHARED
    )
