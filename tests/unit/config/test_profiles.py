"""Profiles: settings that override the general ones in some folders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from daemon.config.load import load
from daemon.config.sections import Profile
from daemon.config.settings import Config
from daemon.core.errors import Misconfigured
from daemon.engine.protocol import WorkerSetup
from daemon.supervisor import preflight, wiring
from tests.support.repository import REPOSITORY
from tests.support.running_daemon import DETECTOR, MODEL

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(*profiles: dict[str, object], **values: object) -> Path:
        path = tmp_path / "config.yaml"
        values = {"model": MODEL, "detector": DETECTOR, "profiles": list(profiles)} | values
        path.write_text(yaml.safe_dump(values))
        return path

    return to_file


def under(path: Path, number: int = 0) -> Config:
    return load(path).with_profile(number)


def named(name: str, *folders: str, **changes: object) -> dict[str, object]:
    return {"name": name, "folders": list(folders or [name]), **changes}


# --- what a profile changes ---------------------------------------------------------------------


def test_a_profile_overrides_only_the_keys_that_it_sets(write: Write) -> None:
    changed = named("a", preprocess={"denoise": "median"}, limits={"pages": 3}, segmenter="dbnet")
    config = load(write(changed, preprocess={"deskew": False}, limits={"page_seconds": 9}))

    found = config.with_profile(0)

    assert found.preprocess.denoise == "median"
    assert (found.preprocess.deskew, found.preprocess.auto_rotate) == (False, True)
    assert (found.limits.pages, found.limits.page_seconds) == (3, 9)
    assert (found.segmenter, config.segmenter) == ("dbnet", "auto")
    assert config.preprocess.denoise == "off"
    assert found.pdf == config.pdf


def test_every_override_of_a_profile_reaches_its_policy(write: Write) -> None:
    changes = {
        "outputs": ["text", "alto"], "priority": 7, "quiet_seconds": 0, "pdf": {"dpi": 250},
        "retention": {"failed_days": 30},
    }  # fmt: skip
    path = write(named("a", **changes), retention={"archive_days": 365}, outputs=["text"])
    config = load(path)

    ours, others = (wiring.policies(config).of(name) for name in ("a/b/1.pdf", "1.pdf"))

    assert (ours.outputs, others.outputs) == (("text", "alto"), ("text",))
    kept, other = (wiring.retentions(config).of(name) for name in ("a/b/1.pdf", "1.pdf"))
    assert (kept.archive_days, kept.failed_days) == (365, 30)
    assert other.failed_days is None
    assert (ours.recipe.rendering.dpi, others.recipe.rendering.dpi) == (250, 300)
    assert [wiring.priorities(config).of(name) for name in ("a/1.pdf", "1.pdf")] == [7, 0]
    assert under(path).watch.quiet_seconds == 0


def test_the_hooks_of_a_profile_replace_the_general_ones_and_all_have_a_sender(
    write: Write,
) -> None:
    ours, others = ({"name": name, "command": [f"bin/{name}"]} for name in ("ours", "others"))
    path = write(named("a", hooks=[ours]), hooks=[others])
    config = load(path)

    found = [wiring.policies(config).of(name).hooks for name in ("a/1.pdf", "1.pdf")]

    assert [[hook.name for hook in hooks] for hooks in found] == [["ours"], ["others"]]
    assert found[0][0].command == (str(path.parent / "bin/ours"),)
    assert {hook.name for hook in config.all_hooks} == {"ours", "others"}


def test_an_empty_list_overrides_and_a_null_does_not(write: Write) -> None:
    path = write(named("a", outputs=[], segmenter=None, limits=None), outputs=["text"])

    assert (under(path).outputs, under(path).segmenter) == ((), "auto")


def test_the_environment_sets_what_no_profile_overrides(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCR_DAEMON__LIMITS__PAGES", "5")
    monkeypatch.setenv("OCR_DAEMON__LIMITS__PAGE_SECONDS", "7")

    found = under(write(named("a", limits={"pages": 3})))

    assert (found.limits.pages, found.limits.page_seconds) == (3, 7)


REFUSED = [
    ([{"name": "a"}], "profiles.0.folders", "is missing"),
    ([named("a", folders=[])], "profiles.0.folders", "1 or more"),
    ([named("a", folders="a")], "profiles.0.folders", "a list"),
    ([named("a b")], "profiles.0.name", "not allowed"),
    ([named("a@1")], "profiles.0.name", "not allowed"),
    ([named("default")], "profiles.0.name", "is reserved"),
    ([named("a"), named("a", "b")], "profiles.1.name", "name of another profile"),
    ([named("a", segmentr="db")], "profiles.0.segmentr", "did you mean segmenter?"),
    ([named("a", model={})], "profiles.0.model", "no such key"),
    ([named("a", segmenter="best")], "profiles.0.segmenter", "'auto', 'opencv' or 'dbnet'"),
    ([named("a", preprocess={"denoize": "median"})], "profiles.0.preprocess.denoize", "denoise?"),
    ([named("a", preprocess={"denoise": "much"})], "profiles.0.preprocess.denoise", "'median'"),
    ([named("a", preprocess="much")], "profiles.0.preprocess", "a section"),
    ([named("a"), named("b", limits={"pages": 0})], "profiles.1.limits.pages", "1 or more"),
    (
        [named("a", retention={"archive_days": 0})],
        "profiles.0.retention.archive_days",
        "more than 0",
    ),
    ([named("a", outputs=["word"])], "profiles.0.outputs.0", "'searchable_pdf'"),
    (
        [named("a", hooks=[{"name": "x"}])],
        "profiles.0.hooks.0.command",
        "either a command or a url",
    ),
    ([named("a", hooks=[{"name": "x", "commnd": ["y"]}])], "profiles.0.hooks.0.commnd", "command?"),
    (
        [
            named("a", hooks=[{"name": "x", "command": ["tell"]}]),
            named("b", "b", hooks=[{"name": "x", "command": ["shout"]}]),
        ],
        "profiles.1.hooks.0.name",
        "different hook elsewhere",
    ),
    ([named("a", quiet_seconds=-1)], "profiles.0.quiet_seconds", "0 or more"),
    ([named("a", quiet_seconds=31)], "profiles.0.quiet_seconds", "rescan_seconds"),
    ([named("a", priority=10**6)], "profiles.0.priority", "1000"),
    ([named("a", pdf={"dpi": 150})], "profiles.0.pdf.min_dpi", "pdf.dpi (150)"),
    ([named("a", "/a")], "profiles.0.folders.0", "relative to the inbox"),
    ([named("a", "b", "a/../c")], "profiles.0.folders.1", "not leave the inbox"),
    ([named("a"), named("b", "b", "a/**")], "profiles.1.folders.1", "profile a already matches it"),
    ([named("a", "**"), named("b")], "profiles.1.folders.0", "profile a already matches it"),
]


@pytest.mark.parametrize(("profiles", "key", "remedy"), REFUSED)
def test_an_invalid_profile_is_refused_with_key_and_remedy(
    write: Write, profiles: list[dict[str, object]], key: str, remedy: str
) -> None:
    with pytest.raises(Misconfigured) as error:
        load(write(*profiles))

    assert error.value.key == key
    assert remedy in error.value.remedy


def test_a_profile_needs_the_network_of_its_segmenter(write: Write) -> None:
    path = write(named("a", segmenter="dbnet"), segmenter="opencv", detector={"file": None})

    with pytest.raises(Misconfigured, match=r"profiles\.0\.segmenter = dbnet: needs a network"):
        load(path)


def test_a_network_that_only_one_profile_needs_is_checked_at_start(write: Write) -> None:
    gone = {"file": "gone.onnx"}
    preflight.refuse_bad_weights(load(write(segmenter="opencv", detector=gone)))

    with pytest.raises(Misconfigured, match=r"detector\.file"):
        preflight.refuse_bad_weights(
            load(write(named("a", segmenter="dbnet"), segmenter="opencv", detector=gone))
        )


def test_workers_may_read_the_networks_of_all_profiles(write: Write) -> None:
    config = load(write(named("a", segmenter="dbnet"), segmenter="opencv"))

    assert config.detector.file in WorkerSetup(config.recipes, 1).readable
    assert config.detector.file not in WorkerSetup((config.recipe,), 1).readable


def test_the_example_in_the_shipped_config_is_valid(write: Write) -> None:
    text = (REPOSITORY / "config.yaml").read_text()
    lines = text.partition("profiles: []")[2].partition("\nlogging:")[0].splitlines()
    example = [line.removeprefix("#") for line in lines if line.startswith("#")]
    (profile,) = yaml.safe_load("\n".join(example))

    found = under(write(profile))

    assert set(profile) == set(Profile.model_fields)
    assert (found.priority, found.watch.quiet_seconds, found.segmenter) == (10, 0, "dbnet")


# --- what identity a reading has ----------------------------------------------------------------


def test_the_profile_identity_changes_only_with_the_settings_that_influence_the_text(
    write: Write,
) -> None:
    shipped = load(REPOSITORY / "config.yaml")

    assert wiring.policies(shipped).of("a.png").profile == "default@7a686020"


def test_the_profile_identity_consists_of_the_name_and_a_digest_of_the_settings(
    write: Write,
) -> None:
    path = write(
        named("a"), named("b"), named("c", segmenter="dbnet"), named("d", priority=3),
        named("e", outputs=["text"]),
    )  # fmt: skip
    policies = wiring.policies(load(path))

    names, digests = zip(
        *(policies.of(f"{folder}/1.png").profile.split("@") for folder in "xabcde"), strict=True
    )

    assert names == ("default", "a", "b", "c", "d", "e")
    assert digests[0] == digests[1] == digests[2] == digests[4]
    assert len({digests[0], digests[3], digests[5]}) == 3


@pytest.mark.parametrize(("segmenter", "is_told"), [("auto", True), ("opencv", False)])
def test_auto_without_a_network_is_told(write: Write, segmenter: str, is_told: bool) -> None:
    config = load(write(segmenter=segmenter, detector={"file": None}))

    keys = [each.key for each in preflight.findings(config)]

    assert ("detector.file" in keys) is is_told
