"""What a daemon and a worker of a cluster compare before they read together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from daemon.core.options import Detector, Limits, Preprocessing, Recipe, Weights
from daemon.engine.dask_cluster import compatibility, messages
from daemon.engine.dask_cluster.messages import HandshakeRequest


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    for name in ("net.onnx", "words.txt", "finder.onnx"):
        (tmp_path / name).write_text(name)
    weights = Weights(file=tmp_path / "net.onnx", lexicon=tmp_path / "words.txt")
    return Recipe(
        weights=replace(weights, backend="onnxruntime"),
        detector=Detector(file=tmp_path / "finder.onnx"),
        limits=Limits(page_megapixels=120),  # a whole number, where JSON has 120.0
    )


def hello(*recipes: Recipe) -> HandshakeRequest:
    """Return what arrives at a worker."""
    sent = messages.encode(compatibility.handshake_request("daemon", recipes, recipes[0]))
    return messages.handshake_decoder.decode(sent)


def differences(theirs: HandshakeRequest, own: Recipe) -> list[str]:
    return compatibility.differences(
        theirs, compatibility.versions(own), compatibility.settings(own)
    )


def test_the_same_networks_at_other_paths_read_alike(recipe: Recipe, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for name in ("net.onnx", "words.txt", "finder.onnx"):
        (moved / name).write_text(name)
    weights = replace(
        recipe.weights, file=moved / "net.onnx", lexicon=moved / "words.txt", batch_size=2
    )
    own = replace(recipe, weights=weights, detector=Detector(file=moved / "finder.onnx"))

    assert differences(hello(recipe), own) == []


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("net.onnx", "model.file"),
        ("words.txt", "model.lexicon"),
        ("finder.onnx", "detector.file"),
    ],
)
def test_other_bytes_of_a_network_are_named(recipe: Recipe, name: str, key: str) -> None:
    theirs = hello(recipe)
    (recipe.weights.file.parent / name).write_text("other")

    (found,) = differences(theirs, recipe)

    assert found.startswith(f"{key} is ")


def test_a_network_that_is_loaded_otherwise_is_named(recipe: Recipe) -> None:
    own = replace(recipe, weights=replace(recipe.weights, beam=4))

    assert differences(hello(recipe), own) == ["model.beam is 4 instead of 1"]


def test_another_version_of_the_daemon_or_of_a_library_is_named(recipe: Recipe) -> None:
    theirs = hello(recipe)
    versions = compatibility.versions(recipe) | {"ocr-daemon": "0.0.1", "onnxruntime": None}

    found = compatibility.differences(theirs, versions, compatibility.settings(recipe))

    assert [line.split()[0] for line in found] == ["ocr-daemon", "onnxruntime"]
    assert found[1].startswith("onnxruntime is missing instead of ")


def test_a_detector_that_only_the_worker_has_does_no_harm(recipe: Recipe) -> None:
    without = replace(recipe, segmenter="opencv")

    assert differences(hello(without), recipe) == []
    assert differences(hello(recipe), without) != []


def test_a_profile_that_is_understood_in_part_is_named(recipe: Recipe) -> None:
    """As if the daemon had a setting that this version does not know."""
    other = replace(recipe, name="other", preprocessing=Preprocessing(contrast=True))
    theirs = hello(recipe, other)
    plain = hello(recipe, replace(recipe, name="other"))

    found = differences(msgspec.structs.replace(theirs, recipes=plain.recipes), recipe)

    assert found == ["profile other is not understood in full"]


def test_a_recipe_gets_the_files_of_the_worker_and_keeps_its_settings(recipe: Recipe) -> None:
    theirs = replace(
        recipe,
        weights=Weights(file=Path("/daemon/net.onnx"), beam=3),
        preprocessing=Preprocessing(contrast=True),
        detector=Detector(file=Path("/daemon/finder.onnx")),
    )

    ours = compatibility.localized(theirs, recipe)

    assert (ours.weights.file, ours.weights.lexicon) == (
        recipe.weights.file,
        recipe.weights.lexicon,
    )
    assert ours.detector == recipe.detector
    assert (ours.weights.beam, ours.preprocessing) == (3, theirs.preprocessing)
