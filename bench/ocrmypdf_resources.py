"""OCRmyPDF's own test resources, read with Tesseract and through the plug-in `daemon.ocrmypdf`.

    python -m bench.ocrmypdf_resources FOLDER [--options="--force-ocr"] [--only NAME ...]

FOLDER is `tests/resources` of a checkout of OCRmyPDF. Each PDF and picture is read both ways, one
after the other, with one job and one thread each and without a timeout. The table has, for each
way: OCRmyPDF's exit code, seconds of processor time with all child processes, seconds on the clock,
and how many characters can be copied from the PDF, without white space. Needs Tesseract and
Ghostscript. The exit code is 1 if a file passes with Tesseract and not through the plug-in.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pymupdf

OPTIONS = "--skip-text --rotate-pages --deskew"
ALWAYS = (
    "--jobs", "1", "--quiet", "--image-dpi", "150", "--tesseract-timeout", "3600",
    "--tesseract-non-ocr-timeout", "3600",
)  # fmt: skip
WAYS = {"Tesseract": (), "plug-in": ("--plugin", "daemon.ocrmypdf")}
ENDINGS = {".pdf", ".png", ".jpg"}
PASSED = {0}


@dataclass(frozen=True)
class Run:
    """What one run of OCRmyPDF gave."""

    exit_code: int
    cpu_seconds: float
    seconds: float
    characters: int
    message: str

    @property
    def cells(self) -> str:
        """The columns of the table."""
        return f"{self.exit_code} | {self.cpu_seconds:.1f} | {self.seconds:.1f} | {self.characters}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--options", default=OPTIONS)
    parser.add_argument("--only", nargs="*", default=[])
    asked = parser.parse_args(arguments)
    files = [path for path in sorted(asked.folder.iterdir()) if path.suffix in ENDINGS]
    if asked.only:
        files = [path for path in files if path.name in asked.only]
    columns = " | ".join(f"{way}: exit | CPU s | s | characters" for way in WAYS)
    print(f"| file | {columns} |\n|---{'|---' * 4 * len(WAYS)}|", flush=True)
    results = {}
    for path in files:
        results[path.name] = [run(path, shlex.split(asked.options), way) for way in WAYS.values()]
        cells = " | ".join(each.cells for each in results[path.name])
        print(f"| {path.name} | {cells} |", flush=True)
        for each in results[path.name]:
            if each.message:
                print(f"{path.name}: {each.message}", file=sys.stderr, flush=True)
    return summarize(results)


def summarize(results: dict[str, list[Run]]) -> int:
    passed = [pair for pair in results.values() if all(each.exit_code in PASSED for each in pair)]
    lost = [
        name
        for name, (theirs, ours) in results.items()
        if theirs.exit_code in PASSED and ours.exit_code not in PASSED
    ]
    for number, way in enumerate(WAYS):
        cpu = sum(pair[number].cpu_seconds for pair in passed)
        seconds = sum(pair[number].seconds for pair in passed)
        characters = sum(pair[number].characters for pair in passed)
        print(f"{way}: {cpu:.0f} s CPU, {seconds:.0f} s, {characters} characters")
    print(f"{len(passed)} of {len(results)} files pass both ways; only with Tesseract: {lost}")
    return int(bool(lost))


def run(path: Path, options: Sequence[str], way: Sequence[str]) -> Run:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "out.pdf"
        command = [sys.executable, "-m", "ocrmypdf", *way, *ALWAYS, *options, str(path)]
        before, began = os.times(), time.monotonic()
        done = subprocess.run(
            [*command, str(target)], capture_output=True, text=True, check=False,
            env=os.environ | {"OMP_THREAD_LIMIT": "1", "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        seconds, after = time.monotonic() - began, os.times()
        cpu = sum(after[2:4]) - sum(before[2:4])
        characters = characters_of(target) if target.exists() else 0
    message = "" if done.returncode in PASSED else done.stderr.strip().splitlines()[-1]
    return Run(done.returncode, cpu, seconds, characters, message)


def characters_of(pdf: Path) -> int:
    with pymupdf.open(pdf) as document:
        return sum(len(re.sub(r"\s", "", page.get_text())) for page in document)


if __name__ == "__main__":
    sys.exit(main())
