"""A small run from its first batch to the released files: one face, four texts, seconds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from daemon.ocr.model import artifact
from daemon.ocr.model.shape import NARROW
from tests.support.running_daemon import SHIPPED
from tests.unit.training.drawn import TEXTS, built_in
from tests.unit.training.test_real_lines import write_archive
from training.commands import app
from training.data.corpus import POOLS
from training.release import build, export
from training.release.spec import ReleaseSpec
from training.train.trainer import Hyperparameters

CHINESE = ("发票号码", "合计金额")


@pytest.fixture(scope="module")
def supplies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One face to train on and one held out (here the same), and a few texts in each pool."""
    folder = tmp_path_factory.mktemp("supplies")
    for package in ("fonts-dejavu-core", "fonts-vollkorn"):
        (folder / "fonts" / package).mkdir(parents=True)
        built_in(folder / "fonts" / package)
    corpus = folder / "texts/corpus"
    corpus.mkdir(parents=True)
    for pool in POOLS:
        texts = CHINESE if pool.startswith("zh") else TEXTS
        many = [f"{text} {n}" for n in range(300) for text in texts]
        (corpus / f"{pool}.txt").write_text("\n".join(many), "utf-8")
        words = [f"{text.split()[0]}{n}\t1" for n in range(300) for text in texts]
        (corpus / f"words-{pool}.txt").write_text("\n".join(words), "utf-8")
    return folder


def train(
    folder: Path, supplies: Path, minutes: float, *more: str
) -> list[dict[str, dict[str, float]]]:
    """Run `training run` in this process and return its history."""
    arguments = ["run", str(folder), "--minutes", str(minutes), "--supplies", str(supplies)]
    small = ["--workers", "0", "--heldout", "4", "--columns", "640", "--every", "1000"]
    result = CliRunner().invoke(app, [*arguments, *small, *more], catch_exceptions=False)
    assert result.exit_code == 0
    return [json.loads(row) for row in (folder / "history.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, supplies: Path) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "small"
    train(folder, supplies, 0.03)
    return folder


@pytest.mark.slow
def test_a_resumed_run_continues_where_it_stopped(run: Path, supplies: Path) -> None:
    before = torch.load(run / "last.pt", weights_only=True)
    history = train(run, supplies, 0.06)

    assert before["steps"] > 0
    resumed, ended = history[-2], history[-1]
    assert (resumed["steps"], resumed["lines"]) == (before["steps"], before["lines"])
    assert ended["steps"] > before["steps"]


@pytest.mark.slow
def test_the_best_checkpoint_is_exported_in_both_formats_with_a_card(
    run: Path, supplies: Path, tmp_path: Path
) -> None:
    arguments = ["export", str(run), "--name", "small-1", "--into", str(tmp_path), "--heldout", "3"]
    result = CliRunner().invoke(
        app, [*arguments, "--supplies", str(supplies), "--int8"], catch_exceptions=False
    )

    assert result.exit_code == 0
    names = ["small-1.pt", "small-1.onnx", "small-1.int8.onnx", "small-1.md"]
    assert [Path(row).name for row in result.stdout.splitlines()] == names
    loaded = artifact.load(export.weights_for(tmp_path / "small-1.int8.onnx"))
    assert (loaded.card.name, loaded.precision) == ("small-1", "int8")
    assert "錢" in loaded.charset.characters
    assert "Temperature" in (tmp_path / "small-1.md").read_text()


@pytest.mark.slow
def test_a_network_of_another_shape_is_trained_from_the_start_and_exported(
    supplies: Path, tmp_path: Path
) -> None:
    run, real = tmp_path / "narrow", tmp_path / "real.tar"
    write_archive(real, {f"here_a{number}-1_000.jpg": "Rate" for number in range(20)})
    teacher = ["--hint-time", "0.3", "--teacher-languages", "all", "--teacher-batches", "0.5"]
    teacher += ["--teacher", str(SHIPPED.file)]
    options = ["--network", "narrow", *teacher, "--real", str(real), "--real-share", "0.5"]
    history = train(run, supplies, 0.05, *options)
    arguments = ["export", str(run), "--name", "small-2", "--into", str(tmp_path), "--heldout", "3"]
    result = CliRunner().invoke(
        app, [*arguments, "--supplies", str(supplies)], catch_exceptions=False
    )

    assert result.exit_code == 0
    assert set(history[-1]["real"]) == {"here"}
    network, _, card = artifact.restore(tmp_path / "small-2.pt")
    assert card.network == NARROW
    assert network.blocks[1].depthwise.conv.stride == (1, 2)
    artifact.load(export.weights_for(tmp_path / "small-2.onnx"))


@pytest.mark.slow
def test_a_file_that_reads_differently_is_refused(
    run: Path, supplies: Path, tmp_path: Path
) -> None:
    spec = ReleaseSpec(
        runs=[run], start=SHIPPED.file, share=0.2, name="one", into=tmp_path,
        supplies=supplies,
    )  # fmt: skip
    network, charset, card = build.load_network(spec)
    (script, _), _ = export.export(export.TopKNetwork(network), charset, card, tmp_path)
    with torch.no_grad():
        network.classifier.bias[7] += 30

    with pytest.raises(export.FormatMismatch, match=r"one\.pt"):
        export.check_parity(export.TopKNetwork(network), script, card.framing)


def test_the_rate_rises_then_falls_to_zero() -> None:
    hyperparameters = Hyperparameters(minutes=10, peak_rate=1e-3, warm_up=0.1)

    rates = [hyperparameters.rate(progress) for progress in (0.0, 0.05, 0.1, 0.55, 1.0, 1.2)]

    assert rates == pytest.approx([0, 5e-4, 1e-3, 5e-4, 0, 0])


def test_blending_does_not_change_new_classes() -> None:
    trained, start = {"w": torch.tensor([1.0, 1.0, 1.0])}, {"w": torch.tensor([0.0, 0.0])}

    mixed = export.blended(trained, start, 0.25)

    torch.testing.assert_close(mixed["w"], torch.tensor([0.75, 0.75, 1.0]))
