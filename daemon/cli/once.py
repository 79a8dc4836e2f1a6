"""`ocr-daemon once`, the same engine without the watching.

Progress goes to standard error, text to standard output.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from daemon.cli.batch import REPLACEABLE, BatchReader, FileResult, find
from daemon.cli.draw import Drawing, draw
from daemon.config.sections import DEFAULT_PROFILE
from daemon.config.settings import Config
from daemon.core import logs
from daemon.core.errors import Deferred, Exit
from daemon.core.records import OutputKind
from daemon.core.scratch import Scratch
from daemon.core.wakeup import WakeupPipe
from daemon.outbox.publish import Outbox
from daemon.supervisor import preflight
from daemon.supervisor.outputs import DerivedOutputs
from daemon.supervisor.wiring import engine, policy, pool_setup


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

    Outputs of the `kinds` lie beside the sidecars, pictures of what was seen in `look`, if it is
    given. All are read by one profile, wherever they lie.
    """
    config = config.for_profile(profile)
    preflight.refuse_bad_weights(config)
    logs.set_up(None, config.logging.level, 0, 0)
    asked = [(path, name) for name, path in find(paths, config.watch.ignore)]
    names, found = dict(asked), [(name if out else path.name, path) for path, name in asked]
    wakeup = WakeupPipe()
    scratch = Scratch(Path(tempfile.mkdtemp(prefix="ocr-daemon-")))
    real = [Path(os.path.realpath(path)) for path in paths]
    workers = engine(pool_setup(config, real, scratch if kinds else None), wakeup)
    reader = BatchReader(workers, replace(policy(config, profile), outputs=tuple(kinds)), wakeup)
    failed = pages = 0
    began = time.monotonic()
    try:
        workers.warm()
        with _progress() as progress:
            bar = progress.add_task("reading", total=len(found), pages=0, rate=0.0)
            for reading in reader.read(found):
                failed += reading.document.status == "failed"
                _tell(reading, print_text=print_text)
                if out or kinds or not print_text:
                    failed += not _publish(reader, reading, out or reading.path.parent, scratch)
                if look:
                    failed += not _draw(config, reading, look / names[reading.path])
                pages += len(reading.document.pages)
                rate = pages / (time.monotonic() - began)
                progress.update(bar, advance=1, pages=pages, rate=rate)
    finally:
        workers.stop()
        scratch.remove()
    return Exit.SOME_FAILED if failed else Exit.OK


def _publish(reader: BatchReader, reading: FileResult, folder: Path, scratch: Scratch) -> bool:
    """Write the sidecar and its outputs; say so where the folder refuses them."""
    outbox = Outbox(folder, f"drafts-{os.getpid()}", REPLACEABLE)
    try:
        with contextlib.suppress(FileExistsError):  # no folder: the outbox says so
            folder.mkdir(parents=True, exist_ok=True)
        reader.publish(reading, outbox, DerivedOutputs(outbox, scratch))
    except (Deferred, OSError) as error:
        _complain(reading, str(error))
        return False
    finally:
        outbox.clear_drafts()
    return True


def _draw(config: Config, reading: FileResult, pictures: Path) -> bool:
    """Write a picture of each page that was read; say so where that fails."""
    pages = tuple(page for page in reading.document.pages if page.status != "failed")
    if not pages:
        return True
    in_sandbox = config.sandbox == "auto"
    drawing = Drawing(reading.path, pages, config.limits, config.pdf, pictures, in_sandbox)
    failure = draw(drawing)
    if failure:
        _complain(reading, failure)
    return not failure


def _tell(reading: FileResult, *, print_text: bool) -> None:
    document = reading.document
    if document.failure is not None:
        _complain(reading, document.failure.message)
    if print_text:
        text = "\n\n".join(page.text for page in document.pages if page.text)
        is_watched = sys.stdout.isatty()
        print(logs.escape_controls(text, keep="\n\t") if is_watched else text, flush=True)


def _complain(reading: FileResult, sentence: str) -> None:
    print(logs.escape_controls(f"{reading.path}: {sentence}"), file=sys.stderr)


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
