"""Builds a release from runs: average, blend with the start, calibrate, export, write the card."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import torch

from daemon.core.errors import Misconfigured
from daemon.core.options import Weights
from daemon.ocr.model import artifact
from daemon.ocr.model.card import ModelCard
from daemon.ocr.model.charset import Charset
from daemon.ocr.model.crnn import TopKNetwork, from_folded_state
from training.evaluate.calibration import fit_temperature
from training.evaluate.error_rate import ErrorCounts, as_labelled_lines, evaluate, read_lines
from training.release import model_card
from training.release.blank_gate import fit_blank_gate
from training.release.export import averaged, blended, export, quantize
from training.release.spec import ReleaseResult
from training.synth import dataset_stream
from training.train.run import live_recognizer
from training.train.widen import widen

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from daemon.ocr.model.crnn import CRNN
    from training.evaluate.error_rate import LabelledLine
    from training.release.spec import ReleaseSpec

_SEED = 11  # different from the seeds of runs
_TEMPERATURE_LINES = 500  # enough for the temperature, whose search reads them a dozen times


def build_release(spec: ReleaseSpec, measured_on: Sequence[Path]) -> Iterator[str]:
    """Write the artifacts and their card; yield the path of each.

    Raises FormatMismatch when the formats disagree, FileNotFoundError for a run without checkpoint.
    """
    network, charset, card = load_network(spec)
    heldout = _drawn_lines(spec, charset, spec.heldout, heldout=True)
    reader = TopKNetwork(network)
    calibrate(reader, charset, card, heldout[:_TEMPERATURE_LINES])
    train_lines = _drawn_lines(spec, charset, 2 * spec.heldout, heldout=False)
    reader.silence = fit_blank_gate(reader, card.framing, train_lines, heldout)
    written = export(reader, charset, card, spec.into)
    losses = precision_losses(written[0][0], heldout)
    if losses:
        written = export(reader, charset, replace(card, losses=losses), spec.into)
    files = [path for path, _ in written]
    if spec.int8:
        files.append(quantize(files[1]))
    yield from map(str, files)
    result = ReleaseResult(
        files=files, temperature=float(reader.temperature), losses=losses, heldout=heldout
    )
    yield str(model_card.write(spec, result, measured_on))


def _drawn_lines(
    spec: ReleaseSpec, charset: Charset, count: int, *, heldout: bool
) -> list[LabelledLine]:
    """Return lines from the faces and texts of training, or from the held-out ones."""
    drawn = dataset_stream.stream(spec.supplies, charset.characters, _SEED, heldout=heldout)
    return as_labelled_lines(islice(drawn, count))


def load_network(spec: ReleaseSpec) -> tuple[CRNN, Charset, ModelCard]:
    """Return the network averaged over the checkpoints of the runs."""
    states = [_checkpoint(run, spec.checkpoint) for run in spec.runs]
    start, _, _ = artifact.restore(spec.start)
    widen(start)
    state = averaged([state["average"] for state in states])
    if spec.share:
        state = blended(state, start.state_dict(), spec.share)
    card = replace(ModelCard.from_json(states[0]["card"]), name=spec.name)
    network = from_folded_state(state, card.shape)
    return network.eval(), Charset.of(states[0]["charset"]), card


def _checkpoint(run: Path, name: str) -> dict[str, Any]:
    path = run / f"{name}.pt"
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def calibrate(
    reader: TopKNetwork, charset: Charset, card: ModelCard, heldout: Sequence[LabelledLine]
) -> None:
    """Set the temperature of `reader` that calibrates its confidences on held-out lines best."""
    recognizer = live_recognizer(reader, charset, card, torch.device("cpu"))

    def evaluate_at(temperature: float) -> Any:
        reader.temperature.fill_(temperature)
        return read_lines(recognizer, heldout)

    reader.temperature.fill_(fit_temperature(evaluate_at))


def precision_losses(script: Path, heldout: Sequence[LabelledLine]) -> dict[str, float]:
    """Return the rise of CER in each precision other than fp32 that this processor supports."""
    losses = {}
    with suppress(Misconfigured):  # bf16 is refused where it is only emulated
        bf16 = evaluate(Weights(file=script, precision="bf16"), heldout)
        fp32 = evaluate(Weights(file=script, precision="fp32"), heldout)
        losses["bf16"] = ErrorCounts.of(bf16.results).cer - ErrorCounts.of(fp32.results).cer
    return losses
