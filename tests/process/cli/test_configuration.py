"""The commands that write and show a configuration, and the service of a user."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import jsonschema_rs
import pytest
import yaml

from daemon.cli.configuration import SCHEMA, SHORT_CONFIG
from daemon.config.load import load
from tests.support.repository import REPOSITORY


def ocr_daemon(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-P", "-m", "daemon", *arguments],
        cwd=folder, capture_output=True, text=True, timeout=60,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder / "home")} | environment,
    )  # fmt: skip


@pytest.mark.parametrize("option", [(), ("--full",)])
def test_init_writes_a_config_that_changes_nothing(tmp_path: Path, option: tuple[str, ...]) -> None:
    before = json.loads(ocr_daemon(tmp_path, "config", "show", "--json").stdout)

    said = ocr_daemon(tmp_path, "init", *option)

    assert said.stdout == "wrote config.yaml\nstart with: ocr-daemon run\n"
    assert json.loads(ocr_daemon(tmp_path, "config", "show", "--json").stdout) == before


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("workers: 2\n")

    said = ocr_daemon(tmp_path, "init")

    assert said.returncode == 78
    assert "there is a config already" in said.stderr
    assert (tmp_path / "config.yaml").read_text() == "workers: 2\n"


def test_every_key_of_the_short_config_is_a_key_with_its_default(tmp_path: Path) -> None:
    lines = SHORT_CONFIG.read_text().splitlines()
    keys = [line[2:] for line in lines if re.match(r"# ( *)[a-z_]+:( |$)", line)]
    (example,) = [key for key in keys if key.startswith("profiles:")]
    keys.remove(example)
    (tmp_path / "example.yaml").write_text(example)
    (tmp_path / "config.yaml").write_text("\n".join(keys))

    assert load(tmp_path / "example.yaml").profiles[0].outputs == ("searchable_pdf",)

    assert len(keys) > 15
    written, default = load(tmp_path / "config.yaml"), load(None, base=tmp_path)
    assert written.model_dump() == default.model_dump()


def test_the_first_line_names_the_schema_for_editors(tmp_path: Path) -> None:
    ocr_daemon(tmp_path, "init", "x/config.yaml")

    first = (tmp_path / "x/config.yaml").read_text().splitlines()[0]
    assert first == f"# yaml-language-server: $schema={SCHEMA}"
    assert SCHEMA.exists()


def test_what_is_shown_loads_again_and_hides_secrets(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("workers: 3\nweb: {token: hunter2hunter2hunter2}\n")

    shown = ocr_daemon(tmp_path, "config", "show").stdout

    assert shown.startswith(f"# read from {tmp_path}/config.yaml\n")
    assert "hunter2" not in shown
    values = yaml.safe_load(shown)
    assert (values["workers"], values["watch"]["quiet_seconds"]) == (3, 5.0)


VALID = (
    (REPOSITORY / "config.yaml").read_text(),
    "watch: {quiet_seconds: 1}\nhooks: [{name: a, command: [x]}]",
    "profiles: [{name: a, folders: [b], pdf: {dpi: 200}}]",
)
INVALID = ("wokers: 2", "workers: two", "watch: {quiet: 2}", "hooks: [{name: a, commnd: x}]")


def test_the_schema_accepts_what_the_daemon_accepts(tmp_path: Path) -> None:
    schema = json.loads(ocr_daemon(tmp_path, "config", "schema").stdout)
    validator = jsonschema_rs.validator_for(schema)

    assert all(validator.is_valid(yaml.safe_load(text)) for text in VALID)
    assert not any(validator.is_valid(yaml.safe_load(text)) for text in INVALID)
    assert "seconds that a file must not change" in json.dumps(schema)


def test_the_unit_of_a_user_starts_the_daemon_in_this_folder(tmp_path: Path) -> None:
    folder = tmp_path / "a %folder$"
    folder.mkdir()
    ocr_daemon(folder, "init")

    said = ocr_daemon(folder, "systemd", "install", "--user")

    unit = (folder / "home/.config/systemd/user/ocr-daemon.service").read_text()
    assert "systemctl --user enable --now ocr-daemon" in said.stdout
    assert f"WorkingDirectory={tmp_path}/a %%folder$\n" in unit
    (start,) = re.findall("ExecStart=(.*)", unit)
    command = shlex.split(start.replace("$$", "$").replace("%%", "%"))
    assert command[-2:] == ["--config", f"{folder}/config.yaml"]
    shown = subprocess.run(
        [*command[:4], "config", "show", *command[-2:]], capture_output=True, text=True, check=True
    )
    assert f"inbox: {folder}/inbox" in shown.stdout


def test_no_unit_is_written_for_a_config_that_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("workers: many\n")

    said = ocr_daemon(tmp_path, "systemd", "install", "--user")

    assert said.returncode == 78
    assert not (tmp_path / "home").exists()
