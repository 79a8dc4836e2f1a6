"""Which folders stay on the path of modules, tried in interpreters of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.repository import REPOSITORY

ASKED = """
import os, sys
from daemon.core.import_path import exclude_working_directory
exclude_working_directory()
print(sys.path, os.environ["PYTHONPATH"], os.environ["PYTHONSAFEPATH"], sep="\\n")
"""


def paths(folder: Path, *flags: str, **environment: str) -> tuple[list[str], str, str]:
    """Return sys.path, PYTHONPATH and PYTHONSAFEPATH of a program after the call."""
    said = subprocess.run(
        [sys.executable, *flags, "-c", ASKED], capture_output=True, text=True, check=True,
        cwd=folder, env=os.environ | environment,
    )  # fmt: skip
    path, python_path, safe = said.stdout.splitlines()
    return eval(path), python_path, safe


def test_the_working_directory_and_relative_entries_are_dropped(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()

    path, python_path, safe = paths(tmp_path, PYTHONPATH=f":lib:{tmp_path}/absolute:.")

    assert {"", str(tmp_path), f"{tmp_path}/lib"} & set(path) == set()
    assert f"{tmp_path}/absolute" in path
    assert (python_path, safe) == (f"{tmp_path}/absolute", "1")


def test_a_working_directory_that_is_also_given_absolutely_stays(tmp_path: Path) -> None:
    path, python_path, _ = paths(tmp_path, PYTHONPATH=f":{tmp_path}")

    assert str(tmp_path) in path
    assert python_path == str(tmp_path)


def test_a_checkout_that_is_not_installed_finds_itself_in_processes_started_from_it() -> None:
    """`python -m daemon` in the checkout, by an interpreter without our packages (-S)."""
    path, python_path, _ = paths(REPOSITORY, "-S", PYTHONPATH="")

    assert str(REPOSITORY) in path
    assert python_path == str(REPOSITORY)


def test_a_working_directory_that_is_gone_stops_nothing(tmp_path: Path) -> None:
    command = f"cd {tmp_path}/gone && rmdir {tmp_path}/gone && exec {sys.executable} -c '{ASKED}'"
    (tmp_path / "gone").mkdir()

    done = subprocess.run(["/bin/sh", "-c", command.replace("'\"'", "")], capture_output=True)

    assert done.returncode == 0, done.stderr
