"""`ocr-daemon once`: reads files and ends, with the engine of the daemon but without an inbox.

Progress is written to standard error, text to standard output.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from daemon.cli.batch import REPLACEABLE, BatchReader, FileResult, find
from daemon.cli.draw import DrawRequest, draw
from daemon.config.sections import DEFAULT_PROFILE
from daemon.config.settings import Config
from daemon.core import logs
from daemon.core.counters import Counters
from daemon.core.errors import Deferred, Exit
from daemon.core.records import Document, OutputKind, UnreadReason
from daemon.core.scratch import Scratch
from daemon.core.temporary import temporary_folder
from daemon.core.wakeup import WakeupPipe
from daemon.engine.create import create_engine
from daemon.outbox.publish import Outbox
from daemon.supervisor import preflight
from daemon.supervisor.wiring import engine_setup_for, policy

MAX_PAGES_NAMED = 10  # in a sentence
_REASONS: dict[UnreadReason, str] = {
    "low_confidence": "read with too low a confidence",
    "too_small": "too small",
    "not_legible": "not legible",
    "not_rendered": "could not be drawn",
}


def read_all(
    config: Config,
    paths: Sequence[Path],
    out: Path | None,
    look: Path | None,
    kinds: Sequence[OutputKind] = (),
    *,
    print_text: bool,
    profile: str = DEFAULT_PROFILE,
) -> Exit:
    """Read every file; sidecars go to `out`, or beside each file unless the text is printed.

    Outputs of the `kinds` go beside the sidecars, and pictures of the boxes into the folder
    `look`, if it is given. All files are read by one profile, wherever they lie.
    """
    config = config.for_profile(profile)
    preflight.refuse_bad_weights(config)
    logs.set_up(None, config.logging.level, 0, 0)
    files = list(find(paths, config.watch.ignore))
    names = {path: name for name, path in files}
    found = [(name if out else path.name, path) for name, path in files]
    wakeup = WakeupPipe()
    real = [Path(os.path.realpath(path)) for path in paths]
    failed = pages = 0
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        scratch = Scratch(stack.enter_context(temporary_folder())) if kinds else None
        setup = engine_setup_for(config, real, scratch)
        engine = create_engine(setup, wakeup.notify, Counters())
        stack.callback(engine.close)
        reader = BatchReader(engine, replace(policy(config, profile), outputs=tuple(kinds)), wakeup)
        engine.start()
        engine.warm()
        with _progress() as progress:
            bar = progress.add_task("reading", total=len(found), pages=0, rate=0.0)
            for result in reader.read(found):
                failed += result.document.status == "failed"
                _print_result(result, print_text=print_text)
                if out or kinds or not print_text:
                    failed += not _publish(reader, result, out or result.path.parent, scratch)
                if look:
                    failed += not _draw(config, result, look / names[result.path])
                pages += len(result.document.pages)
                rate = pages / (time.monotonic() - began)
                progress.update(bar, advance=1, pages=pages, rate=rate)
    return Exit.SOME_FAILED if failed else Exit.OK


def _publish(
    reader: BatchReader, result: FileResult, folder: Path, scratch: Scratch | None
) -> bool:
    """Write the sidecar and its outputs; print an error where the folder cannot be written."""
    outbox = Outbox(folder, f"drafts-{os.getpid()}", REPLACEABLE)
    try:
        with contextlib.suppress(FileExistsError):  # not a folder: the outbox reports that
            folder.mkdir(parents=True, exist_ok=True)
        reader.publish(result, outbox, scratch)
    except (Deferred, OSError) as error:
        _print_error(result, str(error))
        return False
    finally:
        outbox.clear_drafts()
    return True


def _draw(config: Config, result: FileResult, pictures: Path) -> bool:
    """Write a picture of each page that was read; print an error where that fails."""
    pages = tuple(page for page in result.document.pages if page.status != "failed")
    if not pages:
        return True
    in_sandbox = config.sandbox == "auto"
    request = DrawRequest(result.path, pages, config.limits, config.pdf, pictures, in_sandbox)
    failure = draw(request)
    if failure:
        _print_error(result, failure)
    return not failure


def _print_result(result: FileResult, *, print_text: bool) -> None:
    document = result.document
    if document.failure is not None:
        _print_error(result, document.failure.message)
    for warning in document.all_warnings:
        page = "" if warning.page is None else f"page {warning.page}: "
        _print_error(result, f"warning: {page}{warning.message}")
    if document.unread:
        _print_error(result, f"warning: {_unread_sentence(document)}")
    if print_text:
        text = "\n\n".join(page.text for page in document.pages if page.text)
        is_terminal = sys.stdout.isatty()
        print(logs.escape_controls(text, keep="\n\t") if is_terminal else text, flush=True)


def _unread_sentence(document: Document) -> str:
    """Return how many regions were not read, on which pages and why."""
    number = len(document.unread)
    pages = [str(page.number) for page in document.pages if page.unread]
    shown = ", ".join(pages[:MAX_PAGES_NAMED]) + (" ..." if len(pages) > MAX_PAGES_NAMED else "")
    reasons = Counter(region.reason for region in document.unread)
    regions = "1 region looks" if number == 1 else f"{number} regions look"
    where = f"page {shown}" if len(pages) == 1 else f"pages {shown}"
    why = ", ".join(f"{count} {_REASONS[reason]}" for reason, count in reasons.items())
    them = "it" if number == 1 else "them"
    return f"{regions} like text on {where} and could not be read ({why}); --look draws {them}"


def _print_error(result: FileResult, message: str) -> None:
    print(logs.escape_controls(f"{result.path}: {message}"), file=sys.stderr)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pages]} pages, {task.fields[rate]:.1f} pages/s"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )
