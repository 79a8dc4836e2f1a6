"""Reads and validates config.yaml and the environment.

Precedence: environment (`OCR_DAEMON__WORKERS=2`, nested with `__`, and the short names `LOG_LEVEL`,
`LOG_FORMAT` and `NUM_THREADS`) over the file over the defaults. Unknown keys, former keys and
values that contradict each other raise `Misconfigured` with key, value and remedy. Relative paths
are relative to the config file.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_settings import SettingsError

from daemon.config import renamed, validation
from daemon.config.messages import did_you_mean, finding
from daemon.config.secrets import shown
from daemon.config.sections import Folders
from daemon.config.settings import ENV_PREFIX, Config
from daemon.core.errors import Misconfigured

SHORT_NAMES = {
    "LOG_LEVEL": ("logging", "level"),
    "LOG_FORMAT": ("logging", "format"),
    "NUM_THREADS": ("threads",),
}


def load(path: Path, *, touch_folders: bool = True) -> Config:
    """Read and validate `path`; raises Misconfigured with the first finding.

    With `touch_folders` symbolic links among the folders are resolved, which blocks on a share that
    does not answer.
    """
    values = _read_yaml(path)
    renamed.refuse_in_file(values)
    renamed.refuse_in_environment(os.environ, ENV_PREFIX)
    _apply_short_names(values)
    _refuse_unknown_environment()
    try:
        config = Config(**values)
    except ValidationError as error:
        raise finding(error, Config) from error
    except SettingsError as error:
        remedy = "write lists and sections as JSON"
        raise Misconfigured(f"{ENV_PREFIX}*", error, remedy) from error
    config = _absolute(config, path.absolute().parent)
    config._file = path.absolute()
    validation.refuse_impossible(config)
    validation.refuse_bad_profiles(config)
    resolved = os.path.realpath if touch_folders else os.path.abspath
    validation.refuse_nested({name: Path(resolved(path)) for name, path in config.folders})
    return config


class _Loader(yaml.SafeLoader):
    """YAML with the booleans of version 1.2 only: `on`, `off`, `yes` and `no` are strings."""

    yaml_implicit_resolvers = {  # noqa: RUF012 -- as in its base class
        first: [rule for rule in rules if rule[0] != "tag:yaml.org,2002:bool"]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile("^(true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 -- a subclass of SafeLoader
    except OSError as error:
        raise Misconfigured("--config", path, f"{error.strerror}; name a readable file") from error
    except (
        yaml.MarkedYAMLError
    ) as error:  # str(error) would repeat the line, which may hold a secret
        mark = error.problem_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        remedy = f"is not valid YAML: {error.problem}{where}; correct it"
        raise Misconfigured("--config", path, remedy) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Misconfigured("--config", path, f"is not valid YAML: {error}") from error
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise Misconfigured(
            "--config", path, "must contain keys and values, like the shipped config.yaml"
        )
    return values


def _apply_short_names(values: dict[str, Any]) -> None:
    for name, path in SHORT_NAMES.items():
        if name in os.environ:
            section = values
            for key in path[:-1]:
                section[key] = section.get(key) or {}  # an empty section is None
                section = section[key]
            if isinstance(section, dict):  # other types are refused by the validation
                value = os.environ[name]
                section[path[-1]] = value.upper() if name == "LOG_LEVEL" else value.lower()


def _refuse_unknown_environment() -> None:
    for name in os.environ:
        key = name.removeprefix(ENV_PREFIX).split("__")[0].lower()
        is_known_prefix = name.startswith(ENV_PREFIX[:-1])
        if is_known_prefix and (key not in Config.model_fields or not name.startswith(ENV_PREFIX)):
            remedy = did_you_mean(key, Config)
            raise Misconfigured(name, shown(f"{name} {remedy}", os.environ[name]), remedy)


def _absolute(config: Config, base: Path) -> Config:
    folders = Folders(
        **{name: (base / path.expanduser()).absolute() for name, path in config.folders}
    )
    network = config.detector.file
    detector = replace(config.detector, file=network and (base / network).absolute())
    hooks = tuple(hook.resolved(base) for hook in config.hooks)
    profiles = tuple(profile.resolved(base) for profile in config.profiles)
    return config.model_copy(
        update={
            "folders": folders, "model": config.model.resolved(base), "detector": detector,
            "hooks": hooks, "profiles": profiles,
        }
    )  # fmt: skip
