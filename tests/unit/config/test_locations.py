"""All errors of a config are shown together, each with its place; which file is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.config.load import find, load
from daemon.core.errors import InvalidConfig, Misconfigured

CONFIG = """\
workers: two
watch:
  mode: magic
  quiet_second: 3
hooks:
  - {name: a, command: [tell]}
  - name: b
    attempts: 0
permissions:
  user: [1]
segmenter: db
"""


def errors_of(path: Path) -> list[str]:
    with pytest.raises(InvalidConfig) as refused:
        load(path)
    return [str(error) for error in refused.value.errors]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


def test_all_errors_are_shown_and_unknown_keys_first(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text(CONFIG)
    monkeypatch.setenv("OCR_DAEMON__PDF__DPI", "fine")
    monkeypatch.setenv("OCR_DAEMON__WORKRES", "3")
    monkeypatch.setenv("NUM_THREADS", "0")

    assert errors_of(config) == [
        "OCR_DAEMON__WORKRES = 3: there is no such key; did you mean workers?",
        f"{config}, line 4: watch.quiet_second = 3: there is no such key; "
        "did you mean quiet_seconds?",
        "variable NUM_THREADS: threads = 0: must be 1 or more",
        "variable OCR_DAEMON__PDF__DPI: pdf.dpi = fine: must be a whole number",
        f"{config}, line 1: workers = two: must be a whole number",
        f"{config}, line 3: watch.mode = magic: must be 'auto', 'events' or 'scan'",
        f"{config}, line 8: hooks.1.attempts = 0: must be 1 or more",
        f"{config}, line 10: permissions.user = [1]: must be text, or must be a whole number",
        f"{config}, line 11: segmenter = db: the value is now called dbnet; write segmenter: dbnet",
    ]


def test_all_contradictions_are_shown_also_those_of_profiles(config: Path) -> None:
    config.write_text(
        "watch: {quiet_seconds: 90}\n"
        "folders: {outbox: inbox/out}\n"
        "profiles:\n"
        "  - {name: a, folders: [x], pdf: {min_dpi: 900}}\n"
        "  - name: b\n"
        "    folders: [y]\n"
        "    limits: {pagez: 3}\n"
    )
    root = config.parent

    assert errors_of(config) == [
        f"{config}, line 7: profiles.1.limits.pagez = 3: there is no such key; did you mean pages?",
        f"{config}, line 1: watch.quiet_seconds = 90.0: must not be longer than "
        "watch.rescan_seconds (30.0)",
        f"{config}, line 1: watch.quiet_seconds = 90.0: must not be longer than "
        "watch.incomplete_seconds (60.0)",
        f"{config}, line 2: folders.outbox = {root}/inbox/out: lies inside folders.inbox "
        f"({root}/inbox); move it out",
        f"{config}, line 4: profiles.0.pdf.min_dpi = 900: must not exceed pdf.dpi (300)",
    ]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("web: {token: 0123456789abcdef}\nworkers: 1\nweb: {enabled: true}\n", "line 3, column 1"),
        ("watch:\n  mode: scan\n  mode: auto\n", "line 3, column 3"),
        ("hooks: [{name: a, name: b, command: [x]}]\n", "line 1, column 19"),
    ],
)
def test_a_key_that_is_given_twice_is_refused(config: Path, text: str, where: str) -> None:
    config.write_text(text)

    with pytest.raises(
        Misconfigured, match=r"is given twice, first in line 1|first in line 2"
    ) as e:
        load(config)

    assert where in e.value.remedy
    assert "0123456789abcdef" not in str(e.value)


@pytest.fixture
def homeless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory and a home without any config."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.delenv("OCR_DAEMON_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    return tmp_path


def test_without_a_file_the_defaults_hold_in_the_working_directory(homeless: Path) -> None:
    config = load(find(None))

    assert config.file is None
    assert config.folders.inbox == homeless / "work/inbox"
    assert config.weights.file.exists()
    assert config.weights.sha256
    assert config.detector.file
    assert config.detector.file.exists()
    assert config.model.lexicon
    assert config.model.lexicon.exists()


def test_the_places_of_a_config_file_in_their_order(
    homeless: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    personal = homeless / "home/ocr-daemon/config.yaml"
    personal.parent.mkdir(parents=True)
    personal.write_text("workers: 1")
    assert find(None) == personal

    here = homeless / "work/config.yaml"
    here.write_text("workers: 2")
    assert find(None) == Path("config.yaml")
    assert load(find(None)).file == here

    monkeypatch.setenv("OCR_DAEMON_CONFIG", "/named/by/variable.yaml")
    assert find(None) == Path("/named/by/variable.yaml")
    assert find(Path("named.yaml")) == Path("named.yaml")


def test_the_variable_that_names_the_file_is_no_key(
    homeless: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (homeless / "other.yaml").write_text("workers: 3")
    monkeypatch.setenv("OCR_DAEMON_CONFIG", str(homeless / "other.yaml"))

    assert load(find(None)).workers == 3
