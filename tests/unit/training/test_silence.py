"""The gate for blank steps, fitted to the shipped weights on lines drawn here."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from daemon.core.records import Box
from daemon.ocr.batches import network_input
from daemon.ocr.model import artifact
from daemon.ocr.model.charset import BLANK
from daemon.ocr.model.crnn import BlankGate, TopKNetwork
from daemon.ocr.records import LineCrop
from tests.support.running_daemon import SHIPPED
from training.evaluate.error_rate import ComparisonRule, LabelledLine
from training.release.blank_gate import fit_blank_gate

TRAIN = ("Invoice number 20417", "Total amount due: 1,250.00", "Date 2024-03-15", "Please retain")
THRESHOLD = ("Receipt for your records", "Quote the number above", "36.80 EUR", "Thank you!")


def drawn(texts: tuple[str, ...]) -> list[LabelledLine]:
    lines = []
    for text in texts:
        image = np.full((40, 24 * len(text), 1), 255, np.uint8)
        cv2.putText(image, text, (6, 30), cv2.FONT_HERSHEY_SIMPLEX, 1, 0, 2, cv2.LINE_AA)
        lines.append(
            LabelledLine(text, LineCrop(Box(0, 0, 1, 1), image[..., 0]), text, ComparisonRule())
        )
    return lines


@pytest.mark.slow
def test_silent_steps_are_found_and_characters_are_kept() -> None:
    network, _, card = artifact.restore(SHIPPED.file)
    ungated = TopKNetwork(network).eval()

    fitted = fit_blank_gate(ungated, card.framing, drawn(TRAIN), drawn(THRESHOLD))

    gated = TopKNetwork(network, silence=fitted).eval()
    for one in drawn(THRESHOLD):
        lines = torch.from_numpy(network_input(one.line.image, card.framing).pixels[None, None])
        with torch.inference_mode():
            before, after = ungated(lines)[0][..., 0], gated(lines)[0][..., 0]
            silent = fitted(network.features(lines)) > 0
        assert silent.float().mean() > 0.3
        assert torch.equal(after[before != BLANK], before[before != BLANK])


def test_a_new_gate_takes_no_step_for_silent() -> None:
    assert (BlankGate(96)(torch.randn(1000, 96)) < 0).all()
