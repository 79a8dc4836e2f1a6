"""Reads and validates config.yaml and the environment.

Precedence: environment (`OCR_DAEMON__WORKERS=2`, nested with `__`, and the short names `LOG_LEVEL`,
`LOG_FORMAT` and `NUM_THREADS`) over the file over the defaults. Unknown keys, former keys and
values that contradict each other are reported together, as InvalidConfig. Relative paths are
relative to the config file; where there is none, to the working directory.
"""

from __future__ import annotations

import os
from collections.abc import Container, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import SettingsError

from daemon.config import renamed, validation
from daemon.config.locations import Locations
from daemon.config.messages import did_you_mean, errors_in
from daemon.config.secrets import shown
from daemon.config.sections import Folders
from daemon.config.settings import ENV_PREFIX, Config
from daemon.config.yaml_file import YamlFile
from daemon.core.errors import Misconfigured, UnknownKey

SHORT_NAMES = {
    "LOG_LEVEL": ("logging", "level"),
    "LOG_FORMAT": ("logging", "format"),
    "NUM_THREADS": ("threads",),
}
FILE_VARIABLE = "OCR_DAEMON_CONFIG"
FILE_NAME = "config.yaml"


def find(named: Path | None) -> Path | None:
    """Return the config file to read; None if there is none, and the defaults are used.

    In this order: the one that is `named`, that of the variable OCR_DAEMON_CONFIG, config.yaml in
    the working directory, in `$XDG_CONFIG_HOME/ocr-daemon/` (`~/.config`), in `/etc/ocr-daemon/`.
    """
    if named is not None:
        return named
    if variable := os.environ.get(FILE_VARIABLE):
        return Path(variable)
    return next((path for path in searched() if os.path.exists(path)), None)  # noqa: PTH110 -- no error for a folder of others


def searched() -> list[Path]:
    """Return the places in which a config file is looked for, if none is named."""
    folders = (Path(), personal_folder() / "ocr-daemon", Path("/etc/ocr-daemon"))
    return [folder / FILE_NAME for folder in folders]


def personal_folder() -> Path:
    """Return the folder for the configurations of this user (XDG Base Directory Specification)."""
    home = os.path.expanduser("~/.config")  # noqa: PTH111 -- no error for a user without a home
    return Path(os.environ.get("XDG_CONFIG_HOME") or home)


def load(path: Path | None, *, base: Path | None = None, touch_folders: bool = True) -> Config:
    """Read and validate a config file, or the defaults without one; raises InvalidConfig.

    Without a file, relative paths are relative to `base`, the working directory if that is None.
    With `touch_folders` symbolic links among the folders are resolved, which blocks on a share that
    does not answer.
    """
    file = YamlFile(path)
    values = file.values()
    locations = Locations(file, os.environ, ENV_PREFIX, SHORT_NAMES)
    former = [*renamed.in_file(values), *renamed.in_environment(os.environ, ENV_PREFIX)]
    known = {_dotted(each.key) for each in former}
    found = [*former, *_unknown_variables(known)]
    _apply_short_names(values)
    try:
        config = Config(**values)
    except ValidationError as error:
        found += [each for each in errors_in(error, Config) if each.key not in known]
    except SettingsError as error:
        remedy = "write lists and sections as JSON"
        raise Misconfigured(f"{ENV_PREFIX}*", error, remedy) from error
    validation.refuse(locations.add_to(found))
    config = _absolute(config, path.absolute().parent if path else (base or Path()).absolute())
    config._file = path.absolute() if path else None
    resolved = os.path.realpath if touch_folders else os.path.abspath
    folders = {name: Path(resolved(folder)) for name, folder in config.folders}
    conflicts = chain(validation.conflicts(config), validation.nested(folders))
    validation.refuse(locations.add_to(conflicts))
    return config


def state_folder(path: Path | None) -> Path:
    """Return the state folder, also where another value of the config is invalid.

    For commands that only look at a daemon that runs already. Raises Misconfigured for a file that
    is no YAML.
    """
    folders = YamlFile(path).values().get("folders")
    named = folders.get("state") if isinstance(folders, dict) else None
    state = os.environ.get(f"{ENV_PREFIX}FOLDERS__STATE") or named or Folders().state
    return ((path.parent if path else Path()) / Path(str(state)).expanduser()).absolute()


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


def _dotted(name: str) -> str:
    """Return the key that a variable sets, and other names as they are."""
    return name.removeprefix(ENV_PREFIX).lower().replace("__", ".")


def _unknown_variables(known: Container[str]) -> Iterator[Misconfigured]:
    for name in os.environ:
        if _dotted(name) in known:
            continue
        key = name.removeprefix(ENV_PREFIX).split("__")[0].lower()
        is_known_prefix = name.startswith(ENV_PREFIX[:-1]) and name != FILE_VARIABLE
        if is_known_prefix and (key not in Config.model_fields or not name.startswith(ENV_PREFIX)):
            remedy = did_you_mean(key, Config)
            yield UnknownKey(name, shown(f"{name} {remedy}", os.environ[name]), remedy)


def _absolute(config: Config, base: Path) -> Config:
    folders = Folders(
        **{name: (base / path.expanduser()).absolute() for name, path in config.folders}
    )
    hooks = tuple(hook.resolved(base) for hook in config.hooks)
    profiles = tuple(profile.resolved(base) for profile in config.profiles)
    return config.model_copy(
        update={
            "folders": folders, "engine": config.engine.resolved(base),
            "model": config.model.resolved(base),
            "detector": config.detector.resolved(base), "hooks": hooks, "profiles": profiles,
        }
    )  # fmt: skip
