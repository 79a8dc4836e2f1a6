"""The commands of the console script; each imports its module inside, so that `run` stays small."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer

from daemon import __version__
from daemon.core.errors import Deferred, Exit, Misconfigured
from daemon.core.records import OutputKind

if TYPE_CHECKING:
    from daemon.config.settings import Config

app = typer.Typer(
    help="""A hot folder for OCR: images and PDFs in, JSON sidecars with their text out.

    Example: ocr-daemon run --config config.yaml""",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
config_app = typer.Typer(help="The configuration in force, and the schema of its file.")
systemd_app = typer.Typer(help="A service of systemd.")
app.add_typer(config_app, name="config", no_args_is_help=True)
app.add_typer(systemd_app, name="systemd", no_args_is_help=True)
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
KINDS = get_args(OutputKind)


def main() -> None:
    """Run the command on the command line."""
    with _errors_reported():
        app()


@contextmanager
def _errors_reported() -> Iterator[None]:
    try:
        yield
    except Misconfigured as error:
        print(f"ocr-daemon: {error}", file=sys.stderr)
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
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    del version


@app.command()
def run(
    config: ConfigFile = DEFAULT_CONFIG,
    inbox: Annotated[
        Path | None,
        typer.Option(
            help="the folder to watch; without a configuration file the other folders are made "
            "beside it"
        ),
    ] = None,
    outbox: Annotated[Path | None, typer.Option(help="the folder for the answers")] = None,
) -> None:
    """Watch the inbox and answer every file, in the foreground.

    Example: ocr-daemon run --inbox ./inbox
    """
    for name, folder in (("INBOX", inbox), ("OUTBOX", outbox)):
        if folder:  # in the environment, so that a reload finds it again
            os.environ[f"OCR_DAEMON__FOLDERS__{name}"] = str(folder.absolute())
    base = inbox.absolute().parent if inbox else None
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until a config has been loaded
    # structlog loads rich and asyncio where they are installed, and asyncio loads ssl: 8 MB that a
    # daemon never uses; a webhook loads ssl by itself
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type]
    sys.modules["ssl"] = None  # type: ignore[assignment]
    from daemon.core import logs
    from daemon.supervisor import main as supervisor

    del sys.modules["ssl"]

    supervisor.run(_load(config, base=base), lambda: _load(config, base=base))
    if not logs.drain():
        os._exit(Exit.OK)  # the log volume hangs, and the interpreter's end would wait for it


def _known_kinds(kinds: list[str] | None) -> list[str] | None:
    for kind in kinds or ():
        if kind not in KINDS:
            raise typer.BadParameter(f"unknown output {kind}; use one of {', '.join(KINDS)}")
    return kinds


@app.command()
def once(
    paths: Annotated[list[Path], typer.Argument(help="files, or folders to walk")],
    out: Annotated[
        Path | None, typer.Option(help="folder for the sidecars [default: beside each file]")
    ] = None,
    text: Annotated[bool, typer.Option("--text", help="print the text instead")] = False,
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
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Read files and end.

    Example: ocr-daemon once scan.pdf --output searchable_pdf
    """
    from daemon.cli import once as command

    loaded, kinds = _load(config), cast("list[OutputKind]", output or [])
    sys.exit(command.read_all(loaded, paths, out, look, kinds, print_text=text, profile=profile))


@app.command()
def check(config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Check config and environment and print what the daemon would do; writes nothing.

    Example: ocr-daemon check
    """
    from daemon.cli import check as command

    text, is_fit = command.check(_load(config))
    print(text)
    if not is_fit:
        sys.exit(Exit.MISCONFIGURED)


@app.command()
def status(config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Print what the ledger contains.

    Example: ocr-daemon status
    """
    from daemon.cli import status as command

    print(command.status(_load(config)))


@app.command()
def verify(
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="rebuild the ledger from the sidecars")
    ] = False,
    deep: Annotated[
        bool, typer.Option("--deep", help="also hash every original that is kept")
    ] = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Prove that landed = answered + waiting, and list what is refused or ignored, and why.

    Example: ocr-daemon verify
    """
    from daemon.cli import verify as command

    text, holds = command.report(_load(config), rebuild=rebuild, deep=deep)
    _print_result(text, is_good=holds)


@app.command()
def hooks(
    retry: Annotated[
        bool, typer.Option("--retry", help="retry failed notifications now, the dead ones too")
    ] = False,
    drop: Annotated[
        bool,
        typer.Option("--drop", help="drop dead notifications, and those to hooks that are gone"),
    ] = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Print which notifications are not delivered, and why.

    Example: ocr-daemon hooks --retry
    """
    from daemon.cli import hooks as command

    print(command.hooks(_load(config), retry=retry, drop=drop))


@app.command()
def retention(config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Print which originals retention would remove now; removes nothing.

    Example: ocr-daemon retention
    """
    from daemon.cli import retention as command

    print(command.retention(_load(config)))


@app.command()
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


@app.command()
def health(config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Print the health of the daemon: starting, ok, degraded (exit code 0) or down (1).

    Example: ocr-daemon health
    """
    from daemon.monitoring import heartbeat

    state = _load(config, touch_folders=False).folders.state
    status, sentence = heartbeat.diagnose(state, time.monotonic())
    _print_result(f"{status}: {sentence}", is_good=status != "down")


@app.command()
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


@app.command()
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


def _print_result(text: str, *, is_good: bool) -> None:
    """Print a result, and end with exit code 1 where it is not good."""
    print(text)
    if not is_good:
        sys.exit(Exit.SOME_FAILED)


def _load(path: Path | None, *, base: Path | None = None, touch_folders: bool = True) -> Config:
    from daemon.config.load import find, load

    return load(find(path), base=base, touch_folders=touch_folders)
