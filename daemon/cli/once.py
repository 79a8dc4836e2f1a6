"""`ocr-daemon once`: reads files and ends, with the engine of the daemon but without an inbox.

Results go to standard output: the paths of the files that were written, or the text, or JSON.
Progress, warnings and the summary go to standard error.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Literal

from daemon.cli.batch import REPLACEABLE, BatchReader, FileResult, find
from daemon.cli.draw import DrawRequest, draw
from daemon.cli.terminal import FileProgress
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
from daemon.outbox.sidecar import Sidecar
from daemon.supervisor import preflight
from daemon.supervisor.wiring import engine_setup_for, policy

STANDARD_INPUT = Path("-")
STANDARD_INPUT_NAME = "stdin"  # of what was read from it, in its answer
MAX_PAGES_NAMED = 10  # in a sentence
_COPY_BYTES = 1 << 20
_REASONS: dict[UnreadReason, str] = {
    "low_confidence": "read with too low a confidence",
    "too_small": "too small",
    "not_legible": "not legible",
    "not_rendered": "could not be drawn",
}
Printed = Literal["paths", "text", "json"]
"""What goes to standard output: the paths of what was written, the text, or a line of JSON each."""


@dataclass(frozen=True, slots=True)
class OnceRequest:
    """What is to be read, and where its results go.

    Sidecars go to `out`, or beside each file unless something else than their `printed` paths was
    asked for. Outputs of the `kinds` go beside the sidecars, and pictures of the boxes into the
    folder `look`. All files are read by one profile, wherever they lie. A `quiet` command prints
    errors only.
    """

    paths: Sequence[Path]
    out: Path | None = None
    look: Path | None = None
    kinds: Sequence[OutputKind] = ()
    printed: Printed = "paths"
    profile: str = DEFAULT_PROFILE
    quiet: bool = False

    @property
    def publishes(self) -> bool:
        """Whether sidecars are written."""
        return bool(self.out or self.kinds or self.printed == "paths")


def read_all(config: Config, request: OnceRequest) -> Exit:
    """Read every file and return the exit code: whether all could be read and written."""
    config = config.for_profile(request.profile)
    preflight.refuse_bad_weights(config)
    if config.engine.kind == "dask":
        preflight.refuse_bad_engine(config)
    logs.set_up(None, config.logging.level, log_format=config.logging.format)
    with contextlib.ExitStack() as stack:
        paths = [stack.enter_context(_on_disk(path, config)) for path in request.paths]
        files = list(find(paths, config.watch.ignore))
        command = _Command(config, replace(request, paths=paths), request.paths, files)
        with command.reading():
            command.read()
    return Exit.SOME_FAILED if command.failures else Exit.OK


@contextlib.contextmanager
def _on_disk(path: Path, config: Config) -> Iterator[Path]:
    """Yield the path of a file; standard input is copied to one, as far as it may be read."""
    if path != STANDARD_INPUT:
        yield path
        return
    with temporary_folder() as folder:
        copied = folder / STANDARD_INPUT_NAME
        with copied.open("wb") as file:
            _copy(sys.stdin.buffer, file, config.limits.file_megabytes * 1_000_000 + 1)
        yield copied


def _copy(source: BinaryIO, target: BinaryIO, most: int) -> None:
    """Copy at most `most` bytes: what is larger than the limit is refused when it is opened."""
    while most > 0 and (block := source.read(min(_COPY_BYTES, most))):
        most -= target.write(block)


class _Command:
    """One run of the command: its engine, what it prints, and how much could not be done."""

    def __init__(
        self,
        config: Config,
        request: OnceRequest,
        given: Sequence[Path],
        files: Sequence[tuple[str, Path]],
    ) -> None:
        """`given` are the paths as they were given, before standard input was copied."""
        self.failures = 0
        self._config = config
        self._request = request
        self._names = {path: name for name, path in files}
        inputs = zip(given, request.paths, strict=True)
        self._labels = {copy: "standard input" for path, copy in inputs if path != copy}
        self._found = [(name if request.out else path.name, path) for name, path in files]
        self._progress = FileProgress(len(files), quiet=request.quiet)
        self._statuses: Counter[str] = Counter()
        self._pages = 0
        self._scratch: Scratch | None = None
        self._reader: BatchReader

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Run the engine until the block ends, and print a summary."""
        config, request = self._config, self._request
        began = time.monotonic()
        with contextlib.ExitStack() as stack:
            if request.kinds:
                self._scratch = Scratch(stack.enter_context(temporary_folder()))
            stack.enter_context(self._progress.shown())
            wakeup = WakeupPipe()
            real = [Path(os.path.realpath(path)) for path in request.paths]
            setup = engine_setup_for(config, real, self._scratch)
            engine = create_engine(setup, wakeup.notify, Counters())
            stack.callback(engine.close)
            by = replace(policy(config, request.profile), outputs=tuple(request.kinds))
            self._reader = BatchReader(engine, by, wakeup, self._progress.show)
            if self._found:
                engine.start()
                engine.warm()
            yield
        if not request.quiet and (request.publishes or len(self._found) != 1):
            print(self._summary(time.monotonic() - began), file=sys.stderr)

    def read(self) -> None:
        """Read every file, whatever becomes of the others."""
        for result in self._reader.read(self._found):
            document = result.document
            self._statuses[document.status] += 1
            self._pages += len(document.pages)
            is_good = document.status != "failed"
            label = self._label(result)
            print_messages(label, document, only_errors=self._request.quiet)
            is_good &= self._write(result)
            if self._request.look:
                pictures = self._request.look / self._names[result.path]
                is_good &= self._draw(result, pictures)
            self.failures += not is_good
            self._progress.advance(len(document.pages))

    def _write(self, result: FileResult) -> bool:
        """Write and print the result of a file; return whether it could be written."""
        request, sidecar, written = self._request, None, []
        if request.publishes:
            try:
                published = self._publish(result, request.out or result.path.parent)
            except (Deferred, OSError) as error:
                _print_error(self._label(result), str(error))
                return False
            written, sidecar = published or ([], None)
        elif request.printed == "json":
            sidecar = self._reader.sidecar(result)
        if request.printed == "text":
            print_text(result.document)
        elif request.printed == "json" and sidecar is not None:
            _print(json.dumps(json.loads(b"".join(sidecar)), ensure_ascii=not _prints_utf8()))
        elif request.printed == "paths" and not request.quiet:
            for path in written:
                _print(logs.escape_controls(os.fspath(path)))
        return True

    def _publish(self, result: FileResult, folder: Path) -> tuple[list[Path], Sidecar] | None:
        outbox = Outbox(folder, f"drafts-{os.getpid()}", REPLACEABLE)
        try:
            with contextlib.suppress(FileExistsError):  # not a folder: the outbox reports that
                folder.mkdir(parents=True, exist_ok=True)
            return self._reader.publish(result, outbox, self._scratch)
        finally:
            outbox.clear_drafts()

    def _draw(self, result: FileResult, pictures: Path) -> bool:
        """Write a picture of each page that was read; print an error where that fails."""
        pages = tuple(page for page in result.document.pages if page.status != "failed")
        if not pages:
            return True
        config = self._config
        in_sandbox = config.sandbox == "auto"
        request = DrawRequest(result.path, pages, config.limits, config.pdf, pictures, in_sandbox)
        failure = draw(request)
        if failure:
            _print_error(self._label(result), failure)
        return not failure

    def _label(self, result: FileResult) -> str:
        return self._labels.get(result.path) or os.fspath(result.path)

    def _summary(self, seconds: float) -> str:
        """Return how many files were read, and what became of them."""
        if not self._found:
            return f"no files to read in {_enumerated(self._request.paths)}"
        statuses = ", ".join(f"{number} {status}" for status, number in self._statuses.items())
        files = _counted(len(self._found), "file")
        return f"{files}, {_counted(self._pages, 'page')} in {seconds:.1f} s: {statuses}"


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _enumerated(paths: Iterable[Path]) -> str:
    return ", ".join(logs.escape_controls(os.fspath(path)) for path in paths)


def _prints_utf8() -> bool:
    return (sys.stdout.encoding or "utf-8").lower().replace("-", "") == "utf8"


def print_messages(label: str, document: Document, *, only_errors: bool = False) -> None:
    """Print why a file was not read, and what its reader should know; `label` names the file."""
    if document.failure is not None:
        _print_error(label, document.failure.message)
    if only_errors:
        return
    for warning in document.all_warnings:
        page = "" if warning.page is None else f"page {warning.page}: "
        _print_error(label, f"warning: {page}{warning.message}")
    if document.unread:
        _print_error(label, f"warning: {_unread_sentence(document)}")


def print_text(document: Document) -> None:
    """Print the text of a document, without control characters on a terminal."""
    text = "\n\n".join(page.text for page in document.pages if page.text)
    _print(logs.escape_controls(text, keep="\n\t") if sys.stdout.isatty() else text)


def _print(text: str) -> None:
    print(text, flush=True)


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


def _print_error(label: str, message: str) -> None:
    print(logs.escape_controls(f"{label}: {message}"), file=sys.stderr)
