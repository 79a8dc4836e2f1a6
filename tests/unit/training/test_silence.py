"""What tells the steps between characters, fitted to the weights that ship on lines drawn here."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from daemon.core.records import Box
from daemon.ocr.batches import frame
from daemon.ocr.model import artifact
from daemon.ocr.model.charset import BLANK
from daemon.ocr.model.crnn import BestSteps, Silence
from daemon.ocr.records import Line
from tests.support.running_daemon import SHIPPED
from training.evaluate.evaluate import Labelled, Rule
from training.release.blank_gate import fit_silence

LEARNED = ("Invoice number 20417", "Total amount due: 1,250.00", "Date 2024-03-15", "Please retain")
JUDGED = ("Receipt for your records", "Quote the number above", "36.80 EUR", "Thank you!")


def drawn(texts: tuple[str, ...]) -> list[Labelled]:
    lines = []
    for text in texts:
        image = np.full((40, 24 * len(text), 1), 255, np.uint8)
        cv2.putText(image, text, (6, 30), cv2.FONT_HERSHEY_SIMPLEX, 1, 0, 2, cv2.LINE_AA)
        lines.append(Labelled(text, Line(Box(0, 0, 1, 1), image[..., 0]), text, Rule()))
    return lines


def test_silent_steps_are_found_and_what_is_named_stays() -> None:
    network, _, card = artifact.restore(SHIPPED.file)
    whole = BestSteps(network).eval()

    fitted = fit_silence(whole, card.framing, drawn(LEARNED), drawn(JUDGED))

    quick = BestSteps(network, silence=fitted).eval()
    for one in drawn(JUDGED):
        lines = torch.from_numpy(frame(one.line.image, card.framing).pixels[None, None])
        with torch.inference_mode():
            before, after = whole(lines)[0][..., 0], quick(lines)[0][..., 0]
            silent = fitted(network.features(lines)) > 0
        assert silent.float().mean() > 0.3
        assert torch.equal(after[before != BLANK], before[before != BLANK])


def test_as_it_is_made_it_takes_no_step_for_silent() -> None:
    assert (Silence(96)(torch.randn(1000, 96)) < 0).all()
