"""From runs to what ships: averaged, blended with the start, made honest, written, described."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch

from daemon.core.errors import Misconfigured
from daemon.core.options import Weights
from daemon.ocr.model import artifact
from daemon.ocr.model.card import ModelCard
from daemon.ocr.model.charset import Charset
from daemon.ocr.model.crnn import TopKNetwork, from_folded_state
from training.evaluate.calibration import fit_temperature
from training.evaluate.evaluate import ErrorCounts, drawn_lines, evaluate, outcomes_of
from training.release import model_card
from training.release.blank_gate import fit_silence
from training.release.export import averaged, blended, export, quantize
from training.synth import dataset_stream
from training.train.run import live
from training.train.widen import widen

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from daemon.ocr.model.crnn import CRNN
    from training.evaluate.evaluate import Labelled

_SEED = 11  # other lines than a run's own
_FITTED = 500  # of them are enough for a temperature, which is looked for in a dozen readings


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to ship: a checkpoint of runs (folders) that began at `start`; `share` is blended in."""

    runs: Sequence[Path]
    start: Path
    share: float
    name: str
    into: Path
    supplies: Path
    checkpoint: Literal["best", "last"] = "best"
    int8: bool = False
    heldout: int = 2000


def ship(order: Order, measured_on: Sequence[Path]) -> Iterator[str]:
    """Write the artifacts and their card; yield what was written, a row each.

    Raises Unequal when the formats disagree; FileNotFoundError for a run without a checkpoint.
    """
    network, charset, card = trained(order)
    heldout = _drawn(order, charset, order.heldout, heldout=True)
    reader = TopKNetwork(network)
    calibrate(reader, charset, card, heldout[:_FITTED])
    learned = _drawn(order, charset, 2 * order.heldout, heldout=False)
    reader.silence = fit_silence(reader, card.framing, learned, heldout)
    written = export(reader, charset, card, order.into)
    losses = measured_losses(written[0][0], heldout)
    if losses:
        written = export(reader, charset, replace(card, losses=losses), order.into)
    files = [path for path, _ in written]
    if order.int8:
        files.append(quantize(files[1]))
    yield from map(str, files)
    shipped = model_card.Shipped(
        files=files, temperature=float(reader.temperature), losses=losses, heldout=heldout
    )
    yield str(model_card.write(order, shipped, measured_on))


def _drawn(order: Order, charset: Charset, count: int, *, heldout: bool) -> list[Labelled]:
    """Return lines in faces and of texts of training, or in such as never trained."""
    drawn = dataset_stream.stream(order.supplies, charset.characters, _SEED, heldout=heldout)
    return drawn_lines(islice(drawn, count))


def trained(order: Order) -> tuple[CRNN, Charset, ModelCard]:
    """Return the network that the checkpoints of the runs make together."""
    states = [_checkpoint(run, order.checkpoint) for run in order.runs]
    start, _, _ = artifact.restore(order.start)
    widen(start)
    state = averaged([state["average"] for state in states])
    network = from_folded_state(blended(state, start.state_dict(), order.share))
    return (
        network.eval(),
        Charset.of(states[0]["charset"]),
        replace(ModelCard.from_json(states[0]["card"]), name=order.name),
    )


def _checkpoint(run: Path, name: str) -> dict[str, Any]:
    kept = run / f"{name}.pt"
    state: dict[str, Any] = torch.load(kept, map_location="cpu", weights_only=True)
    return state


def calibrate(
    reader: TopKNetwork, charset: Charset, card: ModelCard, heldout: Sequence[Labelled]
) -> None:
    """Give `reader` the temperature at which confidences on held-out lines are the most honest."""
    recognizer = live(reader, charset, card, torch.device("cpu"))

    def evaluate_at(temperature: float) -> Any:
        reader.temperature.fill_(temperature)
        return outcomes_of(recognizer, heldout)

    reader.temperature.fill_(fit_temperature(evaluate_at))


def measured_losses(script: Path, heldout: Sequence[Labelled]) -> dict[str, float]:
    """Return by how much CER rises in each precision that this processor has besides fp32."""
    losses = {}
    with suppress(Misconfigured):  # bf16 where it is only emulated
        half = evaluate(Weights(file=script, precision="bf16"), heldout)
        full = evaluate(Weights(file=script, precision="fp32"), heldout)
        losses["bf16"] = ErrorCounts.of(half.outcomes).cer - ErrorCounts.of(full.outcomes).cer
    return losses
