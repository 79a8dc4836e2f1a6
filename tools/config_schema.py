"""Generates the JSON Schema of config.yaml: types and bounds of the code, comments of the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from daemon.config.settings import Config
from tools.config_keys import all_keys, section_comments


def text(config: Path) -> str:
    """Return the schema, in draft 2020-12, with the comment of each key as its description."""
    schema = Config.model_json_schema()
    for key in all_keys(config):
        found = _property(schema, key.path)
        if found is not None and key.comment.text:
            found["description"] = key.comment.text
    for name, comment in section_comments(config).items():
        if comment:
            schema["properties"][name]["description"] = comment
    for definition in schema["$defs"].values():
        definition.pop("description", None)  # of the class, for those who read the code
    schema |= {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "config.yaml of ocr-daemon",
        "description": "Every key may be left out.",
    }
    return json.dumps(schema, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def _property(schema: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any] | None:
    """Return the schema of a key by its path, through lists; None if the code has no such key."""
    section: dict[str, Any] | None = schema
    for name in path[:-1]:
        section = section and _target(schema, section.get("properties", {}).get(name))
    found: dict[str, Any] | None = section and section.get("properties", {}).get(path[-1])
    return found


def _target(schema: dict[str, Any], value: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the definition that a value refers to, itself or as the entries of a list."""
    if value is None:
        return None
    reference = value.get("$ref") or value.get("items", {}).get("$ref")
    return schema["$defs"][reference.rsplit("/", 1)[-1]] if reference else value
