"""The commands; each imports what it needs inside, so that the daemon stays small."""

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
    help="""The folder that reads what is dropped into it: images and PDFs in, JSON sidecars out.

    Example: ocr-daemon run --config config.yaml""",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
ConfigFile = Annotated[Path, typer.Option("--config", help="the configuration file")]
DEFAULT_CONFIG = Path("config.yaml")
KINDS = get_args(OutputKind)


def main() -> None:
    """Run the command on the command line."""
    with _errors_told():
        app()


@contextmanager
def _errors_told() -> Iterator[None]:
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
def run(config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Watch the inbox and answer every file, in the foreground.

    Example: ocr-daemon run
    """
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until there is a config that could be old
    # structlog loads rich and asyncio where it finds them, and asyncio ssl: 8 MB that a daemon
    # never uses; a hook that posts loads ssl by itself
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type]
    sys.modules["ssl"] = None  # type: ignore[assignment]
    from daemon.core import logs
    from daemon.supervisor import main as daemon

    del sys.modules["ssl"]

    daemon.run(_load(config), lambda: _load(config))
    if not logs.drain():
        os._exit(Exit.OK)  # the log volume hangs, and the end of the interpreter would wait for it


def _kinds(said: list[str] | None) -> list[str] | None:
    for kind in said or ():
        if kind not in KINDS:
            raise typer.BadParameter(f"{kind} is none of {', '.join(KINDS)}")
    return said


@app.command()
def once(
    paths: Annotated[list[Path], typer.Argument(help="files, or folders to walk")],
    out: Annotated[
        Path | None, typer.Option(help="folder for the sidecars [default: beside each file]")
    ] = None,
    text: Annotated[bool, typer.Option("--text", help="print the text instead")] = False,
    look: Annotated[
        Path | None,
        typer.Option(help="folder for a PNG of each page with boxes, order, doubtful words"),
    ] = None,
    profile: Annotated[
        str, typer.Option(help="read as the profile of this name says, wherever the files lie")
    ] = "default",
    output: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND",
            callback=_kinds,
            help=f"{', '.join(KINDS)}: written beside each sidecar; repeatable",
        ),
    ] = None,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Read files now and end.

    Example: ocr-daemon once scan.pdf --output searchable_pdf
    """
    from daemon.cli import once as terminal

    loaded, kinds = _load(config), cast("list[OutputKind]", output or [])
    sys.exit(terminal.read_all(loaded, paths, out, look, kinds, print_text=text, profile=profile))


@app.command()
def check(config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Look at config and environment and say what would happen.

    Example: ocr-daemon check
    """
    from daemon.cli.describe import plan
    from daemon.supervisor import preflight

    loaded = _load(config)
    findings = list(preflight.findings(loaded))
    for finding in findings:
        kind = "error" if finding.is_fatal else "warning"
        print(f"{kind}: {finding.key} = {finding.value}: {finding.remedy}")
    print(plan(loaded))
    if any(finding.is_fatal for finding in findings):
        sys.exit(Exit.MISCONFIGURED)


@app.command()
def status(config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Say what the ledger knows.

    Example: ocr-daemon status
    """
    from daemon.cli import status

    print(status.status(_load(config)))


@app.command()
def verify(
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="make the ledger anew from the sidecars")
    ] = False,
    deep: Annotated[
        bool, typer.Option("--deep", help="hash every original that is kept, too")
    ] = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Prove that landed = answered + waiting.

    Example: ocr-daemon verify
    """
    from daemon.cli import status

    sentence, holds = status.verify(_load(config), rebuild=rebuild, deep=deep)
    _say(sentence, is_good=holds)


@app.command()
def hooks(
    retry: Annotated[
        bool, typer.Option("--retry", help="try at once again what failed, the dead too")
    ] = False,
    drop: Annotated[
        bool, typer.Option("--drop", help="forget the dead, and those to hooks that are gone")
    ] = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Say whom answers are still to be told, and why that failed.

    Example: ocr-daemon hooks --retry
    """
    from daemon.cli import status

    print(status.hooks(_load(config), retry=retry, drop=drop))


@app.command()
def retention(config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Say what the retention of the config would remove now; removes nothing.

    Example: ocr-daemon retention
    """
    from daemon.cli import status

    print(status.retention(_load(config)))


@app.command()
def observe(
    folder: Annotated[Path, typer.Argument(help="where the scanner writes; only looked at")],
    minutes: Annotated[
        float | None, typer.Option(min=0.0, help="how long [default: until Ctrl-C]")
    ] = None,
    record: Annotated[
        Path | None, typer.Option(help="file for what was seen, a line of JSON each")
    ] = None,
) -> None:
    """Watch how a scanner writes and recommend the `watch` section of the config.

    Example: ocr-daemon observe /srv/scans --minutes 10
    """
    from daemon.cli import observe as observation

    observation.run(folder, minutes, record)


@app.command()
def health(config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Print the health of the daemon: starting, ok, degraded (exit code 0) or down (1).

    Example: ocr-daemon health
    """
    from daemon.monitoring import heartbeat

    state = _load(config, touch_folders=False).folders.state
    status, sentence = heartbeat.diagnose(state, time.monotonic())
    _say(f"{status}: {sentence}", is_good=status != "down")


@app.command()
def web(
    config: ConfigFile = DEFAULT_CONFIG,
    daemon_pid: Annotated[int, typer.Option(hidden=True)] = 0,
) -> None:
    """Serve the page and the REST interface, in the foreground; `run` reads what is uploaded.

    Example: ocr-daemon web
    """
    # loaded where found, 8 MB that a server never uses
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type]
    from daemon.supervisor import web_process

    if daemon_pid:
        web_process.die_with(daemon_pid)
    loaded = web_process.handed_over() if daemon_pid else _load(config)
    web_process.refuse_missing()
    from daemon.web import server

    server.run(loaded)


def _say(sentence: str, *, is_good: bool) -> None:
    """Print what was found, and end with exit code 1 where it is not good."""
    print(sentence)
    if not is_good:
        sys.exit(Exit.SOME_FAILED)


def _load(path: Path, *, touch_folders: bool = True) -> Config:
    from daemon.config.load import load

    return load(path, touch_folders=touch_folders)
