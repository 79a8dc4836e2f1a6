"""Secrets of the config: never shown by an error of `load`, nor by a reload."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from daemon.config.load import load
from daemon.config.secrets import HIDDEN, is_secret, masked
from daemon.config.settings import Config
from daemon.core.errors import Misconfigured
from daemon.supervisor.reload import Reload, change_texts, changes
from tests.support.running_daemon import MODEL, until

SECRET = "hunter2-and-longer"
HOOK = {"name": "chat", "url": "https://hooks.example/services"}
CHANGES: dict[str, dict[str, Any]] = {
    "passwords": {"pdf": {"passwords": [SECRET]}},
    "token": {"web": {"token": SECRET}},
    "url": {"hooks": [{**HOOK, "url": f"https://hooks.example/{SECRET}"}]},
    "query of a url": {"hooks": [{**HOOK, "url": f"https://hooks.example/?key={SECRET}"}]},
    "secret": {"hooks": [{**HOOK, "secret": SECRET}]},
    "secret_file": {"hooks": [{**HOOK, "secret_file": f"/run/{SECRET}"}]},
    "command": {"hooks": [{"name": "chat", "command": ["curl", f"-H={SECRET}"]}]},
    "passwords of a profile": {
        "profiles": [{"name": "a", "folders": ["a"], "pdf": {"passwords": [SECRET]}}]
    },
    "hooks of a profile": {
        "profiles": [{"name": "a", "folders": ["a"], "hooks": [{**HOOK, "secret": SECRET}]}]
    },
}
REFUSED: dict[str, dict[str, Any]] = {
    "passwords": {"pdf": {"passwords": SECRET}},
    "an entry of passwords": {"pdf": {"passwords": [["x", SECRET]]}},
    "a number in passwords": {"pdf": {"passwords": [{"of": SECRET}]}},
    "token": {"web": {"token": f"with a space {SECRET}"}},
    "a token in a list": {"web": {"token": [SECRET]}},
    "url": {"hooks": [{"name": "a", "url": f"ftp://x.org/{SECRET}"}]},
    "user of a url": {"hooks": [{"name": "a", "url": f"https://{SECRET}@x.org"}]},
    "path of an origin": {"web": {"origins": [f"https://x.org/{SECRET}"]}},
    "secret": {"hooks": [{**HOOK, "secret": f"whsec_{SECRET}!"}]},
    "secret as a list": {"hooks": [{**HOOK, "secret": [SECRET]}]},
    "command and url": {"hooks": [{**HOOK, "command": ["curl", SECRET]}]},
    "argument of a command": {"hooks": [{"name": "a", "command": ["curl", [SECRET]]}]},
    "NUL in a command": {"hooks": [{"name": "a", "command": ["curl", f"{SECRET}\0"]}]},
    "environment": {"hooks": [{**HOOK, "environment": {"KEY": SECRET}}]},
    "headers": {"hooks": [{**HOOK, "headers": {"X": SECRET}}]},
    "misspelt secret": {"hooks": [{**HOOK, "sekret": SECRET}]},
    "misspelt token": {"web": {"tokn": SECRET}},
    "misspelt passwords": {"pdf": {"pasword": [SECRET]}},
    "secret in a section of another shape": {"hooks": {"secret": SECRET}},
    "passwords of a profile": {
        "profiles": [{"name": "a", "folders": ["a"], "pdf": {"passwords": SECRET}}]
    },
}
VARIABLES = [
    ("OCR_DAEMON__WEB__TOKEN", f"short {SECRET}"),
    ("OCR_DAEMON__WEBB__TOKEN", SECRET),
    ("OCR_DAEMON__PASSWORDS", SECRET),
    ("OCR_DAEMON__PDF__PASSWORDS", json.dumps({"of": SECRET})),
    ("OCR_DAEMON__HOOKS", json.dumps([{"name": "a", "command": SECRET}])),
    ("OCR_DAEMON__HOOKS", f'[{{"secret": "{SECRET}"'),
]
Loading = Callable[[], Config]


def config(folder: Path, **values: Any) -> Config:
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump({"model": MODEL, "allow_root": True} | values))
    return load(path)


@pytest.mark.parametrize("values", REFUSED.values(), ids=REFUSED)
def test_a_refused_config_shows_no_secret_at_start_nor_at_a_reload(
    tmp_path: Path, values: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    running = config(tmp_path)

    with pytest.raises(Misconfigured) as refused:
        config(tmp_path, **values)
    messages = reload_faults(running, lambda: load(tmp_path / "config.yaml"))

    assert SECRET not in f"{refused.value} {refused.value.args}"
    assert SECRET not in "".join([*messages, *capsys.readouterr()])
    assert "was refused" in messages[0]


def reload_faults(running: Config, loading: Loading) -> list[str]:
    reload = Reload(running, loading, lambda: None)
    reload.request()
    until(lambda: reload.poll(0.0) or reload.faults, 10)
    return [fault.message for fault in reload.faults]


@pytest.mark.parametrize(("name", "value"), VARIABLES)
def test_a_refused_variable_shows_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(Misconfigured) as refused:
        config(tmp_path)

    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("values", CHANGES.values(), ids=CHANGES)
def test_a_changed_secret_is_not_shown_by_a_reload(tmp_path: Path, values: dict[str, Any]) -> None:
    found = changes(config(tmp_path), config(tmp_path, **values))

    assert found.live
    assert SECRET not in str((found.live, change_texts(found.live)))


@pytest.mark.parametrize("values", CHANGES.values(), ids=CHANGES)
def test_a_loaded_secret_is_masked_at_any_depth(tmp_path: Path, values: dict[str, Any]) -> None:
    loaded = config(tmp_path, **values)

    assert SECRET not in str(masked("", loaded))
    assert SECRET not in str([str(profile) for profile in loaded.profiles])


@pytest.mark.parametrize(
    "key",
    [
        "pdf.passwords", "pdf.passwords.0", "web.token", "hooks.0.secret", "hooks.0.secret_file",
        "hooks.0.url", "hooks.0.command", "hooks.0.command.1", "profiles.1.pdf.passwords",
        "hooks.0.environment.KEY", "headers.Authorization", "api_key", "apikey", "credentials",
        "OCR_DAEMON__WEB__TOKEN",
    ],
)  # fmt: skip
def test_these_keys_are_secret(key: str) -> None:
    assert is_secret(key)
    assert masked(key, SECRET) == HIDDEN


def test_every_other_key_of_the_config_is_shown(tmp_path: Path) -> None:
    values = json.dumps(masked("", config(tmp_path)), default=str)

    assert values.count(HIDDEN) == 1  # pdf.passwords; web.token is null
