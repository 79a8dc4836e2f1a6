"""The README and the contributors' pages name targets, files and keys that exist."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from daemon.config.settings import Config
from tests.support.repository import REPOSITORY

README = (REPOSITORY / "README.md").read_text()
TARGETS = set(re.findall(r"^([\w-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
PAGES = [
    *REPOSITORY.glob("*.md"),
    *REPOSITORY.glob("docs/**/*.md"),
    *REPOSITORY.glob(".github/*.md"),
]


def make_commands(text: str) -> set[str]:
    return set(re.findall(r"(?:`|^ *)make ([a-z][\w-]*)", text, re.MULTILINE))


def test_the_commands_of_the_readme_are_targets_and_ci_runs_them() -> None:
    commands = make_commands(README)
    ci = (REPOSITORY / ".ci/run").read_text().splitlines()

    assert {"run", "test"} <= commands <= TARGETS
    assert {"make check", "make test"} <= set(ci)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_make_command_on_a_page_is_a_target(page: Path) -> None:
    assert make_commands(page.read_text()) - TARGETS == set()


def test_make_alone_starts_nothing_and_names_targets_that_there_are() -> None:
    said = subprocess.run(
        ["make", "--silent"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout

    assert "make run" in said
    assert make_commands(said) <= TARGETS


def test_the_pre_commit_hook_runs_the_target_that_ci_runs() -> None:
    hooks = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text())

    assert [hook["entry"] for hook in hooks["repos"][0]["hooks"]] == ["make check"]


def test_every_file_that_the_readme_links_to_exists() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)

    assert "<!--" not in README
    assert links
    assert not [link for link in links if not (REPOSITORY / link).exists()]


def test_every_key_that_the_readme_names_is_a_key_of_the_config() -> None:
    table = README.split("## Configuration")[1].split("\n## ")[0]
    keys = re.findall(r"^\| `([a-z_.*]+)`", table, re.MULTILINE)

    assert keys
    assert {key.split(".")[0] for key in keys} <= set(Config.model_fields)
