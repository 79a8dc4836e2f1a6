"""The README's commands are what CI runs, and what it names exists."""

import re

import yaml

from daemon.config.settings import Config
from tests.support.repository import REPOSITORY

README = (REPOSITORY / "README.md").read_text()
MAKEFILE = (REPOSITORY / "Makefile").read_text()


def test_the_commands_of_the_readme_are_targets_and_ci_runs_its_test_command() -> None:
    commands = set(re.findall(r"(?:`|^)make (\w+)", README, re.MULTILINE))
    targets = set(re.findall(r"^(\w+):", MAKEFILE, re.MULTILINE))
    ci = (REPOSITORY / ".ci/run").read_text().splitlines()

    assert {"run", "test"} <= commands <= targets
    assert {"make check", "make test"} <= set(ci)


def test_the_hooks_run_the_target_that_ci_runs() -> None:
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
