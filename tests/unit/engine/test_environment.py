"""Which variables of the daemon's environment a decoding process gets."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from daemon.engine.environment import PACKAGE, SMALL, decoder_environment

SECRETS = {
    "OCR_DAEMON__WEB__TOKEN": "secret",
    "OCR_DAEMON__PDF__PASSWORDS": '["secret"]',
    "AWS_SECRET_ACCESS_KEY": "secret",
    "SSH_AUTH_SOCK": "/run/agent",
}


def test_no_variable_but_those_that_libraries_need_is_passed_on() -> None:
    needed = {"LANG": "C.UTF-8", "LC_ALL": "C", "OMP_NUM_THREADS": "1", "PYTHONSAFEPATH": "1"}

    assert decoder_environment(SECRETS | needed) == SMALL | needed


def test_what_the_operator_sets_goes_before_what_keeps_a_worker_small() -> None:
    given = {"MALLOC_MMAP_THRESHOLD_": "65536"}

    assert decoder_environment(given)["MALLOC_MMAP_THRESHOLD_"] == "65536"


def test_the_working_directory_is_no_folder_of_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    entries = ["", ".", "lib", str(tmp_path), "/opt/code"]

    given = decoder_environment({"PYTHONPATH": os.pathsep.join(entries)})

    assert given["PYTHONPATH"] == "/opt/code"


def test_the_folder_of_this_package_stays_even_where_the_daemon_was_started_in_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(PACKAGE.parent)

    given = decoder_environment({"PYTHONPATH": str(PACKAGE.parent)})

    assert given["PYTHONPATH"] == str(PACKAGE.parent)
