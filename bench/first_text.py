"""Time, disk and commands from nothing to the first text: `make run`, the wheel by uv and by pip.

    python -m bench.first_text [--ways make uv pip] [--uv .tools/bin/uv]

Each way starts in an empty folder with an empty cache of its own; what is downloaded comes from
where pip and uv are set up to look. The wheel must be there (`make dist`). Help is timed too: the
processor time of `ocr-daemon --help`, the median of ten.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support.repository import REPOSITORY
from tests.support.samples.images import png
from tests.support.samples.pictures import text_page

WORDS = ["Invoice", "2041"]
WAIT_SECONDS = 1800.0


@dataclass(frozen=True, slots=True)
class Result:
    """One way: its commands, the seconds to the text, and the megabytes that it takes on disk."""

    commands: tuple[str, ...]
    seconds: float
    megabytes: float


def main() -> None:
    """Try the ways, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--uv", type=Path, default=REPOSITORY / ".tools/bin/uv")
    arguments = parser.parse_args()
    print(f"{'way':<6}{'seconds':>9}{'MB on disk':>12}  commands")
    for way in arguments.ways:
        with tempfile.TemporaryDirectory() as folder:
            result = WAYS[way](Path(folder), arguments.uv)
        commands = " && ".join(result.commands)
        print(f"{way:<6}{result.seconds:>9.1f}{result.megabytes:>12.0f}  {commands}", flush=True)
    print(f"ocr-daemon --help: {help_seconds():.2f} s of processor time")


def by_make(folder: Path, uv: Path) -> Result:
    """Clone, start with `make run`, and drop a scan when it is ready."""
    del uv
    clone = folder / "clone"
    subprocess.run(["git", "clone", "--quiet", REPOSITORY, clone], check=True)
    began = time.monotonic()
    with (folder / "output").open("wb") as output:
        make = subprocess.Popen(
            ["make", "run"], cwd=clone, stdout=output, stderr=output, start_new_session=True
        )
    try:
        _until(lambda: b"Drop images" in (folder / "output").read_bytes(), make)
        _draw(clone / "inbox/scan.png")
        _until(lambda: (clone / "outbox/scan.png.json").exists(), make)
        seconds = time.monotonic() - began
    finally:
        os.killpg(make.pid, signal.SIGTERM)
        make.wait()
    return Result(("make run", "cp scan.png inbox/"), seconds, _megabytes(clone / ".venv"))


def by_uv(folder: Path, uv: Path) -> Result:
    """Read a file with uvx, which installs the wheel into its cache."""
    wheel = _wheel()
    _draw(folder / "scan.png")
    command = [uv, "tool", "run", "--from", wheel, "ocr-daemon", "once", "scan.png", "--text"]
    seconds = _read(command, folder, {"UV_CACHE_DIR": str(folder / "cache")})
    shown = f"uvx --from {wheel.name} ocr-daemon once scan.png --text"
    return Result((shown,), seconds, _megabytes(folder / "cache"))


def by_pip(folder: Path, uv: Path) -> Result:
    """Install the wheel into a virtual environment, and read a file."""
    del uv
    wheel, environment = _wheel(), folder / "venv"
    _draw(folder / "scan.png")
    began = time.monotonic()
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    pip = [environment / "bin/pip", "install", "--quiet", "--no-cache-dir", wheel]
    subprocess.run(pip, check=True, stderr=subprocess.DEVNULL)
    installed = time.monotonic() - began
    command = [environment / "bin/ocr-daemon", "once", "scan.png", "--text"]
    seconds = installed + _read(command, folder, {})
    commands = (
        "python3 -m venv venv",
        f"venv/bin/pip install {wheel.name}",
        "venv/bin/ocr-daemon once scan.png --text",
    )
    return Result(commands, seconds, _megabytes(environment))


WAYS: dict[str, Callable[[Path, Path], Result]] = {"make": by_make, "uv": by_uv, "pip": by_pip}


def help_seconds() -> float:
    """Return the median of ten processor times of `ocr-daemon --help` in seconds."""
    program = Path(sys.executable).with_name("ocr-daemon")
    times = []
    for _ in range(10):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([program, "--help"], check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(times)


def _read(command: list[str | Path], folder: Path, environment: dict[str, str]) -> float:
    """Return the seconds that a command takes to print the text of the scan."""
    began = time.monotonic()
    read = subprocess.run(
        command, cwd=folder, env=os.environ | environment, capture_output=True, text=True
    )
    seconds = time.monotonic() - began
    if read.stdout.split() != WORDS:
        raise SystemExit(f"{command[0]} did not read the scan:\n{read.stdout}{read.stderr}")
    return seconds


def _until(is_done: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + WAIT_SECONDS
    while not is_done():
        if process.poll() is not None or time.monotonic() > ends:
            raise SystemExit("make run has ended, or was not ready in half an hour")
        time.sleep(0.1)


def _draw(path: Path) -> None:
    draft = path.with_name(".scan.png")
    draft.write_bytes(png(text_page([" ".join(WORDS)])))
    draft.rename(path)


def _wheel() -> Path:
    wheels = sorted((REPOSITORY / "dist").glob("*.whl"))
    if not wheels:
        raise SystemExit("there is no wheel in dist/; run `make dist`")
    return wheels[-1]


def _megabytes(folder: Path) -> float:
    """Return what a folder takes on disk, a file with several names once."""
    du = shutil.which("du") or "du"
    used = subprocess.run([du, "-s", "-B1", folder], check=True, capture_output=True, text=True)
    return int(used.stdout.split()[0]) / 1e6


if __name__ == "__main__":
    main()
