"""Former names of config keys and values: refused, in the file and in the environment."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.config import renamed
from daemon.config.load import load
from daemon.config.settings import Config
from daemon.core.errors import Misconfigured
from tests.support.running_daemon import MODEL

Write = Callable[[str], Path]

WHOLE_FILE = f"""\
folders: {{inbox: in, outbox: out}}
workers: 2
FORMER
watch: {{quiet_seconds: 2.0}}
model: {json.dumps(MODEL)}
"""
IN_FILE = {
    "free_megabytes: 50": ("free_megabytes", "min_free_megabytes"),
    "worker_megabytes: 900": ("worker_megabytes", "worker_max_megabytes"),
    "renew_megabytes: 700": ("renew_megabytes", "worker_recycle_megabytes"),
    "task_pages: 8": ("task_pages", "pages_per_task"),
    "preprocess: {orient: false}": ("preprocess.orient", "auto_rotate"),
    "preprocess: {deskew: true, unbend: false}": ("preprocess.unbend", "dewarp"),
    "preprocess:\n  ground: true": ("preprocess.ground", "flatten_background"),
    "claim: journal\noriginals: leave": ("claim", "claim: ledger"),
    "segmenter: db": ("segmenter", "segmenter: dbnet"),
    "duplicates: pointer": ("duplicates", "duplicates: reference"),
    "duplicates: read": ("duplicates", "duplicates: reprocess"),
    "profiles: [{name: a, folders: [a], segmenter: db}]": (
        "profiles.0.segmenter",
        "segmenter: dbnet",
    ),
    "profiles: [{name: a, folders: [a]}, {name: b, folders: [b], preprocess: {orient: no}}]": (
        "profiles.1.preprocess.orient",
        "auto_rotate",
    ),
    "profiles: [{name: a, folders: [a], preprocess: {unbend: false}}]": (
        "profiles.0.preprocess.unbend",
        "dewarp",
    ),
    "profiles: [{name: a, folders: [a], preprocess: {ground: true}}]": (
        "profiles.0.preprocess.ground",
        "flatten_background",
    ),
}
PROFILES = "OCR_DAEMON__PROFILES"
IN_ENVIRONMENT = {
    ("OCR_DAEMON__FREE_MEGABYTES", "50"): "OCR_DAEMON__MIN_FREE_MEGABYTES",
    ("OCR_DAEMON__WORKER_MEGABYTES", "900"): "OCR_DAEMON__WORKER_MAX_MEGABYTES",
    ("OCR_DAEMON__RENEW_MEGABYTES", "700"): "OCR_DAEMON__WORKER_RECYCLE_MEGABYTES",
    ("OCR_DAEMON__TASK_PAGES", "8"): "OCR_DAEMON__PAGES_PER_TASK",
    ("OCR_DAEMON__PREPROCESS__ORIENT", "false"): "OCR_DAEMON__PREPROCESS__AUTO_ROTATE",
    ("OCR_DAEMON__PREPROCESS__UNBEND", "false"): "OCR_DAEMON__PREPROCESS__DEWARP",
    ("OCR_DAEMON__PREPROCESS__GROUND", "true"): "OCR_DAEMON__PREPROCESS__FLATTEN_BACKGROUND",
    ("OCR_DAEMON__CLAIM", "journal"): "OCR_DAEMON__CLAIM=ledger",
    ("OCR_DAEMON__SEGMENTER", "db"): "OCR_DAEMON__SEGMENTER=dbnet",
    ("OCR_DAEMON__DUPLICATES", "pointer"): "OCR_DAEMON__DUPLICATES=reference",
    ("OCR_DAEMON__DUPLICATES", "read"): "OCR_DAEMON__DUPLICATES=reprocess",
    ("ocr_daemon__claim", "journal"): "OCR_DAEMON__CLAIM=ledger",
    ("OCR_DAEMON__PREPROCESS", '{"orient": false}'): "auto_rotate",
    (PROFILES, '[{"name": "a", "folders": ["a"], "segmenter": "db"}]'): "dbnet",
    (PROFILES, '[{"name": "a", "folders": ["a"], "preprocess": {"ground": true}}]'): (
        "flatten_background"
    ),
}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(former: str) -> Path:
        path = tmp_path / "config.yaml"
        path.write_text(WHOLE_FILE.replace("FORMER", former))
        return path

    return to_file


@pytest.mark.parametrize(("former", "expected"), IN_FILE.items())
def test_a_former_name_in_the_file_is_refused_with_the_present_one(
    write: Write, former: str, expected: tuple[str, str]
) -> None:
    key, present = expected

    with pytest.raises(Misconfigured) as refused:
        load(write(former))

    assert refused.value.key == key
    assert present in refused.value.remedy
    assert "is now called" in refused.value.remedy


@pytest.mark.parametrize(("variable", "present"), IN_ENVIRONMENT.items())
def test_a_former_name_in_the_environment_is_refused_with_the_present_one(
    write: Write, monkeypatch: pytest.MonkeyPatch, variable: tuple[str, str], present: str
) -> None:
    monkeypatch.setenv(*variable)

    with pytest.raises(Misconfigured) as refused:
        load(write(""))

    assert refused.value.key.startswith(variable[0])
    assert present in refused.value.remedy


def test_every_former_name_is_tested_in_the_file_and_in_the_environment() -> None:
    keys = {key.rpartition(".")[2] for key in renamed.KEYS}
    values = {former for _, former in renamed.VALUES}

    for name in keys:
        assert any(name in former for former in IN_FILE)
        assert any(variable.endswith(name.upper()) for variable, _ in IN_ENVIRONMENT)
    for value in values:
        assert any(value in former for former in IN_FILE)
        assert any(text == value for _, text in IN_ENVIRONMENT)


def test_a_present_name_is_accepted_and_every_present_key_exists(write: Write) -> None:
    present = "duplicates: reprocess\nsegmenter: opencv\npreprocess: {dewarp: false}"

    config = load(write(present))

    assert (config.duplicates, config.preprocess.dewarp) == ("reprocess", False)
    for key in renamed.KEYS.values():
        section, _, name = key.rpartition(".")
        assert name in (dir(config.preprocess) if section else Config.model_fields)


@pytest.mark.parametrize(
    "text",
    ["preprocess: none", "profiles: 3", "profiles: [3]", "profiles: {a: 3}", "claim: [journal]"],
)
def test_a_value_of_another_shape_is_left_to_the_validation(write: Write, text: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        load(write(text))

    assert "is now called" not in refused.value.remedy


def test_a_typing_error_still_gets_a_suggestion(write: Write) -> None:
    with pytest.raises(Misconfigured, match="did you mean min_free_megabytes"):
        load(write("min_free_megabyte: 50"))
