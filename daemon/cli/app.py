"""The commands of the console script; each imports its module inside, so that `run` stays small."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Literal, cast, get_args

import typer

from daemon import __version__
from daemon.cli.help import DOCUMENTS, OPERATING, READING, SETTING_UP, GroupedCommands
from daemon.core.errors import Deferred, Exit, Misconfigured
from daemon.core.records import OutputKind

if TYPE_CHECKING:
    from daemon.cli.report import Report
    from daemon.config.settings import Config

app = typer.Typer(
    help="""A hot folder for OCR: images and PDFs in, JSON sidecars with their text out.

    Example: ocr-daemon run --config config.yaml""",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    cls=GroupedCommands,
    rich_markup_mode=None,  # rich takes longer to load than all the rest of `--help`
    context_settings={"help_option_names": ["-h", "--help"]},
)
config_app = typer.Typer(help="The configuration in force, and the schema of its file.")
systemd_app = typer.Typer(help="A service of systemd.")
app.add_typer(config_app, name="config", no_args_is_help=True, rich_help_panel=SETTING_UP)
app.add_typer(systemd_app, name="systemd", no_args_is_help=True, rich_help_panel=SETTING_UP)
ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        help="the configuration file [default: $OCR_DAEMON_CONFIG, ./config.yaml, "
        "~/.config/ocr-daemon/config.yaml, /etc/ocr-daemon/config.yaml; without any, the defaults]",
    ),
]
DEFAULT_CONFIG = None
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="print errors only")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="print also what is logged")]
QuietLog = Annotated[bool, typer.Option("--quiet", "-q", help="log warnings and errors only")]
VerboseLog = Annotated[bool, typer.Option("--verbose", "-v", help="log also at DEBUG")]
EngineKind = Literal["local", "dask"]
EngineChoice = Annotated[
    EngineKind | None,
    typer.Option("--engine", help="where pages are read [default: engine.kind of the config]"),
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="the scheduler of the Dask cluster, such as tls://host:8786 "
        "[default: engine.scheduler of the config]",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]
Which = Literal["recent", "failed", "waiting"]
Level = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
Rereadable = Literal["done", "partial"]
Shell = Literal["bash", "zsh", "fish"]
KINDS = get_args(OutputKind)


def main() -> None:
    """Run the command on the command line."""
    with _errors_reported():
        if "_OCR_DAEMON_COMPLETE" in os.environ:
            from daemon.cli import completion

            completion.prepare()
        app(prog_name="ocr-daemon")


@contextmanager
def _errors_reported() -> Iterator[None]:
    try:
        yield
    except Misconfigured as error:
        notes = getattr(error, "__notes__", ())
        print("\n".join([f"ocr-daemon: {error}", *notes]), file=sys.stderr)
        sys.exit(Exit.MISCONFIGURED)
    except (Deferred, OSError) as error:
        print(f"ocr-daemon: {error}; restore it and try again", file=sys.stderr)
        sys.exit(Exit.SOME_FAILED)
    except KeyboardInterrupt:
        sys.exit(Exit.INTERRUPTED)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"ocr-daemon {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", "-V", callback=_version, is_eager=True, help="print the version"),
    ] = False,
) -> None:
    del version


@app.command(rich_help_panel=READING)
def run(
    inbox: Annotated[
        Path | None,
        typer.Option(
            help="the folder to watch; without a configuration file the other folders are made "
            "beside it"
        ),
    ] = None,
    outbox: Annotated[Path | None, typer.Option(help="the folder for the answers")] = None,
    engine: EngineChoice = None,
    scheduler: Scheduler = None,
    quiet: QuietLog = False,
    verbose: VerboseLog = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Watch the inbox and answer every file, in the foreground.

    Example: ocr-daemon run --inbox ./inbox
    """
    for name, folder in (("INBOX", inbox), ("OUTBOX", outbox)):
        if folder:  # in the environment, so that a reload finds it again
            os.environ[f"OCR_DAEMON__FOLDERS__{name}"] = str(folder.absolute())
    _choose_engine(engine, scheduler)
    base = inbox.absolute().parent if inbox else None
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until a config has been loaded
    # structlog loads rich where it is installed, pydantic-settings asyncio, and others ssl: 10 MB
    # that a daemon never uses; a webhook loads ssl by itself
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type]
    names = ["ssl", "asyncio"]
    loaded = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    sys.modules["ssl"] = None  # type: ignore[assignment]
    sys.modules["asyncio"] = ModuleType("asyncio")
    from daemon.core import logs
    from daemon.supervisor import main as supervisor

    del sys.modules["ssl"], sys.modules["asyncio"]
    sys.modules.update(loaded)  # the Dask engine uses them

    def load() -> Config:
        return _at_level(_load(config, base=base), quiet=quiet, verbose=verbose)

    supervisor.run(load(), load)
    if not logs.drain():
        os._exit(Exit.OK)  # the log volume hangs, and the interpreter's end would wait for it


def _known_kinds(kinds: list[str] | None) -> list[str] | None:
    for kind in kinds or ():
        if kind not in KINDS:
            raise typer.BadParameter(f"unknown output {kind}; use one of {', '.join(KINDS)}")
    return kinds


@app.command(rich_help_panel=READING)
def once(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATHS", help="files, folders to walk, or - for standard input"),
    ],
    out: Annotated[
        Path | None, typer.Option(help="folder for the sidecars [default: beside each file]")
    ] = None,
    text: Annotated[
        bool, typer.Option("--text", help="print the text; writes sidecars only with --out")
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="print the JSON of each file, a line each"),
    ] = False,
    look: Annotated[
        Path | None,
        typer.Option(
            help="folder for a PNG of each page with boxes, reading order, doubtful words and "
            "unread regions"
        ),
    ] = None,
    profile: Annotated[
        str, typer.Option(help="name of the profile to read by, wherever the files lie")
    ] = "default",
    output: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND",
            callback=_known_kinds,
            help=f"{', '.join(KINDS)}: written beside each sidecar; repeatable",
        ),
    ] = None,
    engine: EngineChoice = None,
    scheduler: Scheduler = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Read files and end; print the paths of what was written, the text, or JSON.

    Standard input (-) is printed as text where neither --json nor --out is given.

    \b
    Example: ocr-daemon once scan.pdf --output searchable_pdf
    ocr-daemon once scans/ --out answers/ --output markdown --output xlsx
    ocr-daemon once - --text < scan.png
    """
    reads_input = _check_paths(paths, can_write=bool(out or not output))
    if text and as_json:
        raise typer.BadParameter("--text and --json both print to standard output; choose one")
    from daemon.cli import once as command

    printed: command.Printed = "json" if as_json else "text" if text else "paths"
    if reads_input and printed == "paths" and not out:
        printed = "text"
    kinds = cast("list[OutputKind]", output or [])
    _choose_engine(engine, scheduler)
    loaded = _at_level(_load(config), quiet=quiet, verbose=verbose)
    if out or kinds or printed == "paths":
        _refuse_results_in_inbox([out] if out else paths, loaded.folders.inbox)
    request = command.OnceRequest(paths, out, look, kinds, printed, profile, quiet)
    sys.exit(command.read_all(loaded, request))


@app.command(rich_help_panel=READING)
def worker(
    scheduler: Scheduler = None,
    name: Annotated[
        str | None,
        typer.Option(help="what logs call this worker [default: host and process]"),
    ] = None,
    quiet: QuietLog = False,
    verbose: VerboseLog = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Read pages for daemons whose engine is a Dask cluster, until SIGTERM.

    Its models must be those of the daemons; the number of its workers and their limits are its own.

    Example: ocr-daemon worker --scheduler tls://host:8786
    """
    _require("distributed", "dask")
    _choose_engine(None, scheduler)
    from daemon.cli import worker as command

    loaded = _at_level(_load(config, touch_folders=False), quiet=quiet, verbose=verbose)
    command.serve(loaded, name)


def _choose_engine(engine: EngineKind | None, scheduler: str | None) -> None:
    """Put a choice into the environment, so that a reload finds it again."""
    for key, value in (("KIND", engine), ("SCHEDULER", scheduler)):
        if value is not None:
            os.environ[f"OCR_DAEMON__ENGINE__{key}"] = value


@app.command(rich_help_panel=READING)
def merge(
    out: Annotated[Path, typer.Argument(metavar="OUT.pdf", help="the file to be written")],
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATHS", help="images, PDFs, or folders of them")
    ],
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Merge images and PDFs into one PDF, as they are; it appears when it is complete.

    Pages are in the order of the paths; the files of a folder are in the order in which people
    count. Nothing is read, removed or overwritten.

    \b
    Example: ocr-daemon merge inbox/batch.pdf scans/
    ocr-daemon merge letter.pdf page1.jpg page2.jpg
    """
    from daemon.cli import merge as command

    for path in paths:
        if not os.path.lexists(path):
            raise typer.BadParameter(f"{path}: no such file or folder")
    sys.exit(command.merge(_load(config, touch_folders=False), out, paths))


def _check_paths(paths: list[Path], *, can_write: bool) -> bool:
    """Refuse paths that are not there; return whether standard input is one of them.

    Of standard input nothing can be written beside the file.
    """
    for path in paths:
        if path != Path("-") and not os.path.lexists(path):
            raise typer.BadParameter(f"{path}: no such file or folder")
    inputs = paths.count(Path("-"))
    if inputs > 1:
        raise typer.BadParameter("standard input (-) can be read once only")
    if inputs and (sys.stdin is None or sys.stdin.isatty()):
        raise typer.BadParameter("standard input (-) is a terminal; pipe a file into it")
    if inputs and not can_write:
        raise typer.BadParameter("name a folder for the outputs of standard input (--out)")
    return bool(inputs)


def _refuse_results_in_inbox(places: list[Path], inbox: Path) -> None:
    """Refuse to write results where the daemon would take them for files to be read."""
    for place in places:
        if place != Path("-") and place.resolve().is_relative_to(inbox.resolve()):
            reason = f"{place} is in the inbox, where the daemon would take the results for scans"
            raise typer.BadParameter(f"{reason}; name another folder for them (--out)")


@app.command(rich_help_panel=SETTING_UP)
def check(as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Check config and environment and print what the daemon would do; writes nothing.

    Example: ocr-daemon check
    """
    from daemon.cli import check as command

    _print_report(command.check(_load(config)), as_json=as_json, otherwise=Exit.MISCONFIGURED)


@app.command(rich_help_panel=DOCUMENTS)
def status(as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Count the files that are done, failed and waiting.

    Example: ocr-daemon status
    """
    from daemon.cli import status as command

    _print_report(command.status(_load(config)), as_json=as_json)


@app.command(rich_help_panel=OPERATING)
def verify(
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="rebuild the ledger from the sidecars")
    ] = False,
    deep: Annotated[
        bool, typer.Option("--deep", help="also hash every original that is kept")
    ] = False,
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Check that no file was lost (landed = answered + waiting); list what will not be read.

    Example: ocr-daemon verify
    """
    from daemon.cli import verify as command

    _print_report(command.report(_load(config), rebuild=rebuild, deep=deep), as_json=as_json)


@app.command(rich_help_panel=OPERATING)
def hooks(
    retry: Annotated[
        bool, typer.Option("--retry", help="retry failed notifications now, the dead ones too")
    ] = False,
    drop: Annotated[
        bool,
        typer.Option("--drop", help="drop dead notifications, and those to hooks that are gone"),
    ] = False,
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Print which notifications are not delivered, and why.

    Example: ocr-daemon hooks --retry
    """
    from daemon.cli import hooks as command

    _print_report(command.hooks(_load(config), retry=retry, drop=drop), as_json=as_json)


@app.command(rich_help_panel=OPERATING)
def retention(as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Print which originals retention would remove now; removes nothing.

    Example: ocr-daemon retention
    """
    from daemon.cli import retention as command

    _print_report(command.retention(_load(config)), as_json=as_json)


@app.command(rich_help_panel=SETTING_UP)
def observe(
    folder: Annotated[Path, typer.Argument(help="where the scanner writes; nothing is changed")],
    minutes: Annotated[
        float | None, typer.Option(min=0.0, help="how long [default: until Ctrl-C]")
    ] = None,
    record: Annotated[
        Path | None, typer.Option(help="file for the observations, a line of JSON each")
    ] = None,
) -> None:
    """Watch how a scanner writes and recommend the `watch` section of the config.

    Example: ocr-daemon observe /srv/scans --minutes 10
    """
    from daemon.cli import observe as command

    command.run(folder, minutes, record)


@app.command(rich_help_panel=OPERATING)
def health(as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Print the health of the daemon: starting, ok, degraded (exit code 0) or down (1).

    Example: ocr-daemon health
    """
    from daemon.cli.reload import running_pid
    from daemon.cli.report import Report
    from daemon.config.load import find, state_folder
    from daemon.monitoring import heartbeat

    try:
        state = _load(config, touch_folders=False).folders.state
    except Misconfigured as error:  # the daemon that runs still has the config that it started with
        state = state_folder(find(config))
        print(f"ocr-daemon: {error}", file=sys.stderr)
    status, sentence = heartbeat.diagnose(state, time.monotonic())
    pid = running_pid(state)
    values = {"status": status, "message": sentence, "pid": pid}
    named = f" (pid {pid})" if pid and "(pid " not in sentence else ""
    text = f"{status}: {sentence}{named}"
    _print_report(Report(text, values, status != "down"), as_json=as_json)


@app.command(rich_help_panel=READING)
def web(
    config: ConfigFile = DEFAULT_CONFIG,
    daemon_pid: Annotated[int, typer.Option(hidden=True)] = 0,
) -> None:
    """Serve the web page and the REST interface, in the foreground; `run` reads uploads.

    Example: ocr-daemon web
    """
    # rich is loaded where it is found: 8 MB that a server never uses
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type]
    from daemon.supervisor import web_process

    if daemon_pid:
        web_process.die_with(daemon_pid)
    loaded = web_process.config_from_daemon() if daemon_pid else _load(config)
    web_process.refuse_missing()
    from daemon.web import server

    server.run(loaded)


@app.command(rich_help_panel=READING)
def mcp(
    allow: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FOLDER",
            help="files in this folder may be read too, beside those in inbox, outbox, archive and "
            "failed; repeatable",
        ),
    ] = None,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Serve documents to language models over standard input and output (MCP).

    Example: ocr-daemon mcp --allow ~/Documents
    """
    _require("mcp", "mcp")
    from daemon.cli import mcp_server as command

    for folder in allow or ():
        if not folder.is_dir():
            raise typer.BadParameter(f"{folder}: no such folder")
    command.run(_load(config), allow or ())


@app.command(rich_help_panel=READING)
def fetch_mail(
    url: Annotated[
        str,
        typer.Argument(
            metavar="URL",
            help="imaps://USER@HOST[:PORT]/FOLDER, or imap:// for STARTTLS; %40 is an @ in USER",
        ),
    ],
    into: Annotated[str, typer.Option(help="the folder of the inbox for the files")] = "mail",
    move_to: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="folder of the server to which messages are moved when they are done [default: "
            "they stay, and get the keyword OcrDaemonDone]",
        ),
    ] = None,
    password_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="file with the password [default: the variable IMAP_PASSWORD]"
        ),
    ] = None,
    ca_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="certificates to trust instead of the system's"),
    ] = None,
    max_megabytes: Annotated[
        float, typer.Option(min=0.001, help="MB; larger messages are left where they are")
    ] = 64.0,
    quiet: Quiet = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Put the images and PDFs of new e-mails into the inbox, and end; a timer repeats it.

    Example: ocr-daemon fetch-mail imaps://scans%40example.org@mail.example.org/INBOX
    """
    _require("imap_tools", "mail")
    from daemon.cli import fetch_mail as command

    request = command.FetchRequest(
        url=url, into=into, move_to=move_to, password_file=password_file, ca_file=ca_file,
        megabytes=max_megabytes, quiet=quiet,
    )  # fmt: skip
    sys.exit(command.fetch(_load(config), request))


@app.command("list", rich_help_panel=DOCUMENTS)
def list_documents(
    which: Annotated[
        Which,
        typer.Argument(
            metavar="WHICH",
            help="recent: the last answers; failed: files that could not be read; waiting: files "
            "that are read now or wait, with the reason",
        ),
    ] = "recent",
    limit: Annotated[int, typer.Option(min=1, help="number of documents")] = 20,
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """List the last answers, the failed files with the reason, or what waits and why.

    Example: ocr-daemon list failed
    """
    from daemon.cli import list_documents as command

    _print_report(command.list_documents(_load(config), which, limit), as_json=as_json)


@app.command(rich_help_panel=DOCUMENTS)
def retry(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAMES",
            help="paths as `list failed` prints them, names in any folder, or patterns in quotes: "
            "*.pdf",
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="retry all failed files")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only print which files")] = False,
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Put failed files back into the inbox, to be read again.

    You may mend a file in the folder of failed files first. The new answer takes the place of the
    failed one.

    Example: ocr-daemon retry scan.pdf
    """
    if bool(names) == everything:
        raise typer.BadParameter("name failed files or patterns, or write --all")
    from daemon.cli import retry as command

    report = command.retry(_load(config), names or [], everything=everything, dry_run=dry_run)
    _print_report(report, as_json=as_json)


@app.command(rich_help_panel=DOCUMENTS)
def reread(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAMES",
            help="paths of files, names in any folder, or patterns in quotes: 2024/*.pdf",
        ),
    ] = None,
    older_model: Annotated[
        bool, typer.Option("--older-model", help="answers of another model than the present one")
    ] = False,
    below: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="answers with a lower mean confidence")
    ] = None,
    status: Annotated[
        Rereadable | None, typer.Option(help="answers with this status: done or partial")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="all answers")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only print which")] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="withdraw what waits")] = False,
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Read answered documents again when there is time, and replace their answers.

    Without any selection it prints how many wait, and which answers were kept and why. Several
    selections select what meets all of them. Files that failed are read again by retry.

    \b
    Example: ocr-daemon reread --older-model
    ocr-daemon reread --below 0.8 --status partial --dry-run
    """
    from daemon.cli import reread as command

    loaded = _load(config)
    if cancel:
        report = command.cancel(loaded)
    elif everything or names or older_model or below is not None or status:
        selection = command.AnswerFilter(names or (), older_model, below, status)
        report = command.reread(loaded, selection, dry_run=dry_run)
    else:
        report = command.progress(loaded)
    _print_report(report, as_json=as_json)


@app.command("logs", rich_help_panel=OPERATING)
def show_logs(
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="go on with what is logged from now on")
    ] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="number of last lines")] = 50,
    level: Annotated[Level, typer.Option(help="the lowest level that is printed")] = "DEBUG",
    as_json: Annotated[
        bool, typer.Option("--json", help="print the lines of JSON as they are")
    ] = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Print the log of the daemon, with local time.

    Example: ocr-daemon logs --follow --level WARNING
    """
    from daemon.cli import show_logs as command

    folder = _load(config, touch_folders=False).folders.logs
    if not command.show(folder, lines, level, follow=follow, as_json=as_json):
        print(f"no log in {folder}: the daemon has not run here yet", file=sys.stderr)


@app.command(rich_help_panel=OPERATING)
def reload(
    seconds: Annotated[
        float, typer.Option(min=0.0, help="how long to wait for what the daemon says")
    ] = 10.0,
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Let the running daemon read its config again, and print what changes.

    Example: ocr-daemon reload
    """
    from daemon.cli import reload as command

    _print_report(command.reload(_load(config), seconds), as_json=as_json)


@app.command(rich_help_panel=SETTING_UP)
def completion(
    shell: Annotated[Shell, typer.Argument(metavar="SHELL", help="bash, zsh or fish")],
) -> None:
    """Print the script with which a shell completes commands and options.

    \b
    Example: ocr-daemon completion bash > ~/.local/share/bash-completion/completions/ocr-daemon
    ocr-daemon completion zsh > ~/.zfunc/_ocr-daemon
    ocr-daemon completion fish > ~/.config/fish/completions/ocr-daemon.fish
    """
    from daemon.cli import completion as command

    print(command.script(shell))


@app.command(rich_help_panel=SETTING_UP)
def init(
    file: Annotated[Path, typer.Argument(help="the file to write")] = Path("config.yaml"),
    full: Annotated[bool, typer.Option("--full", help="with every key, explained")] = False,
) -> None:
    """Write a commented configuration file.

    Example: ocr-daemon init
    """
    from daemon.cli import configuration as command

    print(command.write_config(file, with_every_key=full))


@config_app.command("show")
def config_show(
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: Annotated[bool, typer.Option("--json", help="as JSON instead of YAML")] = False,
) -> None:
    """Print every key with the value in force, from file, environment and defaults.

    Example: ocr-daemon config show
    """
    from daemon.cli import configuration as command

    print(command.shown(_load(config), as_json=as_json), end="\n" if as_json else "")


@config_app.command("schema")
def config_schema() -> None:
    """Print the JSON Schema of the configuration file, with which editors complete and check it.

    Example: ocr-daemon config schema > config.schema.json
    """
    from daemon.cli import configuration as command

    print(command.schema(), end="")


@app.command(rich_help_panel=SETTING_UP)
def separators(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="the PDF to write")],
    text: Annotated[
        str, typer.Option(help="the content of the codes; separation.pattern must match it")
    ] = "SEPARATOR",
    sheets: Annotated[int, typer.Option(min=1, max=500, help="number of pages")] = 1,
    patch: Annotated[
        Literal["1", "2", "3", "4", "6", "T"] | None,
        typer.Option(help="a patch code at each edge, for scanners that know no other"),
    ] = None,
) -> None:
    """Write a PDF with separator sheets to print and lay between the documents of a batch.

    \b
    Example: ocr-daemon separators sheets.pdf --sheets 20
    ocr-daemon separators sheets.pdf --patch T
    """
    from daemon.cli import separators as command

    sys.exit(command.write(text, sheets, patch, target))


@systemd_app.command("install")
def systemd_install(
    config: ConfigFile = DEFAULT_CONFIG,
    user: Annotated[
        bool,
        typer.Option(
            "--user", help="a service of this user (for one of the machine, see docs/systemd.md)"
        ),
    ] = False,
) -> None:
    """Write the unit of a service that runs in this folder, and print how to start it.

    Example: ocr-daemon systemd install --user
    """
    from daemon.cli import systemd as command
    from daemon.config.load import find

    if not user:
        raise typer.BadParameter("add --user; docs/systemd.md has a service of the whole machine")
    _load(config, touch_folders=False)  # refused now, not in the journal
    print(command.install(find(config)))


def _require(package: str, extra: str) -> None:
    """Raise Misconfigured where the package of a command is not installed."""
    from importlib.util import find_spec

    if find_spec(package) is None:
        remedy = (
            f"is not installed; install the extra [{extra}] (pip install 'ocr-daemon[{extra}]')"
        )
        raise Misconfigured("package", package, remedy)


def _print_report(report: Report, *, as_json: bool, otherwise: Exit = Exit.SOME_FAILED) -> None:
    """Print a report, and end with the exit code `otherwise` where it is not good."""
    print(report.json if as_json else report.text)
    if not report.is_good:
        sys.exit(otherwise)


def _at_level(config: Config, *, quiet: bool, verbose: bool) -> Config:
    """Return the config with the level of the log that the command line asks for."""
    if quiet == verbose:
        return config
    level = "WARNING" if quiet else "DEBUG"
    return config.model_copy(update={"logging": config.logging.model_copy(update={"level": level})})


def _load(path: Path | None, *, base: Path | None = None, touch_folders: bool = True) -> Config:
    from daemon.config.load import find, load

    try:
        return load(find(path), base=base, touch_folders=touch_folders)
    except Misconfigured as error:
        if _runs_beside(path):
            kept = "the daemon that runs keeps its earlier config"
            error.add_note(f"{kept}; correct the new one, then `ocr-daemon reload`")
        raise


def _runs_beside(path: Path | None) -> bool:
    """Tell whether a daemon runs on the state folder of a config that is invalid."""
    from daemon.cli.reload import running_pid
    from daemon.config.load import find, state_folder

    with suppress(Misconfigured):
        return running_pid(state_folder(find(path))) is not None
    return False
