"""The container's files agree with the config, the commands and each other; builds no image."""

import os
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from daemon.cli.app import app
from daemon.config.load import load
from daemon.config.settings import ENV_PREFIX, Config
from tests.support.repository import REPOSITORY

SHIPPED = REPOSITORY / "config.yaml"
STOP_MARGIN_SECONDS = 20  # killing workers and closing the ledger after the grace time

Instruction = tuple[str, str]


@pytest.fixture(scope="module")
def stages() -> list[list[Instruction]]:
    """The Dockerfile's stages, each a list of (instruction, the rest of its line)."""
    lines = (REPOSITORY / "Dockerfile").read_text().splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    found: list[list[Instruction]] = []
    for line in filter(None, text.replace("\\\n", " ").splitlines()):
        instruction, rest = line.split(maxsplit=1)
        if instruction == "FROM":
            found.append([])
        if found:
            found[-1].append((instruction, rest))
    return found


class _Compose(yaml.SafeLoader):
    """YAML with the tag !reset of Compose, which removes a key of the file before."""


_Compose.add_constructor("!reset", lambda loader, node: None)


def services(*files: str) -> dict[str, Any]:
    """Return the services of compose files, each over the ones before, as Compose merges them."""
    merged: dict[str, Any] = {}
    for name in files:
        read = yaml.load((REPOSITORY / name).read_text(), _Compose)["services"]
        for service, values in read.items():
            base = merged.setdefault(service, {})
            for key, value in values.items():
                joined = base.get(key, {}) | value if isinstance(value, dict) else value
                base[key] = joined
    return merged


@pytest.fixture(scope="module")
def service() -> dict[str, Any]:
    """The daemon's service in docker-compose.yml."""
    return services("docker-compose.yml")["ocr-daemon"]


@pytest.fixture
def config(
    stages: list[list[Instruction]], service: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> Config:
    """The config with the environment of the container."""
    for name, value in (environment(stages[-1]) | service["environment"]).items():
        if name.startswith(ENV_PREFIX):
            monkeypatch.setenv(name, str(value))
    return load(SHIPPED)


def environment(stage: list[Instruction]) -> dict[str, str]:
    pairs = [shlex.split(rest) for instruction, rest in stage if instruction == "ENV"]
    return dict(pair.split("=", 1) for line in pairs for pair in line)


def copied(stage: list[Instruction]) -> list[str]:
    """The paths of the repository that a stage copies, in order."""
    lines = [rest for instruction, rest in stage if instruction == "COPY"]
    return [name for line in lines if not line.startswith("--from") for name in line.split()[:-1]]


def mount_of(folder: Path, service: dict[str, Any]) -> str:
    """The mount of a folder in the container, "" for the image itself."""
    volumes = service["volumes"]
    targets = [v["target"] if isinstance(v, dict) else v.rsplit(":", 1)[1] for v in volumes]
    return next((target for target in targets if folder.is_relative_to(target)), "")


def seconds(duration: str) -> int:
    amount, unit = re.fullmatch(r"(\d+)([sm])", duration).groups()
    return int(amount) * {"s": 1, "m": 60}[unit]


def test_every_setting_of_the_container_is_a_key_of_the_config(config: Config) -> None:
    assert config.workers == 2


def test_every_folder_that_the_daemon_writes_is_in_a_volume(
    config: Config, service: dict[str, Any]
) -> None:
    assert service["read_only"]
    assert all(mount_of(folder, service) for _, folder in config.folders)


def test_a_file_is_moved_and_never_copied_between_mounts(
    config: Config, service: dict[str, Any]
) -> None:
    folders = config.folders

    mounts = {mount_of(path, service) for path in (folders.inbox, folders.archive, folders.failed)}
    assert len(mounts) == 1


def test_the_workers_fit_the_limit_of_the_processor(
    config: Config, service: dict[str, Any]
) -> None:
    limits = service["deploy"]["resources"]["limits"]

    assert config.workers * config.threads == float(limits["cpus"])


def test_a_stop_waits_longer_than_the_daemon_does(config: Config, service: dict[str, Any]) -> None:
    assert seconds(service["stop_grace_period"]) > config.grace_seconds + STOP_MARGIN_SECONDS


def test_the_container_has_no_capability_and_no_network(service: dict[str, Any]) -> None:
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["network_mode"] == "none"


def test_the_image_runs_as_a_user_by_number_that_is_not_root(
    stages: list[list[Instruction]],
) -> None:
    users = [rest for instruction, rest in stages[-1] if instruction == "USER"]

    assert users == ["1000:1000"]


def test_requirements_are_copied_before_code(stages: list[list[Instruction]]) -> None:
    names = copied(stages[0])

    assert names.index("requirements") < names.index("daemon")
    assert names.index("requirements") < names.index("pyproject.toml")


def test_files_that_the_image_copies_exist_and_are_not_ignored_by_docker(
    stages: list[list[Instruction]],
) -> None:
    patterns = (REPOSITORY / ".dockerignore").read_text().splitlines()
    included = {line[1:] for line in patterns if line.startswith("!")}

    for name in [name for stage in stages for name in copied(stage)]:
        assert (REPOSITORY / name).exists()
        assert {Path(name).parts[0], name.rstrip("/")} & included, name
    assert "*" in patterns  # everything else is ignored, scans above all


def test_the_weights_of_the_shipped_config_are_in_the_image(
    stages: list[list[Instruction]],
) -> None:
    weights = load(SHIPPED).weights.file.relative_to(REPOSITORY)

    assert any(weights.is_relative_to(name) for name in copied(stages[0]))


def test_the_commands_of_the_image_are_commands_of_the_daemon(
    stages: list[list[Instruction]],
) -> None:
    known = {command.callback.__name__ for command in app.registered_commands if command.callback}
    image = dict(stages[-1])

    assert image["ENTRYPOINT"] == '["ocr-daemon"]'
    assert re.search(r'CMD \["ocr-daemon", "(\w+)"\]', image["HEALTHCHECK"]).group(1) in known
    assert re.fullmatch(r'\["(\w+)"\]', image["CMD"]).group(1) in known


def test_the_page_on_this_machine_needs_no_token_and_is_published_nowhere_else(
    stages: list[list[Instruction]], monkeypatch: pytest.MonkeyPatch
) -> None:
    service = services("docker-compose.yml", "docker-compose.web.yml")["ocr-daemon"]
    for name, value in (environment(stages[-1]) | service["environment"]).items():
        if name.startswith(ENV_PREFIX):
            monkeypatch.setenv(name, str(value))

    config = load(SHIPPED)

    assert (config.web.enabled, config.web.token) == (True, None)
    assert service["network_mode"] is None
    assert [port.split(":")[0] for port in service["ports"]] == ["127.0.0.1"]
    assert service["ports"][0].endswith(f":{config.web.port}")


def test_the_image_has_what_the_page_needs(stages: list[list[Instruction]]) -> None:
    arguments = [rest for instruction, rest in stages[0] if instruction == "ARG"]

    assert "EXTRAS=web" in arguments


@pytest.fixture
def given_to(tmp_path: Path) -> Callable[[Path], str]:
    """Run the script of the service `folders` on one folder, and return what it gave away."""

    def run(folder: Path) -> str:
        (script,) = services("docker-compose.yml")["folders"]["command"]
        bin_folder = tmp_path / "bin"
        bin_folder.mkdir(exist_ok=True)
        (bin_folder / "chown").write_text('#!/bin/sh\necho "$@"\n')
        (bin_folder / "chown").chmod(0o755)
        here = script.replace("$$", "$").replace("/data /logs /state", str(folder))
        return subprocess.run(
            ["sh", "-ec", here], capture_output=True, text=True, check=True,
            env={"PATH": f"{bin_folder}:/usr/bin:/bin", "OWNER": "1000:1000"},
        ).stdout  # fmt: skip

    return run


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes folders that belong to root")
def test_only_new_empty_folders_of_root_are_given_to_the_user(
    given_to: Callable[[Path], str], tmp_path: Path
) -> None:
    new, used, owned = (tmp_path / name for name in ("new", "used", "owned"))
    for folder in (new, used, owned):
        folder.mkdir()
    (used / "scan.png").touch()
    os.chown(owned, 1234, 1234)

    assert given_to(new) == f"1000:1000 {new}\n"
    assert given_to(used) == ""
    assert given_to(owned) == ""
