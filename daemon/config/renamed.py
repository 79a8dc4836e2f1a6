"""Former names of config keys and values; using one is an error that names the present one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from daemon.core.errors import Misconfigured, UnknownKey

# former key -> present key; both lie in the same section
KEYS = {
    "free_megabytes": "min_free_megabytes",
    "worker_megabytes": "worker_max_megabytes",
    "renew_megabytes": "worker_recycle_megabytes",
    "task_pages": "pages_per_task",
    "preprocess.orient": "preprocess.auto_rotate",
    "preprocess.unbend": "preprocess.dewarp",
    "preprocess.ground": "preprocess.flatten_background",
}
# key and former value -> present value
VALUES = {
    ("claim", "journal"): "ledger",
    ("segmenter", "db"): "dbnet",
    ("duplicates", "pointer"): "reference",
    ("duplicates", "read"): "reprocess",
}
_SECTIONS = {key.rpartition(".")[0] for key in KEYS} - {""}


def in_file(values: Mapping[str, Any]) -> Iterator[Misconfigured]:
    """Yield an error for each former name in the values of config.yaml."""
    for place, value, key, present in _former(values):
        if present is None:
            remedy = f"the key is now called {KEYS[key].rpartition('.')[2]}; rename it"
        else:
            remedy = f"the value is now called {present}; write {key}: {present}"
        kind = UnknownKey if present is None else Misconfigured
        yield kind(".".join(place), value, remedy)


def in_environment(environment: Mapping[str, str], prefix: str) -> Iterator[Misconfigured]:
    """Yield an error for each former name in the variables that begin with `prefix`."""
    for name, text in environment.items():
        if not name.upper().startswith(prefix):
            continue
        path = name[len(prefix) :].lower().split("__")
        for place, value, key, present in _former(_nested(path, _parsed(text))):
            inner = "".join(f".{part}" for part in place[len(path) :])  # within a value in JSON
            variable = prefix + (KEYS[key] if present is None else key).replace(".", "__").upper()
            if inner:
                remedy = present or KEYS[key].rpartition(".")[2]
                remedy = f"{'the key' if present is None else 'the value'} is now called {remedy}"
            elif present is None:
                remedy = f"the variable is now called {variable}; rename it"
            else:
                remedy = f"the value is now called {present}; write {variable}={present}"
            kind = UnknownKey if present is None else Misconfigured
            yield kind(name + inner, value, remedy)


def _former(
    values: Mapping[str, Any], within: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], object, str, str | None]]:
    """Yield the place, value, key (without profile) and, of a former value, the present one."""
    for name, value in values.items():
        if name in KEYS:
            yield (*within, name), value, name, None
        if isinstance(value, str) and (present := VALUES.get((name, value))):
            yield (*within, name), value, name, present
        if name in _SECTIONS and isinstance(value, Mapping):
            for inner, below in value.items():
                if f"{name}.{inner}" in KEYS:
                    yield (*within, name, inner), below, f"{name}.{inner}", None
        if name == "profiles" and not within:
            for number, profile in _numbered(value):
                yield from _former(profile, (name, number))


def _numbered(profiles: object) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(profiles, list | tuple):
        profiles = {str(number): profile for number, profile in enumerate(profiles)}
    if isinstance(profiles, Mapping):
        for number, profile in profiles.items():
            if isinstance(profile, Mapping):
                yield str(number), profile


def _parsed(text: str) -> object:
    """Return lists and sections that are written as JSON, anything else as it stands."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, dict | list) else text


def _nested(path: list[str], value: object) -> dict[str, Any]:
    for name in reversed(path):
        value = {name: value}
    assert isinstance(value, dict), "a path has one part at least"
    return value
