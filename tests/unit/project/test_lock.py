"""The lock files: complete, with a hash for each file, and without an index."""

from __future__ import annotations

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.repository import REPOSITORY
from tools.lock import EXTRAS, NOT_LOCKED

FOLDER = REPOSITORY / "requirements"
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
LOCKS = ["lock.txt", *(f"lock-{extra}.txt" for extra in EXTRAS), "lock-tools.txt"]


def locked(name: str) -> dict[str, Requirement]:
    """Return the requirements of a lock file by name."""
    lines = (FOLDER / name).read_text().splitlines()
    found = [Requirement(line.rstrip("\\ ")) for line in lines if re.match("[A-Za-z0-9]", line)]
    return {canonicalize_name(each.name): each for each in found}


def wanted(requirements: list[str]) -> dict[str, Requirement]:
    parsed = [Requirement(each) for each in requirements]
    return {canonicalize_name(each.name): each for each in parsed}


def test_every_dependency_is_locked_in_its_range_and_torch_by_version_alone() -> None:
    lock = locked("lock.txt")
    dependencies = wanted(PROJECT["project"]["dependencies"] + PROJECT["build-system"]["requires"])
    (torch,) = wanted(PROJECT["project"]["optional-dependencies"]["torch"]).values()

    assert {name for name in dependencies if name not in lock} == set()
    for name, requirement in dependencies.items():
        assert requirement.specifier.contains(str(lock[name].specifier).removeprefix("==")), name
    (line,) = [each for each in (FOLDER / "torch.txt").read_text().splitlines() if each[0] != "#"]
    assert torch.specifier.contains(line.removeprefix("torch=="))


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra_is_locked_together_with_what_every_installation_has(extra: str) -> None:
    names = locked("lock.txt") | locked(f"lock-{extra}.txt")

    missing = wanted(PROJECT["project"]["optional-dependencies"][extra]).keys() - names.keys()
    assert missing <= {"torch"}
    assert not locked("lock.txt").keys() & locked(f"lock-{extra}.txt").keys()


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_has_hashes_for_each_requirement_and_names_no_index(name: str) -> None:
    text = (FOLDER / name).read_text()
    blocks = re.findall(r"^[A-Za-z0-9]\S*==.*(?:\n[ \t]+.*)*", text, re.MULTILINE)

    assert len(blocks) == len(locked(name))
    assert [block for block in blocks if "--hash=sha256:" not in block] == []
    assert "://" not in text
    assert "index" not in text
    assert [each for each in locked(name) if each.startswith(NOT_LOCKED)] == []


def test_what_is_locked_is_what_the_constraints_name() -> None:
    """The tests run with the constraints, users with the lock."""
    constraints = {
        canonicalize_name(name): version
        for name, version in re.findall(
            r"^([\w.-]+)==(\S+)$", (FOLDER / "constraints.txt").read_text(), re.MULTILINE
        )
    }
    for lock in LOCKS:
        for name, requirement in locked(lock).items():
            if name in constraints:
                assert str(requirement.specifier) == f"=={constraints[name]}", (lock, name)
    assert (FOLDER / "torch.txt").read_text().endswith(f"\ntorch=={constraints['torch']}\n")


def test_no_file_adds_an_index_to_that_of_pip() -> None:
    """With two indexes the higher version wins, whoever uploaded it."""
    for name in ("Makefile", "Dockerfile", "docker-compose.yml"):
        text = (REPOSITORY / name).read_text().lower().replace("_", "-")
        assert "extra-index-url" not in text, name
