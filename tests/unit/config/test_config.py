"""Loading config.yaml and the environment: accepted values and refused ones."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from daemon.config.hook import Hook
from daemon.config.load import load
from daemon.config.settings import Config, usable_cores
from daemon.core.errors import Misconfigured
from tests.support.repository import REPOSITORY

SHIPPED = REPOSITORY / "config.yaml"
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(text: str) -> Path:
        path = tmp_path / "config.yaml"
        path.write_text("model: {file: crnn.pt}\n" + text)
        return path

    return to_file


def refused(path: Path) -> Misconfigured:
    with pytest.raises(Misconfigured) as error:
        load(path)
    return error.value


def keys_of(section: Any) -> dict[str, Any]:
    """Return the keys of a section with its sub-sections, from the types alone."""
    if is_dataclass(section):
        return {field.name: {} for field in fields(section)}
    found = {}
    for name, field in section.model_fields.items():
        kind = field.annotation
        is_section = isinstance(kind, type) and (issubclass(kind, BaseModel) or is_dataclass(kind))
        found[name] = keys_of(kind) if is_section else {}
    return found


def test_the_shipped_config_loads_and_names_every_key() -> None:
    load(SHIPPED)
    shipped = yaml.safe_load(SHIPPED.read_text())

    named = {
        key: {sub: {} for sub in value} if isinstance(value, dict) else {}
        for key, value in shipped.items()
    }
    assert named == keys_of(Config)


def test_the_shipped_values_are_the_defaults() -> None:
    shipped, default = load(SHIPPED), load(None)

    for name in set(Config.model_fields) - {"folders"}:
        assert getattr(shipped, name) == getattr(default, name), name


def test_relative_paths_are_relative_to_the_file(write: Write, tmp_path: Path) -> None:
    config = load(write("folders: {inbox: in}"))

    assert config.folders.inbox == tmp_path / "in"
    assert config.model.file == tmp_path / "crnn.pt"


def test_the_environment_wins_over_the_file(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCR_DAEMON__WORKERS", "3")
    monkeypatch.setenv("OCR_DAEMON__WATCH__QUIET_SECONDS", "7.5")
    monkeypatch.setenv("OCR_DAEMON__FOLDERS__INBOX", "/somewhere/else")

    config = load(write("workers: 1\nwatch: {quiet_seconds: 2, poll_seconds: 9}"))

    assert (config.worker_count, config.watch.quiet_seconds, config.watch.poll_seconds) == (
        3,
        7.5,
        9,
    )
    assert config.folders.inbox == Path("/somewhere/else")


def test_the_short_names_work(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "debug")
    monkeypatch.setenv("LOG_FORMAT", "Console")
    monkeypatch.setenv("NUM_THREADS", "2")

    config = load(write(""))

    assert (config.logging.level, config.threads) == ("DEBUG", 2)
    assert config.logging.format == "console"


REFUSED = {
    "wokers: 2": ("wokers", "did you mean workers?"),
    "watch: {quiet: 2}": ("watch.quiet", "no such key"),
    "limits: {pagez: 2}": ("limits.pagez", "did you mean pages?"),
    "workers: -1": ("workers", "0 or more"),
    "workers: many": ("workers", "a whole number"),
    "limits: {pages: 0}": ("limits.pages", "1 or more"),
    "watch: {quiet_seconds: -1}": ("watch.quiet_seconds", "0 or more"),
    "watch: {mode: magic}": ("watch.mode", "'auto', 'events' or 'scan'"),
    "watch: {quiet_seconds: 40}": ("watch.quiet_seconds", "rescan_seconds"),
    "watch: {quiet_seconds: 9, incomplete_seconds: 8}": ("watch.quiet_seconds", "incomplete"),
    "claim: ledger": ("claim", "originals: leave"),
    "originals: leave": ("claim", "claim: ledger"),
    "pdf: {min_dpi: 400}": ("pdf.min_dpi", "pdf.dpi"),
    "pdf: {ocr_layer: maybe}": ("pdf.ocr_layer", "'read' or 'trust'"),
    "folders: {outbox: inbox/out}": ("folders.outbox", "lies inside folders.inbox"),
    "folders: {inbox: state/in}": ("folders.inbox", "lies inside folders.state"),
    "folders: {archive: outbox}": ("folders.", "lies inside"),
    "folders: {state: outbox/state}": ("folders.state", "lies inside folders.outbox"),
    "watch: {quiet_seconds: .inf}": ("watch.quiet_seconds", "finite"),
    "hooks: [{name: a}]": ("hooks.0.command", "either a command or a url"),
    "hooks: [{name: a, command: [x], url: 'https://x.org'}]": ("hooks.0.command", "either"),
    "hooks: [{name: a, command: tell}]": ("hooks.0.command", "must be a list"),
    "hooks: [{name: a, command: []}]": ("hooks.0.command", "a program, then its arguments"),
    "hooks: [{name: 'a b', command: [x]}]": ("hooks.0.name", "letters, digits"),
    "hooks: [{name: a, command: [x]}, {name: a, command: [y]}]": ("hooks.1.name", "another hook"),
    "hooks: [{name: a, on: [], command: [x]}]": ("hooks.0.on", "1 or more entries"),
    "hooks: [{name: a, on: [dun], command: [x]}]": ("hooks.0.on.0", "'done', 'partial'"),
    "hooks: [{name: a, command: [x], commnd: y}]": ("hooks.0.commnd", "did you mean command?"),
    "hooks: [{name: a, command: [x], secret: y}]": ("hooks.0.secret", "a command needs none"),
    "hooks: [{name: a, url: 'ftp://x.org'}]": ("hooks.0.url", "http:// or https://"),
    "hooks: [{name: a, url: 'https://u:p@x.org'}]": ("hooks.0.url", "user and password"),
    "hooks: [{name: a, url: 'https://x.org', secret: 'whsec_?'}]": ("hooks.0.secret", "base64"),
    "hooks: [{name: a, url: 'https://x.org', secret: ''}]": ("hooks.0.secret", "is empty"),
    "hooks: [{name: a, url: 'https://x.org', secret: b, secret_file: c}]": (
        "hooks.0.secret",
        "not in both",
    ),
    "hooks: [{name: a, url: 'https://x.org', attempts: 0}]": ("hooks.0.attempts", "1 or more"),
    "engine: {kind: dask}": ("engine.kind", "needs the address of a scheduler"),
    "engine: {scheduler: 'host:8786'}": ("engine.scheduler", "tls)://"),
    "engine: {kind: dask, scheduler: 'tls://h:1'}": ("engine.scheduler", "needs engine.tls_ca"),
    "engine: {kind: dask, scheduler: 'tcp://h:1', tls_ca: a}": ("engine.tls_ca", "tls://h:1"),
    "1: x": ("--config", "keys and values"),
}


@pytest.mark.parametrize(("text", "finding"), REFUSED.items())
def test_an_invalid_value_is_refused_with_key_and_remedy(
    write: Write, text: str, finding: tuple[str, str]
) -> None:
    key, remedy = finding

    error = refused(write(text))

    assert error.key.startswith(key)
    assert remedy in error.remedy


HIDDEN = (
    "hooks: [{name: a, url: 'https://x.org', secret: [hunter2]}]",
    "hooks: [{name: a, secret: hunter2, sekret: 1}]",
    "hooks: [{secret: hunter2}]",
    "hooks: {secret: hunter2}",
    "hooks: [{name: a, url: 'https://hunter2@x.org'}]",
    "hooks: [[{secret: hunter2}]]",
    "hooks: [{name: a, url: [hunter2]}]",
    "pdf: {passwords: hunter2}",
)


@pytest.mark.parametrize("text", HIDDEN)
def test_a_finding_repeats_no_secret(write: Write, text: str) -> None:
    assert "hunter2" not in str(refused(write(text)))


def test_on_and_off_are_strings_and_not_booleans(write: Write) -> None:
    text = "sandbox: off\nallow_root: yes\nhooks: [{name: a, on: [failed], command: [tell]}]"

    config = load(write(text))

    assert (config.sandbox, config.allow_root, config.hooks[0].on) == ("off", True, ("failed",))


def test_files_of_hooks_are_relative_to_the_config(write: Write, tmp_path: Path) -> None:
    hooks = (
        "hooks: [{name: a, command: [bin/tell, ./x]}, {name: b, command: [tell]}, "
        "{name: c, url: 'https://x.org/y', secret_file: s}]"
    )

    first, second, third = load(write(hooks)).hooks

    assert first.command == (str(tmp_path / "bin/tell"), "./x")
    assert (second.command, third.secret_file) == (("tell",), tmp_path / "s")


def test_a_hook_does_not_show_its_secret() -> None:
    assert "s3cret" not in repr(Hook(name="d", url="https://x.org", secret="s3cret"))


def test_the_archive_may_lie_inside_the_inbox(write: Write) -> None:
    load(write("folders: {archive: inbox/archive, failed: inbox/failed}"))


def test_an_empty_section_accepts_the_short_name_of_a_variable(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOG_LEVEL", "debug")

    assert load(write("logging:")).logging.level == "DEBUG"
    assert refused(write("logging: 3")).key == "logging"


@pytest.mark.parametrize("name", ["OCR_DAEMON_WORKERS", "OCR_DAEMON__WATCH"])
def test_an_invalid_variable_in_the_environment_is_refused(
    write: Write, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "abc")

    assert refused(write("")).remedy


def test_the_error_for_a_missing_value_does_not_repeat_the_file(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("profiles: [{name: a}]")

    error = refused(tmp_path / "config.yaml")

    assert (error.key, error.value) == ("profiles.0.folders", "nothing")


def test_home_is_expanded(write: Write) -> None:
    assert load(write("folders: {inbox: ~/scans}")).folders.inbox == Path.home() / "scans"


def test_an_unknown_name_in_the_environment_is_refused(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCR_DAEMON__WORKRES", "2")

    assert "did you mean workers?" in refused(write("")).remedy


@pytest.mark.parametrize("text", ["a: [", "- a list", "just words", "{[a]: b}", "watch: {[a]: b}"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.yaml").write_text(text)

    assert refused(tmp_path / "config.yaml").key == "--config"


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "No such file" in refused(tmp_path / "config.yaml").remedy


@pytest.mark.parametrize(
    ("quota", "cores"), [("200000 100000", 2), ("150000 100000", 1), ("20000 100000", 1)]
)
def test_a_cpu_quota_limits_the_number_of_workers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, quota: str, cores: int
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(16)))
    (tmp_path / "cpu.max").write_text(f"{quota}\n")

    assert usable_cores(tmp_path / "cpu.max") == cores


@pytest.mark.parametrize("quota", ["max 100000\n", "", None])
def test_without_a_quota_the_affinity_decides(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, quota: str | None
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(16)))
    if quota is not None:
        (tmp_path / "cpu.max").write_text(quota)

    assert usable_cores(tmp_path / "cpu.max") == 16
