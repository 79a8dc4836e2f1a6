"""`ocr-daemon init`, `config show` and `config schema`."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from daemon.config import load as loading
from daemon.config.secrets import masked
from daemon.config.settings import Config
from daemon.core import fs
from daemon.core.errors import Misconfigured
from daemon.core.shipped import shipped_file

SHORT_CONFIG = Path(__file__).with_name("short_config.yaml")
SCHEMA = Path(loading.__file__).with_name("config.schema.json")
_FIRST_LINE = "# yaml-language-server: $schema={schema}\n"


def write_config(path: Path, *, with_every_key: bool) -> str:
    """Write a commented config to `path`, and return what to do next; Misconfigured if it exists.

    An editor that knows YAML's language server completes and checks its keys.
    """
    source = shipped_file("config.yaml") if with_every_key else SHORT_CONFIG
    text = _FIRST_LINE.format(schema=SCHEMA) + source.read_text(encoding="utf-8")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        remedy = "there is a config already; name another file, or change this one"
        raise Misconfigured("FILE", path, remedy) from error
    is_found = any(path.absolute() == each.absolute() for each in loading.searched())
    option = "" if is_found else f" --config {path}"
    return f"wrote {path}\nstart with: ocr-daemon run{option}"


def shown(config: Config, *, as_json: bool) -> str:
    """Return every key with the value in force, in YAML or JSON; secrets are hidden."""
    values = masked("", config)
    if as_json:
        return json.dumps(values, ensure_ascii=False, indent=2)
    source = f"read from {config.file}" if config.file else "no config file: these are the defaults"
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=1000)
    return f"# {fs.to_unicode(source)}\n{text}"


def schema() -> str:
    """Return the JSON Schema of config.yaml."""
    return SCHEMA.read_text(encoding="utf-8")
