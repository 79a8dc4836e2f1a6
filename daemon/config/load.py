"""Reads and validates config.yaml and the environment.

Precedence: environment (`OCR_DAEMON__WORKERS=2`, nested with `__`; `LOG_LEVEL` and `NUM_THREADS`
alone work too) over the file over the defaults. Unknown keys and impossible combinations raise
`Misconfigured` with key, value and remedy. Relative paths are relative to the config file.
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

from daemon.config import validation
from daemon.config.messages import did_you_mean, finding
from daemon.config.sections import Folders
from daemon.config.settings import ENV_PREFIX, Config
from daemon.core.errors import Misconfigured

SHORT_NAMES = {"LOG_LEVEL": ("logging", "level"), "NUM_THREADS": ("threads",)}


def load(path: Path, *, touch_folders: bool = True) -> Config:
    """Read and validate `path`, raising Misconfigured with the first finding.

    Links among the folders are resolved, which waits for a share that hangs, unless told not to.
    """
    values = _read_yaml(path)
    _apply_short_names(values)
    _refuse_unknown_environment()
    try:
        config = Config(**values)
    except ValidationError as error:
        raise finding(error, Config) from error
    except SettingsError as error:
        raise Misconfigured("environment", error, "write lists and sections as JSON") from error
    config = _absolute(config, path.absolute().parent)
    config._file = path.absolute()
    validation.refuse_impossible(config)
    validation.refuse_bad_profiles(config)
    resolved = os.path.realpath if touch_folders else os.path.abspath
    validation.refuse_nested({name: Path(resolved(path)) for name, path in config.folders})
    return config


class _Loader(yaml.SafeLoader):
    """With the booleans of YAML 1.2 alone: `on`, `off`, `yes` and `no` are words, as keys too."""

    yaml_implicit_resolvers = {  # noqa: RUF012 -- as its base has it
        first: [rule for rule in rules if rule[0] != "tag:yaml.org,2002:bool"]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile("^(true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 -- a safe one
    except OSError as error:
        raise Misconfigured("--config", path, f"{error.strerror}; name a readable file") from error
    except yaml.MarkedYAMLError as error:  # its own words would repeat the line, and a secret in it
        mark = error.problem_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        remedy = f"is not valid YAML: {error.problem}{where}; correct it"
        raise Misconfigured("--config", path, remedy) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Misconfigured("--config", path, f"is not valid YAML: {error}") from error
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise Misconfigured("--config", path, "must hold keys and values, see the shipped one")
    return values


def _apply_short_names(values: dict[str, Any]) -> None:
    for name, path in SHORT_NAMES.items():
        if name in os.environ:
            section = values
            for key in path[:-1]:
                section[key] = section.get(key) or {}  # a section left empty is None
                section = section[key]
            if isinstance(section, dict):  # anything else is refused with the rest
                section[path[-1]] = os.environ[name].upper()


def _refuse_unknown_environment() -> None:
    for name in os.environ:
        key = name.removeprefix(ENV_PREFIX).split("__")[0].lower()
        is_ours = name.startswith(ENV_PREFIX[:-1])
        if is_ours and (key not in Config.model_fields or not name.startswith(ENV_PREFIX)):
            raise Misconfigured(name, os.environ[name], did_you_mean(key, Config))


def _absolute(config: Config, base: Path) -> Config:
    folders = Folders(
        **{name: (base / path.expanduser()).absolute() for name, path in config.folders}
    )
    lexicon = config.model.lexicon
    weights = replace(
        config.model,
        file=(base / config.model.file).absolute(),
        lexicon=lexicon and (base / lexicon).absolute(),
    )
    network = config.detector.file
    detector = replace(config.detector, file=network and (base / network).absolute())
    told = tuple(hook.below(base) for hook in config.hooks)
    profiles = tuple(profile.below(base) for profile in config.profiles)
    return config.model_copy(
        update={
            "folders": folders, "model": weights, "detector": detector, "hooks": told,
            "profiles": profiles,
        }
    )  # fmt: skip
